"""Search spaces in use: what is drawn, how it is written, what is refused before the first trial."""

import math
import re
import warnings
from decimal import Decimal

import optuna
import pytest
from hypothesis import given, settings, strategies as st
from simulation import write_sweep

from rnnsweep.config import compose, flatten
from rnnsweep.errors import UserError
from rnnsweep.search.methods import check_sampler, grid_points, make_pruner, make_sampler
from rnnsweep.search.space import (
    check_space,
    decode,
    distribution,
    draw,
    leave_out_idle,
    say_alike,
    say_idle,
    write_overrides,
)
from rnnsweep.sweepfile import Choices, FloatRange, IntRange, Method
from rnnsweep.sweepfile.methods import PRUNERS

HEAD = "name: toy\narchitectures: [lstm, bag]\ntrials: 3\nspace:\n"


def sweep_of(folder, *lines: str, **changes):
    return write_sweep(folder, HEAD + "\n".join(f"  {line}" for line in lines), **changes)


def drawn(dimensions, fixed=None, seed=0):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return draw(study.ask(), dimensions, fixed or {})


def test_ranges_and_choices_become_distributions():
    assert distribution(IntRange("a", 8, 64, log=True)) == optuna.distributions.IntDistribution(
        8, 64, log=True
    )
    assert distribution(IntRange("a", 1, 10, step=4)) == optuna.distributions.IntDistribution(1, 9, step=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = distribution(FloatRange("a", 0.0, 0.5, step=0.2))
    assert found == optuna.distributions.FloatDistribution(0.0, 0.4, step=0.2)


@given(st.integers(0, 50), st.integers(1, 60), st.sampled_from(["0.1", "0.05", "0.2", "0.25", "1e-3", "0.7"]))
def test_a_stepped_range_of_decimals_ends_at_its_last_step_without_a_warning(first, steps, step):
    low, high = (float(Decimal(step) * number) for number in (first, first + steps))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = distribution(FloatRange("a", low, high, step=float(step)))
    assert (made.low, made.high) == (low, high)


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5)


@given(st.lists(scalars | st.lists(scalars, max_size=2), min_size=1, max_size=5))
def test_any_choice_comes_back_as_it_was_written(choices):
    unique = tuple({repr(choice): choice for choice in choices}.values())
    dimension = Choices("a", unique)
    kept = distribution(dimension)
    assert isinstance(kept, optuna.distributions.CategoricalDistribution)
    back = [decode(dimension, kept.to_external_repr(kept.to_internal_repr(c))) for c in kept.choices]
    assert [repr(value) for value in back] == [repr(choice) for choice in unique]


LABELS = ["a, b", "it's", '"x"', "${seed}", "null", "", "1e-3", "a=b", "[1,2]", "ü"]


def test_values_with_commas_quotes_and_braces_survive_the_way_through_hydra(tmp_path):
    sweep = sweep_of(tmp_path, "data.label: [a]")
    for label in (None, LABELS[1]):
        values = {"tracking.run_name": label, "data.libraries": LABELS}
        run = compose(write_overrides(sweep, "lstm", values, threads=1))
        assert (run.tracking.run_name, run.data.libraries) == (label, LABELS)


def test_a_trial_is_its_architecture_the_sweeps_overrides_its_seed_and_its_values(tmp_path):
    sweep = sweep_of(tmp_path, "optimizer: [adam, sgd]", seed=5, overrides="[trainer.max_epochs=2]")
    values = {"optimizer.lr": 0.1, "optimizer": "sgd"}
    overrides = write_overrides(sweep, "lstm", values, threads=2)
    assert overrides == [
        "model=lstm",
        "trainer.max_epochs=2",
        "seed=5",
        "trainer.threads=2",
        "optimizer=sgd",
        "optimizer.lr=0.1",
    ]
    assert flatten(compose(overrides))["optimizer.lr"] == 0.1


def test_a_key_is_drawn_only_where_its_condition_holds(tmp_path):
    sweep = sweep_of(
        tmp_path,
        "optimizer.momentum: {type: float, low: 0.1, high: 0.9, when: {optimizer.name: sgd}}",
        "optimizer.name: [adam, sgd]",
        "model.forget_bias: {type: float, low: 0, high: 2, when: {model.cell: lstm}}",
    )
    fixed = {name: flatten(run) for name, run in check_space(sweep).items()}
    for seed in range(8):
        lstm = drawn(sweep.dimensions("lstm"), fixed["lstm"], seed)
        assert ("optimizer.momentum" in lstm) == (lstm["optimizer.name"] == "sgd")
        assert "model.forget_bias" in lstm
        assert "model.forget_bias" not in drawn(sweep.dimensions("bag"), fixed["bag"], seed)


