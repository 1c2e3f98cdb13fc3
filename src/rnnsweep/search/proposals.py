"""What people ask of a study: to try values that they name, and to try again what failed."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from rnnsweep.search.study import RETRIED
from rnnsweep.state.ledger import Ledger
from rnnsweep.state.start import read_start
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.trial import Outcome
from rnnsweep.trial.messages import OUTCOME

REQUEST = "request"  # attribute of a trial that someone proposed: which request it was


def propose(study: optuna.Study, values: Mapping[str, Any], *, request: str) -> None:
    """Let a study ask for these values next; a request that was carried out before is not repeated."""
    if all(trial.user_attrs.get(REQUEST) != request for trial in study.get_trials(deepcopy=False)):
        study.enqueue_trial(dict(values), user_attrs={REQUEST: request})


def try_again(
    folder: Path, mlruns: Path, ledger: Ledger, studies: Mapping[str, optuna.Study], task: str | None
) -> list[str]:
    """Give failed tasks back to the budget and propose them anew; give their names.

    Args:
        folder: the sweep's.
        mlruns: where its runs are.
        ledger: hears of it, so that neither status nor comparison counts what is tried again.
        studies: by architecture.
        task: the name of the one; None: all that failed.
    """
    failed = [name for word, study in studies.items() for name in _trials(study, word, task)]
    failed += _others(folder, task)
    _note(folder, mlruns, ledger, failed)
    return failed


def _trials(study: optuna.Study, architecture: str, task: str | None) -> list[str]:
    given_back = set(study.user_attrs.get(RETRIED, []))
    failed = [t for t in study.get_trials(states=(TrialState.FAIL,)) if t.number not in given_back]
    failed = [t for t in failed if task in (None, f"{architecture}-{t.number}")]
    for trial in failed:
        propose(study, trial.params, request=f"again-{trial.number}")
    if failed:
        study.set_user_attr(RETRIED, sorted(given_back | {trial.number for trial in failed}))
    return [f"{architecture}-{trial.number}" for trial in failed]


def _others(folder: Path, task: str | None) -> list[str]:
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


def _note(folder: Path, mlruns: Path, ledger: Ledger, failed: list[str]) -> None:
    identity = (read_start(folder) or {})["identity"]
    for task in failed:
        ledger.write("end", name=task, state="retried")
        if task.rpartition("-")[2].isdigit():  # another trial takes its place; others go on as they are
            with suppress(ValueError):  # it was not recorded, so nobody counts it
                record = RunRecord.attach(mlruns, f"{folder.name}.{identity}.{task}")
                record.tags({"rnnsweep.role": "retried"})
