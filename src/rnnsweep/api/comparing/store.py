"""What a comparison waits for in the store, and what it keeps there."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnsweep import comparison, tracking
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    import pandas as pd

    from rnnsweep.sweepfile import Sweep


ROUNDS = 3  # of waiting for the store, each of up to 20 s
SENTENCES = 12  # verdicts in a description; the report has all
BESIDE = 0.05  # of a chart's height, above and below its curves
NOTE = "mlflow.note.content"  # the description, of a run and of an experiment


def await_store(folder: SweepFolder, mlruns: Path, uri: str | None, tell: Callable[[str], object]) -> int:
    """Wait until the store has the runs of a finished sweep.

    While the sweep runs there is always something on its way, and it is not waited for.

    Args:
        folder: the sweep's state.
        mlruns: the folder of results.
        uri: the store, as setting `tracking.uri`.
        tell: called with how many records are still to be sent.

    Returns:
        how many runs the store still lacks.
    """
    own, finished = f"{folder.key()}.", folder.is_finished()
    for _ in range(ROUNDS if finished else 1):
        waiting = [key for key in tracking.sync(mlruns, uri, patient=finished).waiting if key.startswith(own)]
        if not waiting:
            return 0
        tell(f"records that are still to be sent to the store: {len(waiting)}")
    return len(waiting)


def keep_answer(
    table: "pd.DataFrame",
    compared: "comparison.Comparison",
    uri: str | None,
    *,
    looks: Sequence[Mapping[str, int]],
    asked: "Sweep | None",
    finished: bool,
) -> None:
    """Keep the report, how often the test part was read, and the looks on the sweep's own run.

    Args:
        table: the sweep's runs.
        compared: what is kept.
        uri: the store, as setting `tracking.uri`.
        looks: how many replicates of each architecture each look tested.
        asked: the sweep as it was asked; None where that is not known.
        finished: whether the sweep has ended; while it runs, it sends what is kept with its own records.
    """
    parents = table[table["role"] == "sweep"]
    if len(parents):
        mlruns = find_paths().mlruns
        record = tracking.RunRecord.attach(mlruns, str(parents["key"].iloc[-1]))
        if compared.report:
            record.artifact(compared.report, "report.html")
        if compared.test_reads is not None:
            record.tags({Tag.TEST_READS: str(compared.test_reads.total)})
        record.tags({Tag.LOOKS: json.dumps(looks)})
        picture = None if asked is None else _picture(asked, table, compared, uri)
        _describe(record, compared, picture, failed=int((table["state"] == "failed").sum()))
        record.flush(5.0)
        tracking.sync(mlruns, uri, patient=finished)


def _picture(
    asked: "Sweep", table: "pd.DataFrame", compared: "comparison.Comparison", uri: str | None
) -> "tracking.SweepPicture":
    """Return what the views draw, with the range of each curve: MLflow begins an axis at zero by itself."""
    import pandas as pd

    from rnnsweep.engine.recording import sweep_picture

    refits = any(one.test.replicates > 1 for one in compared.standings if one.baseline)
    task = str(table["task"].iloc[-1])
    picture = sweep_picture(asked, task, compared.score.name, refits_baseline=refits)
    points = compared.curves
    assert points is not None  # those of the score that decides, which the report's figures show
    others = [key for key in picture.curves if key not in set(points["key"])]
    points = pd.concat([points, tracking.curves(find_paths().mlruns, asked.name, others, uri=uri)])
    drawn = table.loc[table["role"] == ("replicate" if picture.replicated else "trial"), "run_id"]
    points = points[points["run_id"].isin(drawn) & np.isfinite(points["value"])]
    ends = points.groupby("key")["value"].agg(["min", "max"])
    return replace(picture, ranges={str(key): _padded(low, high) for key, low, high in ends.itertuples()})


def _padded(low: float, high: float) -> tuple[float, float]:
    beside = BESIDE * ((high - low) or 1.0)
    return low - beside, high + beside


def _describe(
    record: "tracking.RunRecord",
    compared: "comparison.Comparison",
    picture: "tracking.SweepPicture | None",
    *,
    failed: int,
) -> None:
    """Describe the sweep's run and experiment by answer, standings, verdicts and the report's link."""
    from rnnsweep.tracking.spool.note import read_note

    note = read_note(record.mlruns, record.key)
    if not (note.experiment_id and note.run_id):
        return
    text = tracking.answered_description(
        compared.question,
        compared.answer,
        comparison.standings_markdown(compared),
        [one.sentence for one in compared.verdicts[:SENTENCES]],
        experiment=note.experiment_id,
        run=note.run_id,
        failed=failed,
        replicated=any(one.test.replicates for one in compared.standings if not one.baseline),
    )
    record.tags({NOTE: text})
    record.experiment_tags(
        {NOTE: text, **tracking.compared_views(failed, picture, created_ms=time.time_ns() // 1_000_000)}
    )
