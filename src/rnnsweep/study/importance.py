"""Which settings mattered to each study, by Optuna: fANOVA of random trials, PED-ANOVA of directed ones."""

from pathlib import Path

import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from rnnsweep.study.journal import read_journal
from rnnsweep.study.search import REJECTED, WARM
from rnnsweep.sweep import Sweep

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
    trials = {a: _complete(storage, f"{sweep.name}/{a}", known) for a in sweep.architectures}
    even = sweep.sampler.name in UNDIRECTED and max(map(len, trials.values())) <= MOST_FOR_FANOVA
    shares = {a: _shares(own, even=even) for a, own in trials.items() if len(own) >= FEWEST}
    method = "functional ANOVA" if even else "PED-ANOVA"
    return {a: found for a, found in shares.items() if found}, f"Optuna's {method}"


def _complete(storage: BaseStorage, name: str, known: set[str]) -> list[FrozenTrial]:
    if name not in known:
        return []
    study = optuna.load_study(study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [t for t in trials if not {WARM, REJECTED} & set(t.user_attrs)]


def _shares(trials: list[FrozenTrial], *, even: bool) -> dict[str, float]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # its greetings are none of a comparison's answer
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.add_trials(trials)
    evaluator = FanovaImportanceEvaluator(seed=0) if even else PedAnovaImportanceEvaluator()
    try:
        found = get_param_importances(study, evaluator=evaluator)
    except (RuntimeError, ValueError):  # as where every score is the same
        return {}
    shares = {key: float(share) for key, share in found.items()}
    return shares if sum(shares.values()) > 0 else {}
