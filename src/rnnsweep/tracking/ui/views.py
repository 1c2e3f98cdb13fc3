"""What the MLflow UI opens on: four prepared views of a sweep, the links to them, and the descriptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from rnnsweep.tasks import LOSS, Score, score_named, spec_named
from rnnsweep.tasks.names import best, tested
from rnnsweep.tasks.score import HIGHER, LOWER
from rnnsweep.tracking.machine.monitor import ENERGY, GPU_NAMES, NAMES
from rnnsweep.tracking.naming import companion
from rnnsweep.tracking.tags import Tag
from rnnsweep.tracking.ui.saved_view import (
    TAG,
    bar,
    column,
    columns,
    hidden,
    line,
    pack,
    page,
    parallel,
    scatter,
    section,
)

# the shipper, who makes the experiment, puts its number here
EXPERIMENT = "@EXPERIMENT@"
TITLES = {"standings": "Standings", "search": "Search", "curves": "Learning curves", "failures": "Failures"}
# what every run logs: the page makes a chart of each that a view does not mention
OTHERS = (
    *("time/seconds", "time/samples_per_second", "work/epochs", "work/steps"),
    *("params_total", "epoch", "optimizer/lr"),
    *(*NAMES, *GPU_NAMES, *ENERGY, "memory/peak_bytes", "memory/activations_bytes"),
)
UNFINISHED = "Not compared yet: means are of the runs so far"  # above each view until there is an answer
CHARTS = ("search", "curves")  # views that open on charts; the others open on the table
MEANINGS = {
    "standings": "one row for each architecture, with means over its replicates, best first; the table of"
    " `rnnsweep compare` has the best validation score of the search instead",
    "search": "every trial: parallel coordinates, and the score against each hyperparameter",
    "curves": "the mean curve of each architecture, and the range of its runs",
    "failures": "runs that failed or were interrupted, with the reason",
}


@dataclass(frozen=True)
class SweepPicture:
    """What the views of a sweep need to know.

    `log_scaled` are those of `searched` on a log scale, `shared` those that every architecture has (None:
    all): the page leaves a run out of parallel coordinates that lacks one of their settings.
    """

    question: str
    architectures: Sequence[str]
    searched: Sequence[str] = ()
    log_scaled: Sequence[str] = ()
    replicated: bool = True
    shared: Sequence[str] | None = None
    task: str | None = None
    score: str | None = None  # that decides
    refit: bool = False  # the baseline has replicates, as the networks have
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # of metrics, for their curves

    @property
    def decides(self) -> Score:
        """The score by which runs are ordered."""
        return score_named(self.task, self.score)

    @property
    def running(self) -> list[Score]:
        """The scores that have curves on both parts, the one that decides first where it is among them."""
        spec = spec_named(self.task)
        own = [one for one in spec.scores if one.name in spec.running]
        return sorted(own, key=lambda one: one is not self.decides)

    @property
    def metrics(self) -> list[str]:
        """What every run logs."""
        spec = spec_named(self.task)
        names = [*(one.name for one in spec.scores), LOSS]
        curves = [f"train/{name}" for name in (*spec.running, LOSS)]
        curves += [f"validation/{name}" for name in names]
        return [*map(best, names), *curves, *map(tested, names), *OTHERS]

    @property
    def curves(self) -> list[str]:
        """The metrics whose curves are drawn, the score that decides first."""
        names = dict.fromkeys([self.decides.name, *(one.name for one in self.running), LOSS])
        return [*(f"validation/{name}" for name in names), f"train/{LOSS}", f"train/{self.running[0].name}"]

    @property
    def axes(self) -> list[str]:
        """The searched parameters as they are drawn: logarithms where the scale is one."""
        return [self._axis(name) for name in self.searched]

    @property
    def shared_axes(self) -> list[str]:
        """Those of every architecture."""
        shared = self.searched if self.shared is None else self.shared
        return [self._axis(name) for name in self.searched if name in shared]

    def _axis(self, name: str) -> str:
        return companion(name) if name in self.log_scaled else name


def experiment_tags(picture: SweepPicture, *, created_ms: int) -> dict[str, str]:
    """Return the tags of a sweep's experiment: the views, the description, the metric that counts."""
    states = {
        "standings": _standings(picture),
        "search": _search(picture),
        "curves": _curves(picture),
        "failures": _failures(),
    }
    views = {f"{TAG}{key}": pack(TITLES[key], state, created_ms=created_ms) for key, state in states.items()}
    return views | {
        "mlflow.note.content": description(picture.question),
        "mlflow.experiment.primaryMetric.name": _order(picture),
        "mlflow.experiment.primaryMetric.greaterIsBetter": str(picture.decides.direction == HIGHER),
    }


