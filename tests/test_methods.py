"""Samplers and pruners: each file of rnnsweep/methods/ is tested by being there."""

import re
import shutil
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings, strategies as st
from simulation import write_sweep
from sweep_records import make_runs

from rnnsweep import methods
from rnnsweep.comparison.evidence.studies import find_bought
from rnnsweep.errors import UserError
from rnnsweep.methods import pruners, samplers
from rnnsweep.search.methods import check_sampler, make_pruner, make_sampler
from rnnsweep.sweepfile import Method

STEPPED = """\
name: toy
architectures: [rnn, lstm]
trials: 4
replicates: 2
baseline: false
space:
  model.hidden_size: [4, 8, 16]
  optimizer.lr: {type: float, low: 0.1, high: 0.4, step: 0.1}
"""


def sweep_with(folder, sampler, **changes):
    return write_sweep(folder, STEPPED, sampler=sampler, **changes)


def proposals(sweep, scores):
    """Ask for trials as the engine does, each with a sampler made anew, and tell these scores."""
    study = optuna.create_study(direction="maximize")
    drawn = []
    for number, score in enumerate(scores):
        study.sampler = make_sampler(sweep, "lstm", number)
        trial = study.ask()
        trial.suggest_categorical("model.hidden_size", [4, 8, 16])
        trial.suggest_float("optimizer.lr", 0.1, 0.4, step=0.1)
        drawn.append(tuple(trial.params.values()))
        if samplers()[sweep.sampler.name].exhausts:  # it would stop a loop of Optuna's that is not run
            study.sampler = optuna.samplers.RandomSampler(seed=0)
        study.tell(trial, score)
    return drawn


@pytest.mark.parametrize("name", samplers())
def test_every_sampler_proposes_points_and_the_same_ones_again(tmp_path, name):
    sweep = sweep_with(tmp_path, name)
    check_sampler(sweep)
    scores = [0.1 * n for n in range(4)]
    assert proposals(sweep, scores) == proposals(sweep, scores)


@pytest.mark.parametrize("name", samplers())
def test_a_sampler_is_independent_where_no_score_changes_its_proposals(tmp_path, name):
    trials = 12 if samplers()[name].exhausts else 24
    sweep = sweep_with(tmp_path, name, trials=trials)
    rising, falling = ([sign * n / trials for n in range(trials)] for sign in (1.0, -1.0))
    same = proposals(sweep, rising) == proposals(sweep, falling)
    if samplers()[name].independent or samplers()[name].covers_space:
        assert same
    elif name != "nsga2":  # its first population is random
        assert not same


@pytest.mark.parametrize("name", [name for name, spec in samplers().items() if spec.exhausts])
def test_a_sampler_that_exhausts_its_points_proposes_each_once(tmp_path, name):
    drawn = proposals(sweep_with(tmp_path, name, trials=12), [0.5] * 12)
    assert len(set(drawn)) == 12


@pytest.mark.parametrize("name", pruners())
@settings(max_examples=20, deadline=None)
@given(scores=st.lists(st.lists(st.floats(0, 1), min_size=8, max_size=8), min_size=1, max_size=12))
def test_a_pruner_ends_no_trial_of_one_alone_and_none_at_all_where_it_says_so(name, scores):
    pruner = make_pruner(Method(name), validate_every=0.25, max_epochs=2)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    pruned = []
    for curve in scores:
        trial = study.ask()
        for rung, score in enumerate(curve, start=1):
            trial.report(score, rung)
            if trial.should_prune():
                pruned.append(trial.number)
                break
        study.tell(trial, curve[-1])
    if not pruners()[name].prunes:
        assert not pruned


@pytest.fixture
def one_more(tmp_path, monkeypatch):
    """Copies of the folders of methods, into which a test may put a file."""
    folder = tmp_path / "methods"
    package = Path(methods.__file__).parent
    for kind in ("sampler", "pruner"):
        shutil.copytree(package / kind, folder / kind)
    monkeypatch.setattr(methods, "__file__", str(folder / "__init__.py"))
    for kind in ("sampler", "pruner"):
        whole = import_module(f"rnnsweep.methods.{kind}")
        monkeypatch.setattr(whole, "__path__", [str(folder / kind)])
    for found in (samplers, pruners):
        found.cache_clear()
    yield folder
    for found in (samplers, pruners):
        found.cache_clear()
    for name in ("sampler.halves", "sampler.nsga3", "pruner.never"):
        sys.modules.pop(f"rnnsweep.methods.{name}", None)


HALVES = '''
"""Draws by chance."""
from rnnsweep.methods.spec import SamplerSpec
from rnnsweep.options import Flag


def make(asked):
    from optuna.samplers import RandomSampler
    return RandomSampler(seed=asked.seed)


SAMPLER = SamplerSpec(make, {"halve": Flag}, lambda asked: "it takes one trial" if asked.trials > 4 else None,
                      independent=True)
'''


def test_a_sampler_is_added_in_one_file(tmp_path, one_more):
    (one_more / "sampler" / "halves.py").write_text(HALVES)
    assert "halves" in samplers()
    sweep = sweep_with(tmp_path, "random")
    sweep = replace(sweep, sampler=Method("halves", {"halve": True}))
    check_sampler(sweep)
    assert isinstance(make_sampler(sweep, "lstm", 0), optuna.samplers.RandomSampler)
    with pytest.raises(UserError, match="'halves' does not fit rnn: it takes one trial"):
        check_sampler(replace(sweep, trials=5))
    runs = make_runs({"rnn": 0.8, "lstm": 0.7}, pruning=False)
    bought = find_bought(runs, sweep, architectures=["rnn", "lstm"])
    assert not bought.refusal  # the statistics read its property, not its name
    assert "The trials of tpe depend" in str(
        find_bought(runs, replace(sweep, sampler=Method("tpe")), architectures=["rnn"]).refusal
    )


def test_the_sampler_of_the_page_on_extending_is_one_file(tmp_path, one_more):
    page = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
    file = re.search(r"^# src/rnnsweep/methods/sampler/nsga3.py.*?(?=^```)", page, re.M | re.S).group()
    (one_more / "sampler" / "nsga3.py").write_text(file)
    asked = Method("nsga3", {"population_size": 20})
    sweep = sweep_with(
        tmp_path, "random", objectives="[validation, parameters, seconds]", replicates="0", baseline="false"
    )
    sweep = replace(sweep, sampler=asked)
    check_sampler(sweep)
    assert isinstance(make_sampler(sweep, "lstm", 0), optuna.samplers.NSGAIIISampler)
    with pytest.raises(UserError, match="it is for three objectives or more; take nsga2"):
        check_sampler(replace(sweep_with(tmp_path, "random"), sampler=asked))


def test_a_pruner_is_added_in_one_file(one_more):
    text = (one_more / "pruner" / "none.py").read_text()
    (one_more / "pruner" / "never.py").write_text(text)
    assert not pruners()["never"].prunes
    made = make_pruner(Method("never"), validate_every=1, max_epochs=2)
    assert isinstance(made, optuna.pruners.NopPruner)
