"""Runs read from an MLflow server or another database, page by page."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnsweep.tracking.read.row import RunRow
from rnnsweep.tracking.spool.spool import belongs
from rnnsweep.tracking.store.address import check_answers
from rnnsweep.tracking.store.store import open_client
from rnnsweep.tracking.tags import Tag

PAGE = 1000


def read_rows(target: str, sweep: str | None, own: str | None) -> list[RunRow]:
    """Read the runs of a sweep, or all that this project recorded; `own` is the sweep's own key.

    Raises:
        UserError: the server does not answer.
    """
    client = _client(target)
    return [_row(run) for run in _search(client, sweep, own)]


def read_points(
    target: str, sweep: str | None, own: str | None, keys: set[str]
) -> list[tuple[str, str, int, float]]:
    """Read points of the runs of a sweep.

    Args:
        target: the server.
        sweep: its name; None: all that this project recorded.
        own: the key of the sweep's own run.
        keys: names of the metrics.

    Returns:
        (run_id, key, step, value) of each.

    Raises:
        UserError: the server does not answer.
    """
    client = _client(target)
    return [
        (run.info.run_id, key, point.step, point.value)
        for run in _search(client, sweep, own)
        for key in sorted(keys & set(run.data.metrics))
        for point in client.get_metric_history(run.info.run_id, key)
    ]


def _client(target: str) -> Any:
    check_answers(target)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    return open_client(Path(), target)


def _search(client: Any, sweep: str | None, own: str | None) -> Iterator[Any]:
    """Yield the runs of a sweep or of all; those of another start under a sweep's name are left out."""
    experiments = [e.experiment_id for e in _pages(client.search_experiments)]
    quoted = (sweep or "").replace("'", "")
    query = f"tags.`rnnsweep.sweep` = '{quoted}'" if sweep else "tags.`rnnsweep.key` LIKE '%'"
    for first in range(0, len(experiments), 100):
        chosen = experiments[first : first + 100]
        for run in _pages(client.search_runs, experiment_ids=chosen, filter_string=query):
            key = run.data.tags.get(Tag.KEY)
            if own is None or key is None or belongs(key, own):
                yield run


def _pages(search: Any, **query: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(**query, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _row(run: Any) -> RunRow:
    return RunRow(
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started=run.info.start_time or 0,
        experiment_id=run.info.experiment_id,
        tags={k: v for k, v in run.data.tags.items() if k.startswith("rnnsweep.")},
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
    )