def description(question: str) -> str:
    """Return the description of a sweep's experiment and parent run: the question and links to the views."""
    lines = [f"- [{TITLES[key]}]({page_of(EXPERIMENT, key)}): {MEANINGS[key]}" for key in TITLES]
    return "\n".join([f"**{question}** {UNFINISHED}", "", *lines])


def answered_description(
    question: str,
    answer: str,
    table: str,
    sentences: Sequence[str],
    *,
    experiment: str,
    run: str,
    failed: int,
    replicated: bool = True,
) -> str:
    """Return the description of a sweep that was compared: the answer, the standings and the report.

    Args:
        question: of the sweep.
        answer: in words.
        table: the standings in Markdown.
        sentences: a verdict each.
        experiment: its number in the store.
        run: the id of the sweep's own run, which has the report.
        failed: trials and replicates that failed.
        replicated: there are replicates, so that the page shows means.
    """
    report = f"#/experiments/{experiment}/runs/{run}/artifacts/report.html"
    meanings = {**MEANINGS, "failures": f"{failed} failed" if failed else "nothing failed"}
    views = [f"- [{TITLES[key]}]({page_of(experiment, key)}): {meanings[key]}" for key in TITLES]
    verdicts = [f"- {one}" for one in sentences]
    links = [f"- [Report]({report}): every figure and table of the comparison", *views]
    # above each view the page shows the first line alone until somebody opens the rest
    means = f". Means over replicates: view {TITLES['standings']}"
    first = f"**{question}** [Report]({report}), {meanings['failures']}{means if replicated else ''}"
    return "\n".join([first, "", answer, "", table, "", *verdicts, "", *links])


def compared_views(failed: int, picture: SweepPicture | None, *, created_ms: int) -> dict[str, str]:
    """Return the tags of the views that change once runs ended: how many failed, between what curves lie."""
    name = f"{TITLES['failures']}: {failed or 'nothing failed'}"
    states = {"failures": (name, _failures())}
    if picture is not None:
        states["curves"] = (TITLES["curves"], _curves(picture))
    return {f"{TAG}{key}": pack(*state, created_ms=created_ms) for key, state in states.items()}


def page_of(experiment: str, view: str) -> str:
    """Return the part of a view's address that follows the server's: ``#/experiments/3/runs?...``."""
    mode = "CHART" if view in CHARTS else "TABLE"
    # without the first, the page opens in the mode for language models, which shows no runs
    query = {"workflowType": "machine_learning", "viewStateShareKey": view, "compareRunsMode": mode}
    return f"#/experiments/{experiment}/runs?{urlencode(query)}"


def _order(picture: SweepPicture) -> str:
    """Return the metric that the standings are ordered by."""
    name = picture.decides.name
    return tested(name) if picture.replicated else best(name)


def _best_of(picture: SweepPicture) -> str:
    """Return the function that takes the best run of a group."""
    return "max" if picture.decides.direction == HIGHER else "min"


def _standings(picture: SweepPicture) -> dict[str, Any]:
    order = _order(picture)
    beside = [tested(one.name) for one in picture.running if one is not picture.decides][:1]
    scores = [tested(picture.decides.name), *beside] if picture.replicated else []
    results = [*scores, best(picture.decides.name), "params_total", "time/seconds", "time/samples_per_second"]
    return page(
        searchFilter=_chosen(picture),
        orderByKey=column("metrics", order),
        orderByAsc=picture.decides.direction == LOWER,
        **columns(
            {column("metrics", name): 170 for name in results},
            longest=max(map(len, picture.architectures), default=0),
        ),
        **_grouped(picture, "average" if picture.replicated else _best_of(picture)),
        compareRunSections=[section("learning curves"), section("score"), section("cost")],
        compareRunCharts=_alone(
            picture,
            line(
                f"validation/{picture.decides.name}",
                "learning curves",
                title=f"validation {picture.decides.title}",
            ),
            line("train/loss", "learning curves", title="training loss"),
            bar(order, "score", title="score"),
            bar("params_total", "cost", title="parameters"),
            bar("time/seconds", "cost", title="seconds"),
        ),
    )


