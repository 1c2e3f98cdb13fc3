"""The state of each task of a sweep: its outcome where it has one, else what the ledger says of it."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.outcome import FINAL, EndState, Outcome, turned_validation

RUNNING, WAITING = "running", "waiting"
RETRY = "retry"  # event of the ledger: somebody wants a failed task tried again
RETRIED = "retried"  # it failed, and somebody wants it tried again


@dataclass(frozen=True)
class TaskState:
    """One trial, replicate or baseline."""

    name: str
    state: str  # running | waiting | retried | one of EndState
    cause: str | None = None
    reason: str | None = None
    validation: float | None = None  # natural value
    turned: float | None = None  # so that more is better

    @property
    def role(self) -> str:
        """What the task is: trial, replicate or baseline."""
        return _parts(self.name)[0]

    @property
    def architecture(self) -> str:
        """What it trains."""
        return _parts(self.name)[1]

    @property
    def number(self) -> int | None:
        """The number of its trial, or of the trial that it repeats."""
        return _parts(self.name)[2]

    @property
    def is_over(self) -> bool:
        """Whether nothing follows by itself."""
        return self.state in FINAL


def _parts(name: str) -> tuple[str, str, int | None]:
    """Read a task's name: ``lstm-3`` a trial, ``lstm-3-r0`` its replicate, ``linear`` the baseline."""
    trial, _, repeat = name.rpartition("-r")
    is_repeat = bool(trial) and repeat.isdigit()
    architecture, _, number = (trial if is_repeat else name).rpartition("-")
    if architecture and number.isdigit():
        return "replicate" if is_repeat else "trial", architecture, int(number)
    return "baseline", trial if is_repeat else name, None


def count_repeated(folder: SweepFolder) -> Counter[str]:
    """Count for each architecture the trials that have replicates: several where the best one changed."""
    parts = {_parts(task.name) for task in folder.tasks()}
    return Counter(architecture for role, architecture, _ in parts if role == "replicate")


def task_states(
    folder: SweepFolder, events: Iterable[Mapping[str, Any]] | None = None
) -> dict[str, TaskState]:
    """Return where each task that was ever started stands, by name.

    Args:
        folder: of the sweep.
        events: of its ledger, where they were read already.
    """
    noted = _noted(folder.events() if events is None else events)
    names = dict.fromkeys((*noted, *(task.name for task in folder.tasks())))
    return {name: _state_of(name, folder.task(name).outcome(), noted.get(name, {})) for name in names}


def _noted(events: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the last that the ledger says of each task; what no controller works on any more waits."""
    noted: dict[str, dict[str, Any]] = {}
    for event in events:
        name = event.get("name")
        if event["event"] == "open":
            for values in noted.values():
                values["state"] = WAITING if values["state"] == RUNNING else values["state"]
        elif event["event"] in ("start", "end", RETRY) and _is_name(name):
            noted[str(name)] = _noted_state(event)
    return noted


def _is_name(name: Any) -> bool:
    """Return whether it can be the name of a task: a ledger of somebody else's may hold a path."""
    return isinstance(name, str) and name == os.path.basename(name) and name not in ("", ".", "..")


def _noted_state(event: Mapping[str, Any]) -> dict[str, Any]:
    if event["event"] == "start":
        return {"state": RUNNING}
    if event["event"] == RETRY or (event.get("state") == RETRIED and "cause" not in event):
        return {"state": RETRIED}  # the second is how earlier versions wrote it
    known = event.get("state") in FINAL  # of earlier versions, whose ledgers hold ends
    return dict(event) if known else {"state": WAITING}


def _state_of(name: str, outcome: Outcome | None, noted: Mapping[str, Any]) -> TaskState:
    state = noted.get("state", WAITING)
    if outcome is None or outcome.state not in FINAL:
        cause, reason, validation = (noted.get(key) for key in ("cause", "reason", "validation"))
        return TaskState(name, state, cause, reason, validation, turned_validation(noted))
    if state == RETRIED and outcome.state == EndState.FAILED:
        return TaskState(name, RETRIED)
    return TaskState(name, outcome.state, outcome.cause, outcome.reason, outcome.validation, outcome.turned)