def test_a_setting_that_changes_nothing_in_an_architecture_is_not_searched_there(tmp_path):
    sweep = sweep_of(
        tmp_path,
        "model.hidden_size: [8, 16]",
        "model.layer_dropout: {choices: [0.1, 0.2], when: {model.num_layers: 2}}",
        "optimizer.lr: [0.1, 0.2]",
    )
    sweep = leave_out_idle(sweep, check_space(sweep))
    assert [d.key for d in sweep.dimensions("lstm")][0] == "model.hidden_size"
    assert [d.key for d in sweep.dimensions("bag")] == ["model.layer_dropout", "optimizer.lr"]
    assert say_idle(sweep) == ["bag: not searched, as it changes nothing there: model.hidden_size"]


def test_architectures_that_differ_in_searched_settings_alone_are_said_to_be_the_same(tmp_path):
    def said(*space: str) -> list[str]:
        architectures = "{gru: [model=gru], wide: [model=gru, model.hidden_size=512], lstm: [model=lstm]}"
        sweep = sweep_of(tmp_path, *space, architectures=architectures)
        return say_alike(sweep, check_space(sweep))

    same = "gru and wide are the same network here: what differs between them is searched, in the same space"
    assert said("model.hidden_size: [8, 16]", "optimizer.lr: [0.1, 0.2]") == [same]
    assert said("optimizer.lr: [0.1, 0.2]") == []
    assert said("model.hidden_size: {choices: [8, 16], when: {optimizer.name: sgd}}") == []
    assert said("model.hidden_size: {choices: [8, 16], when: {model.cell: [gru, lstm]}}") == [same]
    of_adam = "model.hidden_size: {choices: [8, 16], when: {optimizer.name: adam}}"
    assert said(of_adam) == [same], "each trial searches it"
    for both in ("optimizer: [adam, sgd]", "optimizer.name: [adam, sgd]"):
        assert said(both, of_adam) == [], "only some trials search it"


def test_a_setting_that_a_searched_one_may_wake_is_searched(tmp_path):
    sweep = sweep_of(tmp_path, "model.cell: [bag, gru]", "model.hidden_size: [8, 16]")
    assert leave_out_idle(sweep, check_space(sweep)) is sweep


