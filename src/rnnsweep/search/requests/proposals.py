"""What people ask of a study: to try values that they name, and to try again what failed."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from rnnsweep.search.study import RETRIED
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.ledger import Ledger
from rnnsweep.state.outcome import DIVERGED, EndState
from rnnsweep.state.tasks import RETRIED as RETRIED_TASK, RETRY, TaskState, task_states
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.tracking.tags import Tag

REQUEST = "request"  # attribute of a trial that someone proposed: which request it was


def propose(study: optuna.Study, values: Mapping[str, Any], *, request: str) -> None:
    """Let a study ask for these values next; a request that was carried out before is not repeated."""
    if all(trial.user_attrs.get(REQUEST) != request for trial in study.get_trials(deepcopy=False)):
        study.enqueue_trial(dict(values), user_attrs={REQUEST: request})


def try_again(
    folder: SweepFolder, mlruns: Path, ledger: Ledger, studies: Mapping[str, optuna.Study], task: str | None
) -> list[str]:
    """Give failed tasks back to the budget and propose them anew.

    The ledger holds what is to be tried again, before anything else is done about it; called again after a
    power cut, all of it is done.

    Args:
        folder: the sweep's.
        mlruns: where its runs are.
        ledger: gets an entry, so that neither status nor comparison counts what is tried again.
        studies: by architecture.
        task: the name of the one; None: all that failed but for those that diverged, as they would again.

    Returns:
        The tasks' names.
    """
    for name, one in task_states(folder).items():
        if one.state == EndState.FAILED and (task == name or (task is None and one.cause != DIVERGED)):
            ledger.write(RETRY, durable=True, name=name)
    again = [one for one in task_states(folder).values() if one.state == RETRIED_TASK]
    fresh = []
    for architecture, study in studies.items():
        trials = {one.number: one.name for one in again if _is_trial_of(one, architecture)}
        fresh += [trials[number] for number in _give_back(study, {n for n in trials if n is not None})]
    for one in again:
        if one.role == "trial":  # another trial takes its place; others go on as they are
            with suppress(ValueError):  # it was not recorded, so nobody counts it
                RunRecord.attach(mlruns, folder.key(one.name)).tags({Tag.ROLE: "retried"})
        elif folder.task(one.name).outcome() is not None:
            folder.task(one.name).forget_outcome()
            fresh.append(one.name)
    return fresh


def _is_trial_of(task: TaskState, architecture: str) -> bool:
    return (task.role, task.architecture) == ("trial", architecture)


def _give_back(study: optuna.Study, numbers: set[int]) -> list[int]:
    """Let a study propose the values of failed trials anew, each once; return whose it had not yet."""
    before = set(study.user_attrs.get(RETRIED, []))
    fresh = sorted(numbers - before)
    for trial in study.get_trials(states=(TrialState.FAIL, TrialState.PRUNED)):
        if trial.number in fresh:
            propose(study, trial.params, request=f"again-{trial.number}")
    if fresh:
        study.set_user_attr(RETRIED, sorted(before | numbers))
    return fresh
