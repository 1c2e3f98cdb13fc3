"""Steering a sweep from outside: stop it, propose trials, try failed ones again, take its trials away."""

import json
import os
import signal
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.engine.inbox import carry_out
from rnnsweep.errors import UserError, nearest, refuse_unknown
from rnnsweep.search.journal import open_journal, read_journal, refusing_damage
from rnnsweep.search.space import check_space, encode, leave_out_idle
from rnnsweep.search.trials import load_studies
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.outcome import DIVERGED
from rnnsweep.state.watching.status import read_status
from rnnsweep.sweepfile import Choices, Dimension, IntRange, Sweep

if TYPE_CHECKING:
    import pandas


def stop(mlruns: Path, name: str) -> int:
    """Ask the controller of a sweep to let its trials checkpoint and to end; give its process's number.

    Raises:
        UserError: nobody runs the sweep, or a process on another host does.
    """
    folder = SweepFolder.of(mlruns, name)
    if not folder.is_running() or (holder := folder.controller()) is None:
        raise UserError(f"sweep {name!r}: it is not running, so there is nothing to stop")
    if not holder.is_local:
        raise UserError(f"sweep {name!r}: process {holder.pid} on {holder.host} runs it: stop it there")
    process = holder.process()
    if process is None or process.uids().real != os.getuid():
        raise UserError(f"sweep {name!r}: process {holder.pid} is no controller of yours: it was left alone")
    process.send_signal(signal.SIGINT)
    return holder.pid


def enqueue(sweep: Sweep, architecture: str, values: Mapping[str, Any], *, mlruns: Path) -> None:
    """Propose a trial: its study asks for it next. It counts in the budget.

    While a controller runs the sweep, it reads the request within a second.

    Args:
        sweep: as it was started.
        architecture: of the sweep.
        values: of the searched settings; keys that are left out are drawn.
        mlruns: the folder of results.

    Raises:
        UserError: an unknown architecture or key, a value outside the space, a sweep that was not started.
    """
    refuse_unknown("architecture", architecture, sweep.architectures)
    dimensions = {dimension.key: dimension for dimension in sweep.dimensions(architecture)}
    base = check_space(replace(sweep, architectures=(architecture,)))
    idle = leave_out_idle(sweep, base).idle.get(architecture, frozenset())
    encoded = {}
    for key, value in values.items():
        if key in idle:
            raise UserError(f"{key}={value!r}: it changes nothing in {architecture}; leave it out")
        refuse_unknown("key", key, dimensions)
        encoded[key] = encode(dimensions[key], value)
        if encoded[key] is None and not _is_null_choice(dimensions[key], value):
            raise UserError(f"{key}={value!r}: must be {_allowed(dimensions[key])}")
    folder = SweepFolder.started(mlruns, sweep.name)
    folder.post("enqueue", architecture=architecture, values=encoded)
    _carry_out(sweep, folder, mlruns)


def _allowed(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return f"one of {', '.join('null' if one is None else str(one) for one in dimension.choices)}"
    kind = "a whole number" if isinstance(dimension, IntRange) else "a number"
    step = f" in steps of {dimension.step:g}" if dimension.step not in (None, 1) else ""
    return f"{kind} from {dimension.low:g} to {dimension.high:g}{step}"


def _is_null_choice(dimension: Dimension, value: Any) -> bool:
    return value is None and isinstance(dimension, Choices) and None in dimension.choices


def retry(sweep: Sweep, *, mlruns: Path, task: str | None = None) -> int:
    """Let the failed tasks of a sweep be tried again, by its controller or its next call; give their number.

    A failed trial's parameters are proposed anew and its place in the budget is given back.

    Args:
        task: the name of the one to be tried again, as ``lstm-3`` or ``lstm-3-r0``; None: all that failed,
            but for those that diverged: the same values would again.

    Raises:
        UserError: a sweep that was not started; a task that did not fail.
    """
    folder = SweepFolder.started(mlruns, sweep.name)
    failures = read_status(mlruns, sweep.name).failures
    failed = [one.name for one in failures]
    if task is not None and task not in failed:
        listed = f"failed are {', '.join(failed)}" if failed else "nothing failed"
        raise UserError(
            f"{task!r} is no failed trial of sweep {sweep.name!r}: {listed}.{nearest(task, failed)}"
        )
    again = [one.name for one in failures if one.name == task or (task is None and one.cause != DIVERGED)]
    folder.post("retry", task=task)
    _carry_out(sweep, folder, mlruns)
    return len(again)


def _carry_out(sweep: Sweep, folder: SweepFolder, mlruns: Path) -> None:
    """Do what was asked for at once, where no controller runs that will."""
    with suppress(UserError), folder.hold(), closing(folder.ledger()) as ledger:
        storage = open_journal(folder)
        studies = load_studies(storage, sweep.name, sweep.architectures)
        if len(studies) == len(sweep.architectures):  # else none was made yet, and the next controller does
            carry_out(folder, mlruns, ledger, studies)


def export(mlruns: Path, name: str) -> "pandas.DataFrame":
    """Return all trials of a sweep, one row each, as Optuna keeps them; failed and running ones included.

    Columns: architecture, number, state, value, one ``params_KEY`` for each key of the space, duration in
    seconds, its start and end, and ``user_attrs_NAME`` (scores, overrides, cause), structured ones as JSON.

    Raises:
        UserError: the sweep was not started, or has no trials yet.
    """
    import pandas

    folder = SweepFolder.started(mlruns, name)
    if not folder.has_trials:
        raise UserError(f"sweep {name!r} has no trials yet")
    asked = map(str, (folder.start() or {})["asked"]["architectures"])
    storage = read_journal(folder)
    with refusing_damage(folder.journal):
        studies = load_studies(storage, name, asked)
        tables = [one.trials_dataframe().assign(architecture=word) for word, one in studies.items()]
    table = pandas.concat([table for table in tables if len(table)] or tables, ignore_index=True)
    table.insert(0, "architecture", table.pop("architecture"))
    if "duration" in table:  # not where nothing was tried yet
        table["duration"] = pandas.to_timedelta(table["duration"]).dt.total_seconds()
    objects = [name for name, kind in table.dtypes.items() if kind == "object"]
    for column in objects:  # a file's column holds values of one type
        table[column] = table[column].map(_flat)
    return table


def _flat(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list | tuple | bool | int) else value
