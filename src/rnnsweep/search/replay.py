"""Optuna's journal, read quickly: all lines of a trial become the one line that creates it as it ended.

Optuna copies a trial and its values for each of its lines, which is most of the time that a large journal
takes to open. The lines made here are Optuna's own, those of `Study.add_trial`.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from optuna.distributions import check_distribution_compatibility, json_to_distribution
from optuna.storages.journal._storage import JournalOperation as Operation
from optuna.trial import TrialState

Line = dict[str, Any]
_ENDED = frozenset(state for state in TrialState if state.is_finished())
_RUNNING = TrialState.RUNNING


def merged(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield fewer lines of which Optuna makes the same studies and trials.

    The line of a trial follows those of all earlier trials, so that trials keep their ids. From a line on
    that no controller writes, all lines stay as they are.

    Args:
        lines: of a whole journal, none written by this process.
    """
    merger, rest = _Merger(), iter(lines)
    for line in rest:
        if merger.change(line):
            yield from merger.ended()
        elif merger.knows(line):
            yield line
        else:
            yield from merger.held.values()
            yield line
            yield from rest
            return
    yield from merger.held.values()


class _Merger:
    """The trials that were created and not yielded, and what their lines are checked against."""

    def __init__(self) -> None:
        self.held: dict[int, Line] = {}
        self._order: deque[int] = deque()  # ids of `held`
        self._studies: set[str] = set()
        self._trials = 0
        self._distributions: dict[tuple[int, str], tuple[int, str]] = {}  # study, parameter -> first trial's
        self._changes = {
            Operation.SET_TRIAL_PARAM: self._set_param,
            Operation.SET_TRIAL_STATE_VALUES: _set_state,
            Operation.SET_TRIAL_INTERMEDIATE_VALUE: _set_intermediate_value,
            Operation.SET_TRIAL_USER_ATTR: _set_user_attr,
            Operation.SET_TRIAL_SYSTEM_ATTR: _set_system_attr,
        }

    def change(self, line: Line) -> bool:
        """Apply a line that creates or changes a trial; return whether it is one."""
        change = self._changes.get(line["op_code"])
        if change is not None:
            trial = self.held.get(line["trial_id"])
            if trial is not None and trial["state"] not in _ENDED:
                change(trial, line)
            return True
        if line["op_code"] == Operation.CREATE_TRIAL and 0 <= line["study_id"] < len(self._studies):
            self._create(line)
            return True
        return False

    def knows(self, line: Line) -> bool:
        """Take note of a line about a study; return False where trials may depend on it."""
        if line["op_code"] == Operation.CREATE_STUDY:
            self._studies.add(line["study_name"])  # each controller writes it; Optuna takes the first
            return True
        return line["op_code"] in (Operation.SET_STUDY_USER_ATTR, Operation.SET_STUDY_SYSTEM_ATTR)

    def ended(self) -> Iterator[Line]:
        """Yield the oldest trials, up to the first that has not ended."""
        while self._order and self.held[self._order[0]]["state"] in _ENDED:
            yield self.held.pop(self._order.popleft())

    def _create(self, line: Line) -> None:
        trial = {"state": _RUNNING, **line, "trial_id": self._trials}
        for name in ("distributions", "params", "user_attrs", "system_attrs"):
            trial[name] = dict(line.get(name, {}))
        trial["intermediate_values"] = {int(k): v for k, v in line.get("intermediate_values", {}).items()}
        for name, distribution in trial["distributions"].items():
            self._note_distribution(trial, name, distribution)
        self.held[self._trials] = trial
        self._order.append(self._trials)
        self._trials += 1

    def _note_distribution(self, trial: Line, name: str, distribution: str) -> None:
        key = (trial["study_id"], name)
        first = self._distributions.get(key)
        if first is None or trial["trial_id"] <= first[0]:
            self._distributions[key] = (trial["trial_id"], distribution)

    def _set_param(self, trial: Line, line: Line) -> None:
        name, distribution = line["param_name"], line["distribution"]
        first = self._distributions.get((trial["study_id"], name))
        if first is not None and not _are_compatible(first[1], distribution):
            return  # its writer was refused, after it had written the line
        trial["params"][name], trial["distributions"][name] = line["param_value_internal"], distribution
        self._note_distribution(trial, name, distribution)


def _are_compatible(first: str, distribution: str) -> bool:
    if first == distribution:
        return True
    try:
        check_distribution_compatibility(json_to_distribution(first), json_to_distribution(distribution))
    except ValueError:
        return False
    return True


def _set_state(trial: Line, line: Line) -> None:
    state = line["state"]
    if state == _RUNNING:
        if trial["state"] == _RUNNING:
            return  # another process had taken the trial that waited
        trial["datetime_start"] = line["datetime_start"]
    elif state in _ENDED:
        trial["datetime_complete"] = line["datetime_complete"]
    trial["state"] = state
    if line["values"] is not None:
        trial["values"], trial["value"] = line["values"], None


def _set_intermediate_value(trial: Line, line: Line) -> None:
    trial["intermediate_values"][line["step"]] = line["intermediate_value"]


def _set_user_attr(trial: Line, line: Line) -> None:
    trial["user_attrs"].update(line["user_attr"])


def _set_system_attr(trial: Line, line: Line) -> None:
    trial["system_attrs"].update(line["system_attr"])
