"""What a comparison waits for in the store, and what it keeps there."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep import comparison, tracking
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    import pandas as pd


ROUNDS = 3  # of waiting for the store, each of up to 20 s
SENTENCES = 12  # verdicts in a description; the report has all
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
) -> None:
    """Keep the report, how often the test part was read, and the looks on the sweep's own run.

    Args:
        table: the sweep's runs.
        compared: what is kept.
        uri: the store, as setting `tracking.uri`.
        looks: how many replicates of each architecture each look tested.
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
        _describe(record, compared, failed=int((table["state"] == "failed").sum()))
        record.flush(5.0)
        tracking.sync(mlruns, uri)


def _describe(record: "tracking.RunRecord", compared: "comparison.Comparison", *, failed: int) -> None:
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
        {NOTE: text, **tracking.failures_tag(failed, created_ms=time.time_ns() // 1_000_000)}
    )
