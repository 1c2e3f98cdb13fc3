"""Our random sampler and percentile pruner against Optuna's own, which they replace: equal in every bit."""

import math
import random

import numpy as np
import optuna
import pytest
from hypothesis import given, settings, strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from rnnsweep.methods.draws import SeededRandomSampler
from rnnsweep.methods.percentile import SortedPercentilePruner, percentile_of

optuna.logging.set_verbosity(optuna.logging.WARNING)
SEEDS = st.integers(0, 2**31 - 1)


def space_of(seed):
    """Make distributions of each kind, wide and narrow ones, of one value too."""
    draw = random.Random(seed)
    low, step, steps = draw.randint(-1000, 1000), draw.randint(1, 99), draw.choice([0, 1, 2, 40])
    first, last = sorted(draw.uniform(-1e6, 1e6) for _ in range(2))
    small, large = sorted(10 ** draw.uniform(-9, 6) for _ in range(2))
    few, many = sorted(draw.randint(1, 4096) for _ in range(2))
    return [
        FloatDistribution(first, last),
        FloatDistribution(first, math.nextafter(first, last)),
        FloatDistribution(first, first),
        FloatDistribution(small, large, log=True),
        FloatDistribution(small, small, log=True),
        FloatDistribution(low / 8, (low + steps * step) / 8, step=step / 8),
        IntDistribution(low, low + steps * step, step=step),
        IntDistribution(few, many, log=True),
        CategoricalDistribution(range(draw.randint(1, 9))),
    ]


def drawn(sampler, space):
    return [sampler.sample_independent(None, None, "x", one) for one in space]


@given(seed=SEEDS)
def test_the_random_sampler_draws_optunas_values(seed):
    space = space_of(seed)
    assert drawn(SeededRandomSampler(seed), space) == drawn(optuna.samplers.RandomSampler(seed=seed), space)


@given(seeds=st.tuples(SEEDS, SEEDS))
def test_two_random_samplers_that_take_turns_draw_what_each_draws_alone(seeds):
    space, first, second = space_of(seeds[0]), *map(SeededRandomSampler, seeds)
    turns = [(drawn(first, [one]), drawn(second, [one])) for one in space]
    alone = [drawn(SeededRandomSampler(seed), space) for seed in seeds]
    assert [[a for (a,) in values] for values in zip(*turns, strict=True)] == alone


@given(
    values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=50).map(sorted),
    percent=st.floats(0, 100) | st.sampled_from([0, 1, 25, 50, 75, 100]),
)
def test_a_percentile_of_sorted_values_is_numpys(values, percent):
    with np.errstate(all="ignore"):
        theirs = float(np.nanpercentile(np.array(values), percent))
    ours = percentile_of(values, percent)
    assert ours == theirs or (math.isnan(ours) and math.isnan(theirs))


REPORTS = st.dictionaries(
    st.integers(1, 8), st.floats(0, 1) | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=8
)
OPTIONS = st.tuples(
    st.floats(0, 100) | st.just(50.0), st.integers(0, 5), st.integers(0, 4), st.integers(1, 3)
)


def ended(reports, state=TrialState.COMPLETE):
    value = 0.5 if state == TrialState.COMPLETE else None
    return create_trial(state=state, value=value, intermediate_values=reports)


@pytest.mark.filterwarnings("ignore:All-NaN")
@settings(deadline=None, max_examples=25)
@given(
    direction=st.sampled_from(["maximize", "minimize"]),
    options=OPTIONS,
    rounds=st.lists(st.tuples(st.lists(REPORTS, max_size=4), REPORTS), min_size=1, max_size=5),
)
def test_the_percentile_pruner_decides_as_optunas_while_a_study_grows(direction, options, rounds):
    percentile, startup, warmup, interval = options
    ours = SortedPercentilePruner(percentile, startup=startup, warmup=warmup, interval=interval)
    theirs = optuna.pruners.PercentilePruner(
        percentile, n_startup_trials=startup, n_warmup_steps=warmup, interval_steps=interval
    )
    study = optuna.create_study(direction=direction)
    study.add_trial(ended({1: 0.5}, TrialState.FAIL))
    for completed, running in rounds:
        study.add_trials([ended(reports) for reports in completed])
        trial = study.get_trials()[0]
        trial.intermediate_values = running
        with np.errstate(all="ignore"):
            assert ours.prune(study, trial) == theirs.prune(study, trial)


def test_trials_that_complete_out_of_order_are_all_compared_with():
    study, pruner = (
        optuna.create_study(direction="maximize"),
        SortedPercentilePruner(50, startup=1, warmup=0, interval=1),
    )
    trials = [study.ask() for _ in range(4)]
    for trial, value in zip(trials, (0.9, 0.2, 0.8, 0.5), strict=True):
        trial.report(value, 1)
    decisions = []
    for number in (2, 1, 0):
        study.tell(trials[number], 1.0)
        running = study.get_trials(deepcopy=False)[3]
        decisions.append(pruner.prune(study, running))
    assert decisions == [True, False, True]  # .5 against .8; against .2 and .8; against .2, .8 and .9
