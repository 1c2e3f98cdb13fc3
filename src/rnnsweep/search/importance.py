"""Which settings mattered to each study, by Optuna: fANOVA of random trials, PED-ANOVA of directed ones."""

import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from rnnsweep.methods import samplers
from rnnsweep.search.journal import read_journal
from rnnsweep.search.trials import is_own, load_studies
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep

POOLED = "all together"  # in an architecture's place where none has enough trials of its own
FEWEST = 8  # complete trials; of fewer neither method learns anything
MOST_FOR_FANOVA = 400  # trials; its forest is slow beyond


def study_importances(folder: SweepFolder, sweep: Sweep) -> tuple[dict[str, dict[str, float]], str]:
    """Return {architecture: {parameter: share}}, adding up to 1, and the method's name in words.

    Functional ANOVA (Hutter et al. 2014) takes trials that cover the space evenly. Those of a directed
    sampler crowd where it is good, so PED-ANOVA (Watanabe et al. 2023) then compares the best tenth with
    the rest. Of several objectives the first counts. Architectures with fewer than 8 complete trials are left
    out; where all are, their trials are taken together under the name `POOLED`, each score less the mean of
    its architecture.

    Args:
        folder: the sweep's own.
        sweep: as it was started.
    """
    if not folder.has_trials:
        return {}, ""
    storage = read_journal(folder)
    studies = load_studies(storage, sweep.name, sweep.architectures)
    trials = {a: [trial for trial in _complete(study) if is_own(trial)] for a, study in studies.items()}
    enough = {a: own for a, own in trials.items() if len(own) >= FEWEST} or _pooled(trials)
    even = samplers()[sweep.sampler.name].covers_space
    even = even and max(map(len, enough.values()), default=0) <= MOST_FOR_FANOVA
    shares = {a: _shares(_study(own, studies.get(a)), even=even) for a, own in enough.items()}
    method = "functional ANOVA" if even else "PED-ANOVA"
    return {a: share for a, share in shares.items() if share}, f"Optuna's {method}"


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _pooled(trials: Mapping[str, Sequence[FrozenTrial]]) -> dict[str, list[FrozenTrial]]:
    level = []
    for own in trials.values():
        mean = sum(trial.values[0] for trial in own) / max(len(own), 1)
        level += [_scored(trial, trial.values[0] - mean) for trial in own]
    return {POOLED: level} if len(level) >= FEWEST else {}


def _scored(trial: FrozenTrial, score: float) -> FrozenTrial:
    return create_trial(params=trial.params, distributions=trial.distributions, value=score)


def _study(trials: Sequence[FrozenTrial], original: optuna.Study | None) -> optuna.Study:
    """Return a study of these trials that makes the first objective large: the original, where it is that.

    A copy of thousands of trials takes seconds.
    """
    if original and len(original.directions) == 1 and len(_complete(original)) == len(trials):
        return original
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # its greetings are none of a comparison's answer
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    study.add_trials([_scored(trial, trial.values[0]) for trial in trials])
    return study


def _shares(study: optuna.Study, *, even: bool) -> dict[str, float]:
    evaluator = FanovaImportanceEvaluator(seed=0) if even else PedAnovaImportanceEvaluator()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # few trials in a range: docs say what a share is worth
            importances = get_param_importances(study, evaluator=evaluator)
    except (RuntimeError, ValueError):  # as where every score is the same
        return {}
    shares = {key: float(share) for key, share in importances.items()}
    return shares if sum(shares.values()) > 0 else {}
