"""Cross-validation: each fold is the test part once, and the verdicts know that folds share training rows."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from simulation import FakeClock, FakeLauncher, write_sweep
from sweep_records import make_standing
from test_study_limits import plain, run

from rnnsweep.cli import main
from rnnsweep.comparison.evidence.records import Replicate
from rnnsweep.comparison.evidence.replicate_scores import fold_of
from rnnsweep.comparison.evidence.tested_rows import of_each_part
from rnnsweep.comparison.predictions import Predictions, describe_test_part
from rnnsweep.comparison.statistics.cross_validation import METHOD, fold_interval, fold_p
from rnnsweep.comparison.verdicts.coverage import say_conclusion, say_test_part
from rnnsweep.comparison.verdicts.verdicts import make_verdicts
from rnnsweep.data import DataConfig, prepare
from rnnsweep.data.groups import hash_names
from rnnsweep.data.rows import draw_folds
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tasks import score_named
from rnnsweep.tracking import sync


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=200), st.integers(2, 7)
)
@settings(deadline=None)
def test_no_group_is_in_two_folds_and_each_row_is_in_one(rows, folds):
    groups_N = hash_names([str(group) for _, group in rows])
    fold_N = draw_folds(np.array([label for label, _ in rows]), groups_N, folds=folds)
    assert ((fold_N >= 0) & (fold_N <= folds)).all()
    for group in np.unique(groups_N):
        assert len(set(fold_N[groups_N == group])) == 1


def test_folds_have_the_labels_in_like_shares_and_a_labels_only_row_is_never_tested():
    targets_N = np.array([0] * 50 + [1] * 25 + [2])
    fold_N = draw_folds(targets_N, hash_names(map(str, range(76))), folds=5)
    counts = [np.bincount(targets_N[fold_N == fold], minlength=3).tolist() for fold in range(1, 6)]
    assert counts == [[10, 5, 0]] * 5
    assert fold_N[-1] == 0


@pytest.fixture
def table(tmp_path):
    rows = [f"text {n} is {label},{label},{label} {n}" for n in range(30) for label in ("good", "bad")]
    (tmp_path / "rows.csv").write_text("text,label,author\n" + "\n".join(rows) + "\n")
    return tmp_path / "rows.csv"


def test_the_folds_of_a_corpus_are_its_rows_each_once(table, tmp_path):
    tested = []
    for fold in (1, 2, 3):
        config = DataConfig(corpus="files", train=str(table), folds=3, fold=fold)
        corpus = prepare(config, tmp_path / "cache")
        assert corpus.sizes == {"train": 36, "validation": 4, "test": 20}
        assert any(note.startswith(f"the test part is fold {fold} of 3") for note in corpus.facts.notes)
        assert not set(corpus.texts("test")) & set(corpus.texts("train"))
        tested += corpus.texts("test")
    assert len(tested) == len(set(tested)) == 60


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"folds": 1}, "data.folds=1: must be 2 or more, or null"),
        ({"folds": 3, "fold": 4}, r"data.fold=4: must be 1 to 3 \(data.folds=3\)"),
        ({"fold": 2}, r"data.fold=2: must be 1 to 1 \(data.folds=None\)"),
        ({"folds": 3, "test": "a.csv"}, "data.folds=3: must be null where data.test or"),
        (
            {"folds": 3, "corpus": "ag_news"},
            "data.folds=3: must be null where data.test or data=ag_news gives a test part",
        ),
    ],
)
def test_folds_that_make_no_sense_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        DataConfig(**{"corpus": "files", **given})


def test_replicates_and_the_baseline_take_each_fold_in_turn(tmp_path, table):
    fake = FakeLauncher(FakeClock(), plain)
    rows = f"data=files, data.train={table}, data.folds=3"
    changes = {"overrides": f"[{rows}]", "replicates": 4, "trials": 1, "baseline": "true"}
    run(write_sweep(tmp_path, **changes), tmp_path, fake)
    for name in ("rnn", "lstm", "linear"):
        repeats = [t for t in fake.started if t.architecture == name and "rnnsweep.replicate" in t.tags]
        assert [fold_of(t.overrides) for t in repeats] == [{"fold": f, "folds": 3} for f in (1, 2, 3, 1)]
    assert all(fold_of(t.overrides)["fold"] == 0 for t in fake.started if t.role == "trial")


def test_the_test_part_of_folds_is_that_of_all_that_were_tested():
    first, second = np.array([0, 0, 1]), np.array([2, 2, 2, 2])
    said = {"a": standing("a", [0.6, 0.7, 0.6], folds=2), "b": standing("b", [0.5, 0.7, 0.6], folds=2)}
    runs, predictions = [], {}
    for name, own in said.items():
        named = [replace(one, run_id=f"{name}{n}") for n, one in enumerate(own.replicates)]
        runs.append(replace(own, replicates=tuple(named)))
        predictions |= {one.run_id: Predictions(*[(first, second)[one.fold - 1]] * 2) for one in named}
    parts = of_each_part(runs, predictions, first="a0")
    assert {fold: sorted(own) for fold, own in parts.items()} == {
        1: ["a0", "a2", "b0", "b2"],
        2: ["a1", "b1"],
    }
    part = describe_test_part(parts, score_named(), ["x", "x", "y", "z", "z", "w", "w"])
    assert (part.rows, part.groups, part.folds, part.classes) == (7, 4, 2, 3)
    assert part.majority == part.naming == 4 / 7, "of the rows of both folds"
    assert say_test_part(part) == "7 test rows in 4 groups over 2 folds, 3 classes, the largest 57.1 %"
    alone = describe_test_part({2: parts[2]}, score_named())
    assert say_test_part(alone) == "4 test rows over 1 fold, 1 classes, the largest 100.0 %"


def standing(name, scores, *, folds, **more):
    replicates = [
        Replicate(f"{n}, fold {n % folds + 1}", score, fold=n % folds + 1, folds=folds)
        for n, score in enumerate(scores)
    ]
    return replace(make_standing(name, scores, **more), replicates=tuple(replicates))


def test_five_folds_can_tell_two_apart_and_the_sentence_names_the_test():
    a, b = ([base + step for step in (0, 0.01, -0.01, 0.005, 0.002)] for base in (0.9, 0.5))
    b[0] += 0.01
    (verdict,) = make_verdicts([standing("a", a, folds=5), standing("b", b, folds=5)], margin=0.002)
    assert verdict.verdict == "better"
    assert f"5 paired replicates over 5 folds, {METHOD}" in verdict.sentence
    conclusion = say_conclusion([verdict], None)
    assert "each of 5 folds is the test part in turn" in conclusion
    assert "The settings were chosen on the first fold" in conclusion
    assert "They do not speak of another search, even of the same size" in conclusion


def test_folds_that_are_missing_are_asked_for_and_more_of_the_same_are_not():
    scores = [0.7, 0.72, 0.69, 0.71, 0.7]
    other = [0.71, 0.7, 0.7, 0.7, 0.71]
    for pairs, word, needed in ((3, "needs more", 2), (5, "not separable", None)):
        both = [standing(name, own[:pairs], folds=5) for name, own in (("a", scores), ("b", other))]
        (verdict,) = make_verdicts(both, margin=0.0)
        assert (verdict.verdict, verdict.replicates_needed) == (word, needed)
    assert "each fold was a test part, so that more rows are needed" in verdict.sentence
    (verdict,) = make_verdicts(both, margin=0.0, groups=[1, 1, 2, 3])
    assert "each fold was a test part, so that more groups of rows are needed" in verdict.sentence


def test_the_corrected_t_is_that_of_nadeau_and_bengio():
    d = np.array([0.02, 0.01, 0.03, 0.00, 0.02])
    t = d.mean() / (d.var(ddof=1) * (1 / 5 + 1 / 4)) ** 0.5
    from scipy import stats

    assert fold_p(d, range(5), folds=5) == pytest.approx(2 * stats.t.sf(t, 4))
    interval = fold_interval(d, range(5), folds=5)
    half = stats.t.ppf(0.975, 4) * (d.var(ddof=1) * 0.45) ** 0.5
    assert (interval.low, interval.high) == pytest.approx((d.mean() - half, d.mean() + half))
    twice = fold_p(np.repeat(d, 2), np.repeat(range(5), 2), folds=5)
    assert twice == fold_p(d, range(5), folds=5)  # replicates on the same fold are no further folds
    assert fold_p([0.1] * 5, range(5), folds=5) == 2 / 2**5  # no spread: as a sign-flip test
    assert fold_p([0.0] * 5, range(5), folds=5) == fold_p([0.1], [1], folds=5) == 1.0


def nearest_mean(train_NF, targets_N, test_MF):
    means = [train_NF[targets_N == label].mean(axis=0) for label in (0, 1)]
    far = [((test_MF - mean) ** 2).sum(axis=1) for mean in means]
    return (far[1] < far[0]).astype(int)


def differences(rng, *, rows, folds, apart=0.0):
    """Differences of two classifiers that read five features each, on each fold of one data set."""
    targets_N = rng.permutation(np.arange(rows) % 2)
    shift_F = np.r_[np.full(5, 0.4 + apart), np.full(5, 0.4)]
    features_NF = rng.normal(size=(rows, 10)) + targets_N[:, None] * shift_F
    fold_N = draw_folds(targets_N, hash_names(map(str, range(rows))), folds=folds)
    found = []
    for fold in range(1, folds + 1):
        train, test = fold_N != fold, fold_N == fold
        right = [
            (nearest_mean(features_NF[train][:, own], targets_N[train], features_NF[test][:, own])
             == targets_N[test]).mean()
            for own in (slice(0, 5), slice(5, 10))
        ]  # fmt: skip
        found.append(right[0] - right[1])
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize("folds", [5, 10])
def test_two_equal_learners_are_told_apart_in_a_twentieth_of_cross_validations_at_most(folds):
    rng = np.random.default_rng(folds)
    every = [differences(rng, rows=100, folds=folds) for _ in range(2000)]
    corrected = np.mean([fold_p(d, range(folds), folds=folds) <= 0.05 for d in every])
    assert corrected <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
    apart = [differences(rng, rows=400, folds=folds, apart=0.3) for _ in range(200)]
    assert np.mean([fold_p(d, range(folds), folds=folds) <= 0.05 for d in apart]) > 0.3


SWEEP = """# Does a toy need recurrence?
name: toy
architectures: [bag, rnn]
trials: 1
replicates: 3
overrides:
  - data=files
  - data.train={rows}
  - data.folds=3
  - data.group=author
  - model.hidden_size=4
  - model.embedding_size=4
  - data.batch_size=16
  - trainer.max_epochs=1