def _chosen(picture: SweepPicture) -> str:
    """Select the runs that are compared: replicates and baseline, or trials where there are none."""
    if picture.replicated and picture.refit:  # without the baseline's fit on the search's split
        return f"tags.`rnnsweep.role` != 'trial' AND tags.`{Tag.REPLICATE}` != ''"
    if picture.replicated:
        return "tags.`rnnsweep.role` != 'trial' AND tags.`rnnsweep.role` != 'sweep'"
    return "tags.`rnnsweep.role` = 'trial'"


def _search(picture: SweepPicture) -> dict[str, Any]:
    params = [column("params", name) for name in picture.searched]
    score = best(picture.decides.name)
    return page(
        searchFilter="tags.`rnnsweep.role` = 'trial'",
        orderByKey=column("metrics", best(picture.decides.name)),
        orderByAsc=picture.decides.direction == LOWER,
        selectedColumns=[column("metrics", score), column("params", "model"), *params],
        compareRunSections=[section("all together", columns=1, height=460), section("one by one")],
        compareRunCharts=_alone(
            picture,
            parallel(["model", *picture.shared_axes], [score], "all together", title="trials"),
            *[scatter(name, score, "one by one", title=f"score against {name}") for name in picture.axes],
        ),
    )


def _curves(picture: SweepPicture) -> dict[str, Any]:
    return page(
        # the baseline is fitted at once and has no curve
        searchFilter=f"tags.`rnnsweep.role` = '{'replicate' if picture.replicated else 'trial'}'",
        orderByKey=column("metrics", best(picture.decides.name)),
        orderByAsc=picture.decides.direction == LOWER,
        selectedColumns=[column("metrics", best(picture.decides.name)), column("params", "model")],
        **_grouped(picture, "average"),
        compareRunSections=[section("on the validation part"), section("on the training part")],
        compareRunCharts=_alone(picture, *[_curve(picture, metric) for metric in picture.curves]),
    )


def _curve(picture: SweepPicture, metric: str) -> dict[str, Any]:
    part = "validation" if metric.startswith("validation/") else "training"
    title = metric.replace("/", " ")
    return line(metric, f"on the {part} part", title=title, between=picture.ranges.get(metric))


def _grouped(picture: SweepPicture, function: str) -> dict[str, Any]:
    """Group by architecture, closed; the baseline is one."""
    group = {"mode": "tag", "groupByData": Tag.ARCHITECTURE}
    return {
        "groupBy": {"aggregateFunction": function, "groupByKeys": [group]},
        "groupsExpanded": {group_id(name): False for name in (*picture.architectures, "linear")},
    }


def group_id(architecture: str) -> str:
    """Name the group of an architecture as the page does, for its state and its colour."""
    return f"tag.{Tag.ARCHITECTURE}.{architecture}"


def _alone(picture: SweepPicture, *charts: dict[str, Any]) -> list[dict[str, Any]]:
    """Show these charts and none of those that the page would add."""
    shown = {chart.get("metricKey") for chart in charts}
    return [*charts, *hidden(name for name in picture.metrics if name not in shown)]


def _failures() -> dict[str, Any]:
    states = ("complete", "pruned", "running")
    widths = {"state": 110, "reason": 560, "architecture": 130, "trial": 70}  # tag -> pixels
    return page(
        # in the order of another thing than time the page shows runs, not the sweep that they are nested in
        orderByKey=column("tags", Tag.REASON),
        searchFilter=" AND ".join(
            ["tags.`rnnsweep.role` != 'sweep'", *[f"tags.`rnnsweep.state` != '{state}'" for state in states]]
        ),
        **columns({column("tags", f"rnnsweep.{name}"): width for name, width in widths.items()}),
    )