REFUSED = {
    "model.hiden_size: [8]": "model.hiden_size.*Did you mean 'model.hidden_size'",
    "model.hidden_size: {type: float, low: 8, high: 9.5}": "model.hidden_size=8.0 .*whole number",
    "model.hidden_size: {type: int, low: 0, high: 9}": "model.hidden_size=0.* 1 or more",
    "model.dropout: {type: float, low: 0, high: 1}": "model.dropout=1.0.*below 1",
    "model.pooling: [mean, maximum]": "model.pooling='maximum'.*last, max, mean",
    "optimizer: [adam, adams]": "optimizer='adams'.*Did you mean 'adam",
    "model.dropout: {choices: [0.1], when: {model.shape: 1}}": "'model.shape' is neither a setting nor",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_space_that_no_run_can_have_is_refused_with_file_key_and_value(line, tmp_path):
    sweep = sweep_of(tmp_path, line)
    with pytest.raises(UserError, match=REFUSED[line]) as caught:
        check_space(sweep)
    assert str(sweep.path) in str(caught.value)


def test_a_condition_on_a_value_that_is_no_choice_is_refused(tmp_path):
    line = "optimizer.momentum: {choices: [0.5], when: {optimizer.name: sdg}}"
    with pytest.raises(UserError, match=re.escape("['sdg']: must be among ['adam', 'sgd']")):
        check_space(sweep_of(tmp_path, "optimizer.name: [adam, sgd]", line))


def test_an_unknown_architecture_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(UserError, match="lstmm.*Did you mean 'lstm'"):
        check_space(sweep_of(tmp_path, "model.dropout: [0.1]", architectures="[lstmm]"))


MISFITS = {
    "gp": ("optimizer.name: [adam, sgd]", "model.dropout: {choices: [0.1], when: {optimizer.name: sgd}}"),
    "grid": ("model.dropout: {type: float, low: 0, high: 0.5}",),
    "cmaes": ("model.pooling: [mean, max]",),
}
REASONS = {"gp": "conditional keys", "grid": "is a float without a step", "cmaes": "needs at least one range"}


@pytest.mark.parametrize("name", MISFITS)
def test_a_sampler_that_does_not_fit_is_refused_with_the_reason(name, tmp_path):
    with pytest.raises(UserError, match=f"sampler: '{name}' does not fit lstm: .*{REASONS[name]}"):
        check_sampler(sweep_of(tmp_path, *MISFITS[name], sampler=name))


def test_a_gaussian_process_is_refused_past_its_number_of_trials(tmp_path):
    with pytest.raises(UserError, match="at most 300 trials"):
        check_sampler(sweep_of(tmp_path, "model.dropout: [0, 0.1]", sampler="gp", trials=301))


def test_a_grid_smaller_than_the_budget_is_refused_with_its_size(tmp_path):
    space = ("model.dropout: {type: float, low: 0, high: 0.2, step: 0.1}", "model.pooling: [mean, max]")
    sweep = sweep_of(tmp_path, *space, sampler="grid", trials=7)
    assert math.prod(map(len, grid_points(sweep.space).values())) == 6
    with pytest.raises(UserError, match="the grid has 6 points; set trials to 6 or fewer"):
        check_sampler(sweep)


SPACE = (
    "optimizer.lr: {type: float, low: 1e-4, high: 1e-1, log: true}",
    "model.num_layers: {type: int, low: 1, high: 3}",
)


@pytest.mark.parametrize("name", ["random", "tpe", "qmc", "cmaes", "nsga2", "grid"])
def test_every_sampler_asks_and_is_told_without_a_warning(name, tmp_path):
    space = ("model.num_layers: {type: int, low: 1, high: 8}",) if name == "grid" else SPACE
    sweep = sweep_of(tmp_path, *space, sampler=name, trials=8)
    check_sampler(sweep)
    study = optuna.create_study(direction="maximize")
    seen = []
    for number in range(8):
        study.sampler = make_sampler(sweep, "lstm", number)
        trial = study.ask()
        seen.append(str(draw(trial, sweep.dimensions("lstm"), {})))
        study.sampler = optuna.samplers.RandomSampler() if name == "grid" else study.sampler
        study.tell(trial, number / 8)
    assert len(set(seen)) == 8


@pytest.mark.slow
def test_a_gaussian_process_asks_and_is_told_without_a_warning(tmp_path):
    sweep = sweep_of(tmp_path, *SPACE, sampler="{name: gp, n_startup_trials: 2}", trials=4)
    study = optuna.create_study(direction="maximize")
    for number in range(4):
        study.sampler = make_sampler(sweep, "lstm", number)
        trial = study.ask()
        draw(trial, sweep.dimensions("lstm"), {})
        study.tell(trial, number / 4)
    assert len({str(trial.params) for trial in study.trials}) == 4


def replayed(pruner, curves: list[list[float]]) -> list[int]:
    """Give how many rungs of each curve a pruner lets through, one trial after the other."""
    study = optuna.create_study(direction="maximize", pruner=pruner)
    lengths = []
    for curve in curves:
        trial, done = study.ask(), 0
        for rung, value in enumerate(curve, start=1):
            trial.report(value, rung)
            done = rung
            if trial.should_prune():
                break
        pruned = done < len(curve)
        state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
        study.tell(trial, None if pruned else curve[-1], state=state)
        lengths.append(done)
    return lengths


CURVES = [[0.3 + 0.01 * n + 0.05 * r for r in range(8)] for n in range(6)] + [
    [0.2 - 0.01 * r for r in range(8)]
] * 6


@pytest.mark.parametrize("name", [name for name in PRUNERS if name != "none"])
def test_every_pruner_stops_a_bad_curve_and_spares_the_best(name):
    pruner = make_pruner(Method(name), validate_every=0.25, max_epochs=2)
    lengths = replayed(pruner, CURVES)
    assert lengths[5] == 8
    assert min(lengths[6:]) < 8


def test_no_pruner_stops_nothing():
    assert replayed(make_pruner(Method("none"), validate_every=0.25, max_epochs=2), CURVES) == [8] * 12


@pytest.mark.parametrize(("warmup", "first"), [(0.5, 2), (1.0, 4), (0.25, 1)])
def test_a_warmup_counts_epochs_whatever_the_rungs(warmup, first):
    pruner = make_pruner(
        Method("median", {"warmup": warmup, "startup": 1}), validate_every=0.25, max_epochs=2
    )
    assert replayed(pruner, [[0.9] * 8, [0.1] * 8])[1] == first


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(PRUNERS)), st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.integers(1, 5))
def test_a_pruner_fits_any_number_of_rungs(name, validate_every, epochs):
    rungs = round(epochs / validate_every)
    pruner = make_pruner(Method(name), validate_every=validate_every, max_epochs=epochs)
    assert len(replayed(pruner, [[0.5] * rungs] * 3)) == 3