space: {{optimizer.lr: [0.02]}}
sampler: grid
"""


@pytest.mark.slow
def test_a_sweep_over_folds_says_so_from_its_first_line_to_its_report(home, table, capsys):
    shutil.rmtree(home / "sweeps")
    (home / "sweeps").mkdir()
    (home / "sweeps" / "toy.yaml").write_text(SWEEP.format(rows=table))
    assert main(["sweep", "toy", "--slots", "2"]) == 0
    said = capsys.readouterr()
    first = " ".join(said.err.split())
    assert first.startswith(
        "3 replicates test on 3 of 3 folds: enough to show a clear difference between the two"
        " networks and of either of them from the baseline"
    )
    assert "sign" not in first
    sync(home / "mlruns")  # on a busy machine the last runs are still on their way to the store
    assert main(["compare", "toy", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    replicates = {one["architecture"]: one["test"]["replicates"] for one in answer["standings"]}
    assert replicates == {"bag": 3, "rnn": 3, "linear": 3}
    assert len(answer["verdicts"]) == 3
    assert (answer["test_rows"], answer["majority"]) == (60, 0.5), "of all folds"
    assert answer["data"][0].startswith("Data of fold 1 of 3: 36 train, 4 validation, 20 test rows; 2 labels")
    assert {(one["folds"], one["method"]) for one in answer["verdicts"]} == {(3, METHOD)}
    assert all(f"3 paired replicates over 3 folds, {METHOD}" in one["sentence"] for one in answer["verdicts"])
    assert main(["compare", "toy", "--details"]) == 0
    report = SweepFolder.of(home / "mlruns", "toy").report.read_text()
    for text in (capsys.readouterr().out, report, answer["conclusion"]):
        assert "each of 3 folds is the test part in turn" in " ".join(text.split())
    assert "60 test rows in 60 groups over 3 folds" in report
