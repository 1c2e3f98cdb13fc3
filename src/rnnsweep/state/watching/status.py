"""A sweep's status, read from its folder by any process while it runs or after."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Any

from rnnsweep.safety.shell import command_line
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.looks import read_advice
from rnnsweep.state.outcome import FINAL, EndState
from rnnsweep.state.tasks import RUNNING, TaskState, task_states
from rnnsweep.state.watching.agents import read_agents
from rnnsweep.state.watching.eta import Durations, TimeLeft, most_replicates, seconds_left
from rnnsweep.state.watching.progress import ArchitectureProgress, Failure, SweepStatus, count_trials
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE


def read_status(mlruns: Path, name: str) -> SweepStatus:
    """Read how far a sweep is.

    Raises:
        UserError: there is no such sweep; the message names the nearest.
    """
    folder = SweepFolder.started(mlruns, name)
    alive = folder.is_running()
    controller = folder.controller() if alive else None
    events = folder.events()
    states = task_states(folder, events)
    standings = tuple(_standings(_plan(events), states.values(), _studies(events), alive=alive))
    state = _now(events) if alive else "finished" if folder.is_finished() else "interrupted"
    left = _seconds_left(standings, events, states) if alive else TimeLeft()
    following, aim = _next(folder, state, events)
    return SweepStatus(
        sweep=name,
        state=state,
        trials=count_trials(standings),
        slots_busy=slots_busy(events),
        standings=standings,
        failures=tuple(_failures(states.values(), folder)),
        folder=folder.path,
        controller=controller.record() if controller else {},
        agents=read_agents(folder) if alive else (),
        next=following,
        aim=aim,
        eta=left.seconds,
        eta_most=left.most,
    )


def _seconds_left(
    standings: Sequence[ArchitectureProgress],
    events: Iterable[dict[str, Any]],
    states: Mapping[str, TaskState],
) -> TimeLeft:
    """Estimate the seconds to go from the full trainings that ended under the last controller."""
    begun: dict[str, float] = {}
    seconds: dict[str, Durations] = {}
    slots = 1
    for event in events:
        if event["event"] == "open":
            begun, seconds, slots = {}, {}, max(1, event["slots"])
        elif event["event"] == "fewer":
            slots = max(1, slots - 1)
        elif event["event"] == "start":
            begun[event["name"]] = event["time"]
        elif event["event"] == "end" and event["name"] in begun:
            task = states.get(event["name"])
            if task is not None and task.state == EndState.COMPLETE:
                spent = event["time"] - begun[event["name"]]
                seconds.setdefault(task.architecture, Durations()).add(spent)
    return seconds_left(standings, seconds, slots=slots)


def _next(folder: SweepFolder, state: str, events: Sequence[dict[str, Any]]) -> tuple[str | None, str]:
    """The command that comes next, and its aim: to resume where it ran last, or what a comparison named."""
    if state == "interrupted":
        return folder.command("sweep"), ""
    if state != "finished":
        return None, ""
    return read_advice(folder, events=len(events)) or (command_line("compare", folder.name), "")


def _now(events: Iterable[dict[str, Any]]) -> str:
    """Return what a controller that lives does."""
    words = [event["event"] for event in events if event["event"] in ("open", "pause", "go on")]
    return "paused" if words[-1:] == ["pause"] else "running"


def _plan(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    plan: dict[str, Any] = {"architectures": [], "trials": None, "replicates": 0}
    for event in events:
        if event["event"] == "open":
            plan = dict(event)
        if event["event"] == "look":  # some got more replicates
            plan["more"] = {**plan.get("more", {}), **event["wanted"]}
            plan["decided"] = event["wanted"]
    return plan


def _studies(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what was last said of each study: whether it ended early, and how much it rejected."""
    studies: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["event"] == "open":
            for values in studies.values():
                values["stopped"] = None  # the file may ask for more now
        if event["event"] == "study":
            studies[event["architecture"]] = dict(event)
    return studies


def _standings(
    plan: dict[str, Any],
    states: Iterable[TaskState],
    studies: dict[str, dict[str, Any]],
    *,
    alive: bool,
) -> Iterable[ArchitectureProgress]:
    by_architecture: dict[str, list[TaskState]] = {}
    for state in states:
        by_architecture.setdefault(state.architecture, []).append(state)
    for architecture in plan["architectures"]:
        own = by_architecture.get(architecture, [])
        trials = [task for task in own if task.role == "trial"]
        scored = [t for t in trials if _word(t) == EndState.COMPLETE and t.turned is not None]
        best = max(scored, key=lambda task: task.turned or 0.0, default=None)
        count = Counter(_word(task) for task in trials)
        ended = sum(count[word] for word in (*FINAL, INFEASIBLE))
        study = studies.get(architecture, {})
        yield ArchitectureProgress(
            architecture=architecture,
            budget=plan["trials"],
            complete=count[EndState.COMPLETE],
            pruned=count[EndState.PRUNED],
            failed=count[EndState.FAILED],
            running=count[RUNNING] if alive else 0,
            best=best.validation if best else None,
            share=min(1.0, ended / plan["trials"]) if plan["trials"] else 0.0,
            replicates=_replicates_over(own, best),
            replicates_wanted=max(plan["replicates"], plan.get("more", {}).get(architecture, 0)),
            replicates_most=most_replicates(
                architecture, planned=plan.get("planned", ()), decided=plan.get("decided", {})
            ),
            infeasible=count[INFEASIBLE],
            rejected=study.get("rejected", 0),
            stopped=study.get("stopped"),
        )


def _replicates_over(own: Sequence[TaskState], best: TaskState | None) -> int:
    """Count the replicates that are over: a search that continued may have left those of an earlier best."""
    replicates = [task for task in own if task.role == "replicate"]
    numbers = [task.number for task in replicates]
    repeated = best.number if best and best.number in numbers else next(reversed(numbers), None)
    return sum(task.is_over and task.number == repeated for task in replicates)


def _word(task: TaskState) -> str:
    """Return a trial's state; a complete one that breaks a constraint is infeasible."""
    above = task.state == EndState.COMPLETE and task.cause == INFEASIBLE
    return INFEASIBLE if above else task.state


def _failures(states: Iterable[TaskState], folder: SweepFolder) -> Iterable[Failure]:
    for task in states:
        if task.state == EndState.FAILED:
            cause, reason = task.cause or "crash", task.reason or "no reason was given"
            yield Failure(task.name, cause, reason, folder.task(task.name).log)


def slots_busy(events: Iterable[dict[str, Any]]) -> float:
    """Return the share of slot time that was spent in tasks, over all controllers."""
    offered = used = since = 0.0
    slots = held = 0
    busy: dict[str, int] = {}  # task -> how many slots it holds
    for event in dropwhile(lambda event: event["event"] != "open", events):
        kind, time = event["event"], event["time"]
        if kind == "open":
            slots, held, busy = event["slots"], 0, {}
        else:
            passed = max(0.0, time - since)
            offered += slots * passed
            used += held * passed
        since = time
        if kind in ("start", "end"):
            held -= busy.pop(event["name"], 0)
        if kind == "start":
            busy[event["name"]] = event.get("slots", 1)
            held += busy[event["name"]]
        elif kind == "fewer":
            slots = max(1, slots - 1)
    return min(1.0, used / offered) if offered else 0.0
