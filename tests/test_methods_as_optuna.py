"""Our percentile pruner against Optuna's own, which it replaces: equal in every bit."""

import math

import numpy as np
import optuna
import pytest
from hypothesis import given, settings, strategies as st
from optuna.trial import TrialState, create_trial

from rnnsweep.methods.percentile import SortedPercentilePruner, percentile_of

optuna.logging.set_verbosity(optuna.logging.WARNING)


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
