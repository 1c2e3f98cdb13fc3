"""Remarks on replicates that differ: by seeds, by splits, or by folds."""

from dataclasses import replace

import numpy as np
from sweep_records import make_standing
from test_comparison_health import calm, on_other_splits, remarks

from rnnsweep.comparison import compare_records
from rnnsweep.comparison.evidence.records import Replicate
from rnnsweep.comparison.health.replicates import GroupedRows, spread_of_replicates
from rnnsweep.comparison.predictions import Predictions, ValidationPart
from rnnsweep.data.large_groups import large_groups


def test_settings_that_train_well_with_some_seeds_alone_are_told():
    runs = calm()
    own = runs["role"] == "replicate"
    runs.loc[own, "test"] = np.linspace(0.61, 0.7, own.sum())
    assert not any("seeds" in r for r in remarks(runs)), "nine points are what few rows may show"
    runs.loc[own, "test"] = np.linspace(0.45, 0.7, own.sum())
    (found,) = (r for r in remarks(runs) if "some seeds" in r)
    assert found == (
        "gru: its replicates differ by 25.00 points, from 0.4500 to 0.7000: its settings train well only with"
        " some seeds. The search saw one seed."
    )


def test_where_splits_vary_and_nothing_is_beside_them_seeds_alone_are_not_blamed():
    runs = calm()
    own = runs["role"] == "replicate"
    runs.loc[own, "test"] = np.linspace(0.45, 0.7, own.sum())
    runs = on_other_splits(runs.assign(key=""))
    (found,) = (r for r in remarks(runs) if "some seeds" in r)
    assert found == (
        "gru: its replicates differ by 25.00 points, from 0.4500 to 0.7000: its settings train well only with"
        " some seeds or splits. The search saw one split and one seed."
    )
    (given,) = (r for r in remarks(runs, validation=ValidationPart(79, None)) if "some seeds" in r)
    assert given.endswith("with some seeds. The search saw one seed."), "the rows are those of a file"


SPLITS = (0.45, 0.47, 0.7, 0.46, 0.71)


def of_splits(name, scores, **more):
    replicates = [Replicate(str(n), score, split=f"data.split_seed={n}") for n, score in enumerate(scores)]
    return replace(make_standing(name, scores), replicates=tuple(replicates), **more)


def shifted(scores, by):
    return tuple(score + by for score in scores)


def said_of(*standings):
    return [remark.sentence for remark in spread_of_replicates(standings, 0.002)]


def test_where_the_baseline_ranges_as_widely_over_the_same_splits_nothing_is_said_of_seeds():
    linear = of_splits("linear", shifted(SPLITS, 0.05), baseline=True)
    together = [of_splits("gru", SPLITS), of_splits("lstm", shifted(SPLITS, -0.1))]
    whom = "the linear baseline ranges from 0.5000 to 0.7600 over the same splits as the replicates of"
    expected = (
        f"Scores depend much on the split of train and validation: {whom} gru and lstm, which differ by up to"
        " 26.00 points."
    )
    assert said_of(linear, *together) == [expected]
    otherwise = [of_splits("gru", SPLITS[::-1]), of_splits("lstm", SPLITS[1:] + SPLITS[:1])]
    assert said_of(linear, *otherwise) == [expected], "other splits suit them, and by no more"


def test_a_network_that_ranges_wider_than_the_baseline_is_told_beside_it():
    linear = of_splits("linear", (0.7, 0.69, 0.71, 0.7, 0.7), baseline=True)
    assert said_of(linear, of_splits("gru", SPLITS), of_splits("lstm", (0.7, 0.7, 0.69, 0.7, 0.7))) == [
        "gru: beside the linear baseline on the same split its replicates differ by 26.00 points: its"
        " settings train well only with some seeds or splits. The search saw one split and one seed."
    ]
    along = of_splits("linear", (0.6, 0.61, 0.69, 0.6, 0.69), baseline=True)
    assert said_of(along, of_splits("gru", (0.6, 0.61, 0.71, 0.6, 0.71))) == [], (
        "eleven points, of which nine"
    )


