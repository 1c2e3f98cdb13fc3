"""A sweep's status, read from its ledger by any process while it runs or after."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError, nearest
from rnnsweep.state.ledger import read_ledger
from rnnsweep.state.lock import is_running, read_controller
from rnnsweep.state.progress import Failure, Standing, SweepStatus, count_trials
from rnnsweep.state.start import sweep_folder
from rnnsweep.sweepfile.limits import INFEASIBLE
from rnnsweep.trial.messages import LOG, turned_validation

ENDS = ("complete", "pruned", "failed")


@dataclass
class _Sessions:
    """Slot time of all controllers that worked on the sweep."""

    offered: float = 0.0
    used: float = 0.0
    slots: int = 1
    since: float | None = None
    busy: dict[str, tuple[int, int]] = field(default_factory=dict)  # name -> its first slot, how many

    def open(self, time: float, slots: int) -> None:
        self.slots, self.since, self.busy = slots, time, {}

    def see(self, time: float) -> None:
        if self.since is not None:
            self.offered += self.slots * max(0.0, time - self.since)
            held = dict(self.busy.values())  # tasks that share a process share its slot
            self.used += sum(held.values()) * max(0.0, time - self.since)
            self.since = time


def folder_of_started(mlruns: Path, name: str) -> Path:
    """Give the folder of a sweep that was started.

    Raises:
        UserError: there is no such sweep; the message names the nearest.
    """
    folder = sweep_folder(mlruns, name)
    if not (folder / "start.json").is_file():
        raise UserError(_unknown(mlruns, name))
    return folder


def read_status(mlruns: Path, name: str) -> SweepStatus:
    """Read how far a sweep is.

    Raises:
        UserError: there is no such sweep; the message names the nearest.
    """
    folder = folder_of_started(mlruns, name)
    alive = is_running(folder)
    events = list(read_ledger(folder))
    states = last_states(events)
    standings = tuple(_standings(_plan(events), states, _studies(events), alive=alive))
    finished = not alive and is_finished(folder)
    return SweepStatus(
        sweep=name,
        state=_now(events) if alive else "finished" if finished else "interrupted",
        trials=count_trials(standings),
        slots_busy=slots_busy(events),
        standings=standings,
        failures=tuple(_failures(states, folder)),
        folder=folder,
        controller=read_controller(folder) if alive else {},
    )


def is_finished(folder: Path) -> bool:
    """Say whether the last controller came to its end and none runs; without a ledger none is awaited."""
    events = list(read_ledger(folder))
    if not events:
        return True
    closed = [event["event"] for event in events if event["event"] in ("open", "close")][-1:] == ["close"]
    return closed and _last_close(events) == "finished" and not is_running(folder)


def _now(events: Iterable[dict[str, Any]]) -> str:
    """Say what a controller that lives does."""
    words = [event["event"] for event in events if event["event"] in ("open", "pause", "go on")]
    return "paused" if words[-1:] == ["pause"] else "running"


def _unknown(mlruns: Path, name: str) -> str:
    known = sorted(path.parent.name for path in (mlruns / "sweeps").glob("*/start.json"))
    listed = f"known are {', '.join(known)}" if known else "none was started yet"
    return f"sweep {name!r}: there is no such sweep in {mlruns}; {listed}.{nearest(name, known)}"


def _plan(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    plan: dict[str, Any] = {"architectures": [], "trials": None, "replicates": 0}
    for event in events:
        if event["event"] == "open":
            plan = event
    return plan


def _studies(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give what was last said of each study: whether it ended early, and how much it rejected."""
    studies: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["event"] == "open":
            for values in studies.values():
                values["stopped"] = None  # the file may ask for more now
        if event["event"] == "study":
            studies[event["architecture"]] = dict(event)
    return studies


def _last_close(events: Iterable[dict[str, Any]]) -> str | None:
    state = None
    for event in events:
        if event["event"] == "close":
            state = event["state"]
    return state


def last_states(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give each task's last event with what its start said; name -> values."""
    states: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["event"] == "open":
            for values in states.values():
                if values["state"] not in ENDS:
                    values["state"] = "waiting"  # the controller that ran it is gone
        if event["event"] == "start":
            states[event["name"]] = {**event, "state": "running"}
        if event["event"] == "end":
            states.setdefault(event["name"], {}).update(event)
    return states


def _standings(
    plan: dict[str, Any],
    states: dict[str, dict[str, Any]],
    studies: dict[str, dict[str, Any]],
    *,
    alive: bool,
) -> Iterable[Standing]:
    for architecture in plan["architectures"]:
        own = [values for values in states.values() if values.get("architecture") == architecture]
        trials = [values for values in own if values["role"] == "trial"]
        scores = [v for v in trials if _word(v) == "complete" and v.get("validation") is not None]
        best = max(scores, key=lambda v: turned_validation(v) or 0.0, default={})
        count = {word: sum(_word(v) == word for v in trials) for word in (*ENDS, INFEASIBLE, "running")}
        ended = sum(count[word] for word in (*ENDS, INFEASIBLE))
        study = studies.get(architecture, {})
        yield Standing(
            architecture=architecture,
            budget=plan["trials"],
            complete=count["complete"],
            pruned=count["pruned"],
            failed=count["failed"],
            running=count["running"] if alive else 0,
            best=best.get("validation"),
            share=min(1.0, ended / plan["trials"]) if plan["trials"] else 0.0,
            replicates=sum(v["role"] == "replicate" and v["state"] in ENDS for v in own),
            replicates_wanted=max(plan["replicates"], plan.get("more", {}).get(architecture, 0)),
            infeasible=count[INFEASIBLE],
            rejected=study.get("rejected", 0),
            stopped=study.get("stopped"),
        )


def _word(values: dict[str, Any]) -> str:
    """Give a trial's state; a complete one that breaks a constraint is infeasible."""
    state = str(values["state"])
    return INFEASIBLE if state == "complete" and values.get("cause") == INFEASIBLE else state


def _failures(states: dict[str, dict[str, Any]], folder: Path) -> Iterable[Failure]:
    for name, values in states.items():
        if values["state"] == "failed":
            cause, reason = values.get("cause") or "crash", values.get("reason") or "no reason was given"
            yield Failure(name, cause, reason, folder / "trials" / name / LOG)


def slots_busy(events: Iterable[dict[str, Any]]) -> float:
    """Give the share of slot time that was spent in tasks, over all controllers."""
    sessions = _Sessions()
    for event in events:
        if event["event"] == "open":
            sessions.open(event["time"], event["slots"])
            continue
        sessions.see(event["time"])
        if event["event"] == "start":
            sessions.busy[event["name"]] = (event["slot"], event.get("slots", 1))
        elif event["event"] == "end":
            sessions.busy.pop(event["name"], None)
    return min(1.0, sessions.used / sessions.offered) if sessions.offered else 0.0
