"""TPE that reads each trial once proposes what Optuna's own proposes."""

import random

import optuna
import pytest
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from rnnsweep.methods.tpe import QuickTPESampler

ALL = 32  # trials of a study
OPTIONS = {
    "multivariate": {"multivariate": True, "constant_liar": True},
    "no liar": {"multivariate": True, "constant_liar": False},
    "independent": {"multivariate": False, "constant_liar": True},
    "groups": {"multivariate": True, "group": True, "constant_liar": True},
    "defaults": {},
}
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def suggest(trial, *, conditional):
    trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    trial.suggest_int("size", 8, 128, log=True)
    cell = trial.suggest_categorical("cell", ["rnn", "lstm", None])
    if cell == "lstm" and conditional:
        trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    if trial.number > 18:
        trial.suggest_int("layers", 1, 3)


def end(study, trial, draw):
    """End a trial in one of all ways; values repeat, so that ties are sorted too."""
    for rung in range(draw.randint(0, 3)):
        if len(study.directions) == 1:
            trial.report(draw.choice([0.25, 0.5, float("nan")]), rung)
    if draw.random() < 0.3:
        trial.set_constraint("memory", draw.choice([-1.0, 0.5, 2.0]))
    match draw.choice(["complete", "complete", "complete", "pruned", "failed"]):
        case "complete":
            study.tell(trial, [draw.choice([0.1, 0.5, 0.75, draw.random()]) for _ in study.directions])
        case "pruned":
            study.tell(trial, state=TrialState.PRUNED)
        case "failed":
            study.tell(trial, state=TrialState.FAIL)


def proposals(kind, options, *, directions=("maximize",), pruner=None, conditional=False):
    """The parameters of all trials of a study, whose trials end in another order than they began."""
    draw, open_trials = random.Random(3), []
    study = optuna.create_study(study_name="s", directions=list(directions), pruner=pruner or NopPruner())
    for number in range(ALL):
        study.sampler = kind(seed=number, **options)
        open_trials.append(study.ask())
        suggest(open_trials[-1], conditional=conditional)
        while len(open_trials) > 4 or (open_trials and draw.random() < 0.5):
            end(study, open_trials.pop(draw.randrange(len(open_trials))), draw)
    return [trial.params for trial in study.trials]


def compare(options, **more):
    found = proposals(QuickTPESampler, options, **more)
    assert found == proposals(TPESampler, options, **more)
    assert len({params["lr"] for params in found}) == ALL


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_proposes_what_optuna_proposes_for_the_same_seed_and_trials(options):
    compare(options, conditional="group" in options)


def test_it_proposes_what_optuna_proposes_where_less_is_better():
    compare(OPTIONS["multivariate"], directions=("minimize",))


def test_it_proposes_what_optuna_proposes_for_several_objectives():
    compare(OPTIONS["multivariate"], directions=("maximize", "minimize"))


def test_it_proposes_what_optuna_proposes_from_the_trials_of_one_bracket():
    compare(OPTIONS["multivariate"], pruner=HyperbandPruner(min_resource=1, max_resource=4))


def test_two_studies_of_one_storage_are_read_apart():
    storage = optuna.storages.InMemoryStorage()
    found = []
    for kind in (QuickTPESampler, TPESampler):
        for name, best in (("a", 0.1), ("b", 0.9)):
            study = optuna.create_study(storage=storage, study_name=f"{name} {kind.__name__}")
            for number in range(14):
                study.sampler = kind(seed=number, multivariate=True)
                trial = study.ask()
                study.tell(trial, abs(trial.suggest_float("x", 0, 1) - best))
            found.append([trial.params for trial in study.trials])
    assert found[:2] == found[2:]
    assert found[0] != found[1]


def test_an_ended_trial_is_read_once(monkeypatch):
    from rnnsweep.methods import tpe

    read = []
    ranked = tpe._ranked
    monkeypatch.setattr(
        tpe, "_ranked", lambda study, trial: read.append(trial.number) or ranked(study, trial)
    )
    study = optuna.create_study()
    for number in range(20):
        study.sampler = QuickTPESampler(seed=number, multivariate=True)
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1))
    assert read == list(range(19))
