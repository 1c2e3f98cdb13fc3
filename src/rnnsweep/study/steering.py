"""Steering a sweep from outside: stop it, propose trials, try failed ones again, take its trials away."""

import json
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from rnnsweep.errors import UserError, nearest, refuse_unknown
from rnnsweep.study.clock import SystemClock
from rnnsweep.study.journal import JOURNAL, open_journal, read_journal
from rnnsweep.study.ledger import Ledger
from rnnsweep.study.lock import is_running, read_controller, sole_controller
from rnnsweep.study.search import RETRIED
from rnnsweep.study.space import distribution, encode
from rnnsweep.study.start import read_start, sweep_folder
from rnnsweep.study.status import read_status
from rnnsweep.sweep import Choices, Dimension, Sweep
from rnnsweep.tracking.record import RunRecord
from rnnsweep.trial import Outcome
from rnnsweep.trial.messages import OUTCOME

if TYPE_CHECKING:
    import pandas


def stop(mlruns: Path, name: str) -> int:
    """Ask the controller of a sweep to let its trials checkpoint and to end; give its process's number.

    Raises:
        UserError: nobody runs the sweep, or a process on another host does.
    """
    folder = sweep_folder(mlruns, name)
    if not folder.is_dir() or not is_running(folder):
        raise UserError(f"sweep {name!r}: nobody runs it, so there is nothing to stop")
    holder = read_controller(folder)
    if holder["host"] != socket.gethostname():
        raise UserError(f"sweep {name!r}: process {holder['pid']} on {holder['host']} runs it: stop it there")
    os.kill(int(holder["pid"]), signal.SIGINT)
    return int(holder["pid"])


def enqueue(sweep: Sweep, architecture: str, values: Mapping[str, Any], *, mlruns: Path) -> None:
    """Propose a trial: its study asks for it next. It counts in the budget; keys left out are drawn.

    Raises:
        UserError: an unknown architecture or key, a value outside the space, a sweep that never started or
            that somebody runs.
    """
    refuse_unknown("architecture", architecture, sweep.architectures)
    dimensions = {dimension.key: dimension for dimension in sweep.dimensions(architecture)}
    encoded = {}
    for key, value in values.items():
        refuse_unknown("key", key, dimensions)
        encoded[key] = encode(dimensions[key], value)
        if encoded[key] is None and not _is_null_choice(dimensions[key], value):
            raise UserError(f"{key}={value!r}: must be within {distribution(dimensions[key])}")
    folder = _started(mlruns, sweep.name)
    with sole_controller(folder):
        _study(open_journal(folder), sweep.name, architecture).enqueue_trial(encoded)


def _is_null_choice(dimension: Dimension, value: Any) -> bool:
    return value is None and isinstance(dimension, Choices) and None in dimension.choices


def retry(sweep: Sweep, *, mlruns: Path, task: str | None = None) -> int:
    """Let the failed tasks of a sweep be tried again by its next call; give their number.

    A failed trial's parameters are proposed anew and its place in the budget is given back.

    Args:
        task: the name of the one to be tried again, as ``lstm-3`` or ``lstm-3-r0``; None: all that failed.

    Raises:
        UserError: a sweep that never started or that somebody runs; a task that did not fail.
    """
    folder = _started(mlruns, sweep.name)
    with sole_controller(folder):
        storage = open_journal(folder)
        if task is not None:
            _refuse_what_did_not_fail(task, mlruns, sweep.name)
        failed = [n for name in sweep.architectures for n in _retry_trials(storage, sweep.name, name, task)]
        failed += _retry_others(folder, task)
        _note(folder, mlruns, sweep.name, failed)
    return len(failed)


def _refuse_what_did_not_fail(task: str, mlruns: Path, name: str) -> None:
    failed = [failure.name for failure in read_status(mlruns, name).failures]
    if task not in failed:
        listed = f"failed are {', '.join(failed)}" if failed else "nothing failed"
        raise UserError(f"{task!r} is no failed trial of sweep {name!r}: {listed}.{nearest(task, failed)}")


def _retry_trials(storage: BaseStorage, name: str, architecture: str, task: str | None) -> list[str]:
    study = _study(storage, name, architecture)
    given_back = set(study.user_attrs.get(RETRIED, []))
    failed = [t for t in study.get_trials(states=(TrialState.FAIL,)) if t.number not in given_back]
    failed = [t for t in failed if task in (None, f"{architecture}-{t.number}")]
    for trial in failed:
        study.enqueue_trial(trial.params)
    study.set_user_attr(RETRIED, sorted(given_back | {trial.number for trial in failed}))
    return [f"{architecture}-{trial.number}" for trial in failed]


def _retry_others(folder: Path, task: str | None) -> list[str]:
    """Forget the outcomes of failed replicates and of a failed baseline."""
    failed = []
    for path in (folder / "trials").glob(f"*/{OUTCOME}"):
        outcome, name = Outcome.read(path.parent), path.parent.name
        if task not in (None, name):
            continue
        if outcome is not None and outcome.state == "failed" and not name.rpartition("-")[2].isdigit():
            path.unlink()
            failed.append(name)
    return failed


def _note(folder: Path, mlruns: Path, name: str, failed: list[str]) -> None:
    """See that neither status nor comparison counts what is tried again."""
    identity = (read_start(folder) or {})["identity"]
    with closing(Ledger(folder, SystemClock())) as ledger:
        for task in failed:
            ledger.write("end", name=task, state="retried")
            if task.rpartition("-")[2].isdigit():  # another trial takes its place; others go on as they are
                with suppress(ValueError):  # it was not recorded, so nobody counts it
                    record = RunRecord.attach(mlruns, f"{name}.{identity}.{task}")
                    record.tags({"rnnsweep.role": "retried"})


def export(mlruns: Path, name: str) -> "pandas.DataFrame":
    """Give all trials of a sweep, one row each, as Optuna keeps them; failed and running ones included.

    Columns: architecture, number, state, value, one ``params_KEY`` for each key of the space, duration in
    seconds, its start and end, and ``user_attrs_NAME`` (scores, overrides, cause), structured ones as JSON.

    Raises:
        UserError: the sweep never started.
    """
    import pandas

    folder = _started(mlruns, name)
    asked = (read_start(folder) or {})["asked"]["architectures"]
    storage = read_journal(folder)
    tables = [_study(storage, name, str(word)).trials_dataframe() for word in asked]
    for word, table in zip(asked, tables, strict=True):
        table.insert(0, "architecture", str(word))
    table = pandas.concat([table for table in tables if len(table)] or tables, ignore_index=True)
    table["duration"] = pandas.to_timedelta(table["duration"]).dt.total_seconds()
    for column in [
        name for name, kind in table.dtypes.items() if kind == "object"
    ]:  # a file's column holds values of one type
        table[column] = table[column].map(_flat)
    return table


def _flat(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list | tuple | bool | int) else value


def storage_url(mlruns: Path, name: str) -> Path:
    """Give the file of Optuna's journal: ``optuna-dashboard FILE`` opens it.

    Raises:
        UserError: the sweep never started.
    """
    return _started(mlruns, name) / JOURNAL


def _study(storage: BaseStorage, name: str, architecture: str) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(seed=0)
    return optuna.load_study(study_name=f"{name}/{architecture}", storage=storage, sampler=sampler)


def _started(mlruns: Path, name: str) -> Path:
    folder = sweep_folder(mlruns, name)
    if not (folder / JOURNAL).is_file():
        raise UserError(f"sweep {name!r}: it never started, so it has no trials")
    return folder