def test_without_replicates_of_a_baseline_networks_are_judged_beside_the_others():
    fit = replace(make_standing("linear", [0.6]), replicates=(Replicate("0", 0.6),), baseline=True)
    steady = [of_splits(name, (0.7, 0.69, 0.71, 0.7, 0.7)) for name in ("lstm", "rnn")]
    (found,) = said_of(fit, of_splits("gru", SPLITS), *steady)
    assert found.startswith("gru: beside the mean of lstm and rnn on the same split its replicates differ by")
    assert said_of(of_splits("gru", SPLITS), of_splits("lstm", shifted(SPLITS, 0.02))) == [
        "Scores depend much on the split of train and validation: lstm ranges from 0.4700 to 0.7300 over the"
        " same splits as the replicates of gru, which differ by 26.00 points."
    ]


def test_a_baseline_with_one_fit_leaves_the_replicates_of_one_split_to_their_seeds():
    fit = replace(make_standing("linear", [0.6]), replicates=(Replicate("0", 0.6),), baseline=True)
    seeds = [Replicate(str(n), score) for n, score in enumerate(SPLITS)]
    one_split = replace(of_splits("gru", SPLITS), replicates=tuple(seeds))
    (found,) = said_of(fit, one_split, replace(one_split, architecture="lstm"))[:1]
    assert found.endswith("train well only with some seeds. The search saw one seed.")


def of_rows(standing, right_of_anna, right_of_others):
    """Return whether each replicate is right on 40 rows of anna and on 60 of others."""
    shares = zip(right_of_anna, right_of_others, strict=True)
    return {
        one.seed: np.r_[np.arange(40) < anna, np.arange(60) < others]
        for one, (anna, others) in zip(standing.replicates, shares, strict=True)
    }


GROUPS_N = np.r_[np.zeros(40), np.arange(1, 61)]
LARGE = large_groups(GROUPS_N, lambda rows: ["anna" for _ in rows], "author")


def test_a_spread_that_one_group_of_test_rows_makes_is_not_blamed_on_the_settings():
    scores = (0.86, 0.5, 0.88, 0.5, 0.84)
    gru, linear = of_splits("gru", scores), of_splits("linear", (0.7,) * 5, baseline=True)
    right = {
        "gru": of_rows(gru, (38, 4, 40, 2, 38), (48, 46, 48, 48, 46)),
        "linear": of_rows(linear, (40,) * 5, (30,) * 5),
    }
    told = "gru: beside the linear baseline on the same split its replicates differ by 38.00 points"
    group = ", and by 3.33 points without the 40 test rows of 'anna'"
    why = ": this one group makes much of the difference, so it says little of the settings."
    (found,) = spread_of_replicates([gru, linear], 0.002, rows=GroupedRows(right, GROUPS_N, LARGE))
    assert found.sentence == f"{told}{group}{why}"
    assert found.next == ""
    one_split = replace(gru, replicates=tuple(replace(one, split="") for one in gru.replicates))
    (found,) = spread_of_replicates([one_split], 0.002, rows=GroupedRows(right, GROUPS_N, LARGE))
    assert found.sentence == (
        f"gru: its replicates differ by 38.00 points, from 0.5000 to 0.8800{group}{why}"
    )


def test_settings_are_blamed_for_what_a_spread_is_without_its_group_where_that_is_large():
    gru, linear = of_splits("gru", (0.86, 0.3)), of_splits("linear", (0.7, 0.7), baseline=True)
    right = {"gru": of_rows(gru, (38, 0), (48, 30)), "linear": of_rows(linear, (40, 40), (30, 30))}
    blamed = "its settings train well only with some seeds or splits. The search saw one split and one seed."
    (found,) = spread_of_replicates([gru, linear], 0.002, rows=GroupedRows(right, GROUPS_N, LARGE))
    assert found.sentence.endswith(
        f"56.00 points, and by 30.00 points without the 40 test rows of 'anna': {blamed}"
    )
    even = {**right, "gru": of_rows(gru, (38, 14), (48, 16))}
    (found,) = spread_of_replicates([gru, linear], 0.002, rows=GroupedRows(even, GROUPS_N, LARGE))
    assert found.sentence.endswith(f"56.00 points: {blamed}"), "the group has its part of the spread alone"
    for unknown in ({}, {**right, "gru": {"0": right["gru"]["0"]}}, numbers_of(right)):
        (found,) = spread_of_replicates([gru, linear], 0.002, rows=GroupedRows(unknown, GROUPS_N, LARGE))
        assert found.sentence.endswith(f"56.00 points: {blamed}")


