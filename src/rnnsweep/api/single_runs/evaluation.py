"""Score a recorded run on the test part."""

from pathlib import Path

import yaml

from rnnsweep import tracking
from rnnsweep.api.results import EvaluateResult
from rnnsweep.config import RunConfig, compose, flatten, known_keys, quote, recorded_settings
from rnnsweep.data import columns_by_name
from rnnsweep.errors import UserError
from rnnsweep.files import own_folder
from rnnsweep.json_text import parse_texts
from rnnsweep.paths import find_paths
from rnnsweep.safety.shell import command_line
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.task_folder import LAST
from rnnsweep.tasks.names import tested_names
from rnnsweep.tracking.read.row import RunRow
from rnnsweep.tracking.tags import Tag


def evaluate(run: str, *, uri: str | None = None) -> EvaluateResult:
    """Score a run on the test part, as ``rnnsweep evaluate`` does, and record it on the run.

    Args:
        run: its id, a prefix of it that no other has, its key or its name.
        uri: the store, as setting `tracking.uri`.

    Raises:
        UserError: no such run, several of them, or its checkpoint is gone.
    """
    from rnnsweep.training import evaluate as score
    from rnnsweep.trial.messages import task_name

    mlruns = find_paths().mlruns
    row = tracking.find_run(mlruns, run, uri=uri)
    checkpoint = checkpoint_of(row, mlruns)
    if sweep := row.tags.get(Tag.SWEEP):
        SweepFolder.of(mlruns, sweep).task(task_name(row.tags[Tag.KEY], sweep)).note_test_read()
    recorded = recorded_run(row, mlruns)
    evaluation = score(recorded, checkpoint)
    record = tracking.RunRecord.attach(mlruns, row.tags[Tag.KEY])
    record.summary(tested_names(evaluation.values))
    record.flush(5.0)
    tracking.sync(mlruns, uri)
    titles = {one.name: one.title for one in recorded.spec.scores}
    return EvaluateResult(row.run_id, row.name, recorded.score, titles, evaluation.values, evaluation.classes)


def recorded_run(row: "RunRow", mlruns: Path) -> RunConfig:
    """Compose a recorded run as it was, whatever has become of the files of conf/ since."""
    try:
        overrides = parse_texts(row.tags.get(Tag.OVERRIDES, "[]"))
    except ValueError as error:
        raise UserError(f"run {row.run_id[:8]}: its tag rnnsweep.overrides does not read ({error})") from None
    sweep = row.tags.get(Tag.SWEEP)
    snapshot = SweepFolder.of(mlruns, sweep).conf if sweep else None
    conf = snapshot if snapshot and (snapshot / "config.yaml").is_file() else None
    where = f"run {row.run_id[:8]}"
    with recorded_settings():
        run = compose(overrides, conf=conf, where=where)
        recorded = _values(row)
        changed = [quote(key, value) for key, value in recorded.items() if flatten(run)[key] != value]
        run = compose([*overrides, *changed], conf=conf, where=where) if changed else run
        if run.data.corpus == "files" and run.data.text is None and "data.text" in recorded:
            # a record of an earlier version, which read the column that its name says
            columns = list(columns_by_name(run.data))
            run = compose([*run.overrides, quote("data.text", columns)], conf=conf, where=where)
        return run


def _values(row: "RunRow") -> dict[str, object]:
    from rnnsweep.tracking.naming import from_text

    params = {key: text for key, text in row.params.items() if key in known_keys()}
    return {
        key: yaml.safe_load(text) if text.startswith("[") else from_text(text) for key, text in params.items()
    }


def resumable(name: str, mlruns: Path) -> "RunRow":
    """Find a single run that was interrupted or whose process died, and that has a checkpoint to resume from.

    Raises:
        UserError: there is no such run, it is of a sweep, it is complete, it still runs, or its checkpoint
            is gone.
    """
    tracking.sync(mlruns)  # writes the end of runs whose process died
    row: RunRow = tracking.find_run(mlruns, name)
    label, state = f"run {row.run_id[:8]} ({row.name})", row.tags.get(Tag.STATE, "unknown")
    if sweep := row.tags.get(Tag.SWEEP):
        again = SweepFolder.of(mlruns, sweep).command("sweep")
        raise UserError(f"{label}: is of the sweep {sweep!r}; resume that: {again}")
    if state == "running":
        raise UserError(f"{label}: its process still runs; it can be resumed once that has ended")
    if state not in ("interrupted", "failed"):
        raise UserError(f"{label}: is {state}; there is nothing to resume")
    last = own_folder(mlruns, "runs", row.tags[Tag.KEY]) / LAST
    if not last.is_file():
        again = command_line("train", *parse_texts(row.tags.get(Tag.OVERRIDES, "[]")))
        raise UserError(f"{label}: there is no checkpoint {last} to resume from; train it again: {again}")
    return row


def checkpoint_of(row: "RunRow", mlruns: Path) -> Path:
    """Find the best weights of a recorded run.

    Raises:
        UserError: it kept none, or they are gone.
    """
    state = row.tags.get(Tag.STATE, "unknown")
    place = row.tags.get(Tag.CHECKPOINT)
    if place is None:
        raise UserError(f"run {row.run_id[:8]} ({row.name}, {state}): it has no checkpoint to evaluate")
    path = mlruns / place
    if not path.resolve().is_relative_to(mlruns.resolve()):
        raise UserError(
            f"run {row.run_id[:8]} ({row.name}): its tag {Tag.CHECKPOINT}={place!r} leads out of mlruns/"
        )
    if not path.is_file():
        raise UserError(f"run {row.run_id[:8]} ({row.name}): its checkpoint {path} is gone; train it again")
    return path
