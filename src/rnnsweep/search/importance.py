"""Which settings mattered to each study, by Optuna: fANOVA of random trials, PED-ANOVA of directed ones."""

from pathlib import Path

import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from rnnsweep.search.journal import read_journal
from rnnsweep.search.study import REJECTED, WARM
from rnnsweep.sweepfile import Sweep

FEWEST = 8  # complete trials; of fewer neither method learns anything
MOST_FOR_FANOVA = 400  # trials; its forest is slow beyond
UNDIRECTED = ("grid", "qmc", "random")  # samplers whose trials cover the space as it is


def study_importances(folder: Path, sweep: Sweep) -> tuple[dict[str, dict[str, float]], str]:
    """Give {architecture: {parameter: share}}, adding up to 1, and the method's name in words.

    Functional ANOVA (Hutter et al. 2014) takes trials that cover the space evenly. Those of a directed
    sampler crowd where it is good, so PED-ANOVA (Watanabe et al. 2023) then compares the best tenth with
    the rest. Architectures with fewer than 8 complete trials are left out, as are all of a sweep with
    several objectives.

    Args:
        folder: the sweep's own.
        sweep: as it was started.
    """
    if len(sweep.objectives) > 1 or not (folder / "journal.log").is_file():
        return {}, ""
    storage = read_journal(folder)
    known = set(optuna.get_all_study_names(storage))
    names = {a: f"{sweep.name}/{a}" for a in sweep.architectures}
    studies = {a: _own_trials(storage, name) for a, name in names.items() if name in known}
    counts = {a: len(_complete(study)) for a, study in studies.items()}
    even = sweep.sampler.name in UNDIRECTED and max(counts.values(), default=0) <= MOST_FOR_FANOVA
    shares = {a: _shares(study, even=even) for a, study in studies.items() if counts[a] >= FEWEST}
    method = "functional ANOVA" if even else "PED-ANOVA"
    return {a: found for a, found in shares.items() if found}, f"Optuna's {method}"


def _own_trials(storage: BaseStorage, name: str) -> optuna.Study:
    """Give the study as it lies there or, where trials came from elsewhere or do not count, one without them.

    A copy of thousands of trials takes seconds.
    """
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.load_study(study_name=name, storage=storage, sampler=sampler)
    every = _complete(study)
    own = [trial for trial in every if not {WARM, REJECTED} & set(trial.user_attrs)]
    if len(own) == len(every):
        return study
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # its greetings are none of a comparison's answer
    copy = optuna.create_study(direction="maximize", sampler=sampler)
    copy.add_trials(own)
    return copy


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _shares(study: optuna.Study, *, even: bool) -> dict[str, float]:
    evaluator = FanovaImportanceEvaluator(seed=0) if even else PedAnovaImportanceEvaluator()
    try:
        found = get_param_importances(study, evaluator=evaluator)
    except (RuntimeError, ValueError):  # as where every score is the same
        return {}
    shares = {key: float(share) for key, share in found.items()}
    return shares if sum(shares.values()) > 0 else {}