def numbers_of(right):
    """Return errors in place of right and wrong: those of another score, whose mean need not be the score."""
    return {name: {seed: row.astype(float) for seed, row in own.items()} for name, own in right.items()}


def test_a_comparison_finds_the_group_that_makes_a_spread_by_what_replicates_predicted():
    runs = calm()
    own = runs["role"] == "replicate"
    right = {str(run): 400 - 160 * (n % 2) for n, run in enumerate(runs.loc[own, "run_id"])}
    runs.loc[own, "test"] = [right[str(run)] / 400 for run in runs.loc[own, "run_id"]]
    answers = {
        run: Predictions(np.zeros(400, int), (np.arange(400) >= n).astype(int)) for run, n in right.items()
    }
    groups_N = np.r_[np.arange(1, 241), np.zeros(160)]
    large = large_groups(groups_N, lambda rows: ["anna" for _ in rows], "author")
    compared = compare_records(runs, predictions=answers, groups=groups_N, large=large)
    (found,) = (one.sentence for one in compared.health if "replicates differ" in one.sentence)
    assert "differ by 40.00 points, from 0.6000 to 1.0000, and by 0.00 points without the 160 test" in found


HARD = (0.7, 0.69, 0.71, 0.5, 0.7)


def of_folds(name, scores, **more):
    replicates = [Replicate(str(n), score, fold=n + 1, folds=5) for n, score in enumerate(scores)]
    overrides = ("data=files", "data.folds=5", "model=gru")
    return replace(make_standing(name, scores), replicates=tuple(replicates), overrides=overrides, **more)


def test_a_fold_that_is_hard_for_all_is_told_in_place_of_seeds():
    standings = [
        of_folds("gru", HARD),
        of_folds("lstm", [score - 0.02 for score in HARD]),
        of_folds("linear", [score + 0.01 for score in HARD], baseline=True),
    ]
    (remark,) = spread_of_replicates(standings, 0.002)
    assert remark.sentence == (
        "Fold 4 is hard for all: the mean of gru, lstm and linear is 0.4967 on it, and 0.7067 on fold 3. So"
        " replicates differ by what they are tested on, not by their seeds alone."
    )
    assert remark.next == "see what is in it: rnnsweep data data=files data.folds=5 data.fold=4"
    easy = [of_folds(name, (0.7, 0.69, 0.71, 0.65, 0.7)) for name in ("gru", "lstm")]
    assert list(spread_of_replicates(easy, 0.002)) == [], "six points are what few rows may show"
    assert list(spread_of_replicates(standings[:1], 0.002)) == [], "nobody beside it to compare with"


def test_with_folds_seeds_are_judged_beside_the_baseline_on_the_same_fold():
    fell = [0.7, 0.69, 0.4, 0.5, 0.7]  # on the third, where the others did not
    standings = [of_folds("gru", fell), of_folds("lstm", HARD), of_folds("linear", HARD, baseline=True)]
    said = [remark.sentence for remark in spread_of_replicates(standings, 0.002)]
    assert [one for one in said if "some seeds. " in one] == [
        "gru: beside the linear baseline on the same fold its replicates differ by 31.00 points: its settings"
        " train well only on some folds or with some seeds. The search saw one fold and one seed."
    ]


def test_folds_of_which_none_is_hard_for_all_are_said_to_matter_where_the_baseline_ranges_as_widely():
    baseline = of_folds("linear", HARD, baseline=True)
    (found,) = spread_of_replicates([of_folds("gru", HARD[::-1]), baseline], 0.002)
    assert found.sentence == (
        "Scores depend much on the fold: the linear baseline ranges from 0.5000 to 0.7100 over the same folds"
        " as the replicates of gru, which differ by 21.00 points."
    )
