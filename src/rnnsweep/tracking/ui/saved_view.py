"""MLflow's saved views: experiment tags that hold a state of the runs page, packed.

The format is MLflow's own (3.15 and later, undocumented); this is the only module that knows it. A server
that does not know views ignores the tags, and the links still open the experiment.
"""

import base64
import json
import uuid
import zlib
from collections.abc import Iterable
from typing import Any

TAG = "mlflow.sharedViewState."
PACKED = "deflate;"
NAME = 190  # pixels of the column of names, which the page has too
BESIDE = 130  # of them before and after a name
LETTER = 8
WIDEST = 400
LIMIT = 20_000  # characters of an experiment's tag
# replicates with other numbers of rows have other numbers of steps, and the page joins equal places
_BY_EPOCH = {"xAxisKey": "metric", "selectedXAxisMetricKey": "epoch"}


def pack(name: str, state: dict[str, Any], *, created_ms: int) -> str:
    """Write a view as MLflow's own code writes it.

    Raises:
        ValueError: the view is larger than a tag may be.
    """
    inner = json.dumps(state, separators=(",", ":")).encode()
    packed = PACKED + base64.b64encode(zlib.compress(inner)).decode("ascii")
    values = {"name": name, "createdAt": created_ms, "updatedAt": created_ms, "state": packed}
    text = json.dumps(values, separators=(",", ":"))
    if len(text) > LIMIT:
        raise ValueError(f"the view {name!r} has {len(text)} characters, more than {LIMIT}")
    return text


def column(kind: str, key: str) -> str:
    """Name a column or an order: ``metrics.`test/accuracy```."""
    return f"{kind}.`{key}`"


def columns(widths: dict[str, int], *, longest: int = 0) -> dict[str, Any]:
    """Show these columns in this order; `widths` in pixels.

    Before them is the name of a run or a group, wide enough for a group's name of `longest` letters.
    """
    name = {column("attributes", "Run Name"): min(max(NAME, BESIDE + LETTER * longest), WIDEST)}
    every = {**name, **widths}
    return {"selectedColumns": list(widths), "columnOrder": list(every), "columnWidths": every}


def page(**values: Any) -> dict[str, Any]:
    """Return a whole state of the runs page: the page's defaults, with `values` in their place."""
    return {
        "searchFilter": "",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [],
        "columnOrder": [],
        "columnWidths": {},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [],
        "compareRunSections": [],
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,  # else the page sorts the sections by name
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {"lineSmoothness": 0, **_BY_EPOCH},
        "chartsSearchFilter": "",
        **values,
    }


def section(name: str, *, columns: int = 2, height: int = 380) -> dict[str, Any]:
    """Return a section of charts, `height` pixels each; charts stand in it by its name."""
    place = {"uuid": f"section-{name}", "name": name, "display": True, "isReordered": True}
    return place | {"columns": columns, "cardHeight": height}


def hidden(metrics: Iterable[str]) -> list[dict[str, Any]]:
    """Return charts that are not shown: without them the page adds one of its own for each metric."""
    return [bar(name, "hidden", title=name) | {"deleted": True} for name in metrics]


def line(
    metric: str, place: str, *, title: str, between: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Return a chart of curves over epochs.

    Args:
        metric: its name.
        place: id of the chart's section.
        title: of the chart.
        between: ends of the vertical axis; None begins it at zero.
    """
    return _chart(
        "LINE",
        place,
        title,
        metricKey=metric,
        selectedMetricKeys=[metric],
        lineSmoothness=0,
        xAxisScaleType="linear",
        scaleType="linear",
        range=dict(zip(("yMin", "yMax"), between, strict=True)) if between else {},
        **_BY_EPOCH,
        yAxisKey="metric",
        yAxisExpressions=[],
        ignoreOutliers=False,
        useGlobalXaxisKey=True,
        useGlobalLineSmoothing=True,
    )


def bar(metric: str, place: str, *, title: str) -> dict[str, Any]:
    """Return a chart of one bar for each run or group."""
    return _chart("BAR", place, title, metricKey=metric, dataAccessKey=metric)


def scatter(across: str, up: str, place: str, *, title: str) -> dict[str, Any]:
    """Return a chart of a parameter against a metric.

    Args:
        across: name of the parameter.
        up: name of the metric.
        place: id of the chart's section.
        title: of the chart.
    """
    return _chart(
        "SCATTER",
        place,
        title,
        xaxis={"key": across, "type": "PARAM"},
        yaxis={"key": up, "type": "METRIC"},
        runsCountToCompare=1000,
    )


def parallel(params: list[str], metrics: list[str], place: str, *, title: str) -> dict[str, Any]:
    """Return parallel coordinates of all runs.

    Args:
        params: names of the parameters.
        metrics: names of the metrics.
        place: id of the chart's section.
        title: of the chart.
    """
    return _chart("PARALLEL", place, title, selectedParams=params, selectedMetrics=metrics, showAllRuns=True)


def _chart(kind: str, place: str, title: str, **values: Any) -> dict[str, Any]:
    return {
        "uuid": uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {place} {title}").hex,
        "type": kind,
        "runsCountToCompare": 1000,
        "metricSectionId": f"section-{place}",
        "deleted": False,
        "isGenerated": False,
        "displayName": title,
        **values,
    }
