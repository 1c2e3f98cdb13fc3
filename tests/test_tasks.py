"""Scores are functions of counts that add up over rows; sklearn and torchmetrics are the oracles."""

import csv

import numpy as np
import pytest
import sklearn.metrics as oracle
import torch
from hypothesis import given, settings, strategies as st
from torchmetrics.functional.classification import multiclass_calibration_error

from rnnsweep.comparison.statistics.new_rows import new_rows
from rnnsweep.errors import UserError
from rnnsweep.tasks import Facts, TaskConfig, find_spec, score_named, spec_named, specs
from rnnsweep.tasks.answers import confusion_table, surest_mistakes
from rnnsweep.tasks.score import HIGHER, LOWER
from rnnsweep.tasks.task import LEVELS

LABELS = ("a", "b", "c", "d")
seeds = st.integers(0, 2**31)


def rows(seed, *, count=400, classes=4):
    draw = torch.Generator().manual_seed(seed)
    targets_N = torch.randint(classes, (count,), generator=draw)
    outputs_NC = torch.randn(count, classes, generator=draw) * 3
    outputs_NC[torch.arange(count), targets_N] += 2
    return outputs_NC, targets_N


def classes(labels=LABELS, targets=(0, 1, 2, 3), **settings):
    config = TaskConfig(**settings)
    return find_spec(config), find_spec(config).make(config, Facts(tuple(labels), np.array(targets)))


def numbers(targets):
    config = TaskConfig(answer="numbers")
    return find_spec(config), find_spec(config).make(config, Facts((), np.array(targets)))


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_scores_of_classification_are_those_of_sklearn_and_torchmetrics(seed):
    spec, task = classes()
    outputs_NC, targets_N = rows(seed)
    found = spec.values(task.counts(outputs_NC, targets_N))
    chances_NC = outputs_NC.double().softmax(1).numpy()
    said_N = chances_NC.argmax(1)
    expected = {
        "accuracy": oracle.accuracy_score(targets_N, said_N),
        "macro_f1": oracle.f1_score(targets_N, said_N, average="macro"),
        "weighted_f1": oracle.f1_score(targets_N, said_N, average="weighted"),
        "balanced_accuracy": oracle.balanced_accuracy_score(targets_N, said_N),
        "log_loss": oracle.log_loss(targets_N, chances_NC),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    area = oracle.roc_auc_score(targets_N, chances_NC, multi_class="ovr", average="macro")
    assert found["roc_auc"] == pytest.approx(area, abs=1e-3)
    error = multiclass_calibration_error(outputs_NC.double().softmax(1), targets_N, 4, n_bins=15)
    assert found["calibration_error"] == pytest.approx(float(error), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, scale=st.floats(1e-3, 1e4), shift=st.floats(-1e5, 1e5))
def test_scores_of_regression_are_those_of_sklearn_in_the_targets_own_unit(seed, scale, shift):
    draw = np.random.default_rng(seed)
    targets_N = draw.normal(shift, scale, 300)
    spec, task = numbers(targets_N)
    outputs_N1 = torch.from_numpy(draw.normal(size=(300, 1)))
    found = spec.values(task.counts(outputs_N1, torch.from_numpy(targets_N)))
    said_N = task.answers(outputs_N1)["predictions_N"]
    assert found["rmse"] == pytest.approx(oracle.root_mean_squared_error(targets_N, said_N), rel=1e-6)
    assert found["mae"] == pytest.approx(oracle.mean_absolute_error(targets_N, said_N), rel=1e-6)
    assert found["r2"] == pytest.approx(oracle.r2_score(targets_N, said_N), rel=1e-6)


@pytest.mark.parametrize("name", specs())
def test_counts_of_parts_add_up_to_those_of_the_whole(name):
    spec = specs()[name]
    config = TaskConfig(spec.level, spec.answer, spec.target)
    outputs_NC, targets_N = rows(7)
    wanted_N = targets_N if spec.targets == "classes" else outputs_NC[:, 1].double()
    task = spec.make(config, Facts(LABELS if spec.targets == "classes" else (), wanted_N.numpy()))
    outputs_NK = outputs_NC[:, : task.outputs]
    whole = task.counts(outputs_NK, wanted_N)
    parts = task.empty(full=True, device="cpu")
    for first in range(0, 400, 37):
        task.add(parts, outputs_NK[first : first + 37], wanted_N[first : first + 37])
    assert spec.values(parts) == pytest.approx(spec.values(whole), rel=1e-9)
    assert list(spec.values(whole)) == [one.name for one in spec.scores]
    assert task.total_weight(whole) == 400


@pytest.mark.parametrize("spec", specs().values(), ids=lambda spec: spec.name)
def test_every_task_knows_direction_unit_and_margin_of_its_scores_and_runs_on_them(spec):
    names = [one.name for one in spec.scores]
    assert len(set(names)) == len(names)
    assert set(spec.running) <= set(names)
    assert spec.level in LEVELS
    for one in spec.scores:
        assert one.direction in (HIGHER, LOWER)
        assert one.unit
        assert one.margin > 0
        assert spec.score(one.name) is one
        assert one.turned(one.turned(0.25)) == 0.25
        assert (one.turned(0.3) > one.turned(0.2)) == (one.direction == HIGHER)


def test_perfect_and_hopeless_predictions_have_the_ends_of_each_scale():
    spec, task = classes()
    targets_N = torch.tensor([0, 1, 2, 3])
    right = spec.values(task.counts(torch.eye(4) * 80, targets_N))
    assert right["accuracy"] == right["macro_f1"] == right["roc_auc"] == 1.0
    assert right["log_loss"] == pytest.approx(0.0, abs=1e-12)
    assert right["calibration_error"] == pytest.approx(0.0, abs=1e-12)
    wrong = spec.values(task.counts(torch.eye(4).roll(1, 0) * 80, targets_N))
    assert wrong["accuracy"] == wrong["balanced_accuracy"] == 0.0
    assert wrong["calibration_error"] == pytest.approx(1.0)


def test_classes_without_a_row_are_left_out_and_no_row_at_all_is_no_error():
    spec, task = classes()
    outputs_NC, targets_N = rows(3, classes=3)
    wide_NC = torch.cat([outputs_NC, torch.full((400, 1), -30.0)], 1)
    said_N = outputs_NC.argmax(1)
    found = spec.values(task.counts(wide_NC, targets_N))
    assert found["macro_f1"] == pytest.approx(oracle.f1_score(targets_N, said_N, average="macro"))
    assert 0.5 < found["roc_auc"] < 1.0
    assert all(np.isfinite(v) for v in spec.values(task.empty(full=True, device="cpu")).values())


def test_the_table_of_classes_is_that_of_sklearn():
    _, task = classes()
    outputs_NC, targets_N = rows(11)
    table = task.by_class(task.counts(outputs_NC, targets_N))
    expected = oracle.classification_report(
        targets_N, outputs_NC.argmax(1), target_names=LABELS, output_dict=True
    )
    for row in table:
        ours = {
            "precision": row["precision"],
            "recall": row["recall"],
            "f1-score": row["f1"],
            "support": row["rows"],
        }
        assert ours == pytest.approx(expected[row["label"]])


def test_balanced_weights_are_those_of_sklearn_and_weigh_the_loss():
    from sklearn.utils.class_weight import compute_class_weight

    targets = np.array([0] * 70 + [1] * 20 + [2] * 9 + [3])
    _, task = classes(targets=targets, class_weights="balanced")
    balanced = compute_class_weight("balanced", classes=np.arange(4), y=targets)
    assert task.class_weights == pytest.approx(tuple(balanced))
    outputs_NC, targets_N = rows(5)
    loss = task.loss(outputs_NC, targets_N) / task.weight(targets_N)
    weight_C = torch.tensor(balanced, dtype=torch.float32)
    assert float(loss) == pytest.approx(
        float(torch.nn.functional.cross_entropy(outputs_NC, targets_N, weight=weight_C)), rel=1e-6
    )
    assert task.total_weight(task.counts(outputs_NC, targets_N)) == pytest.approx(task.weight(targets_N))


def test_named_weights_leave_the_other_classes_at_one():
    _, task = classes(class_weights={"b": 3.5})
    assert task.class_weights == (1.0, 3.5, 1.0, 1.0)
    with pytest.raises(UserError, match=r"task.class_weights.bb=2: the corpus has the labels a, b, c, d"):
        classes(class_weights={"bb": 2.0})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"level": "word"}, "task.level='word'"),
        ({"answer": "number"}, "task.answer='number'.*Did you mean 'numbers'"),
        ({"target": "row"}, "task.target='row'"),
        ({"class_weights": "even"}, "task.class_weights='even': must be balanced"),
        ({"class_weights": {"a": 0}}, "task.class_weights.a=0: must be a number above 0"),
        ({"class_weights": "balanced", "answer": "numbers"}, "must be null, as task.answer=numbers"),
    ],
)
def test_settings_that_do_not_exist_are_refused_by_key_and_value(settings, message):
    with pytest.raises(UserError, match=message):
        TaskConfig(**settings)


def test_a_task_that_is_not_there_and_a_score_that_is_not_the_tasks_are_refused():
    with pytest.raises(UserError, match="task.level=step.*task=classification, task=regression"):
        find_spec(TaskConfig(level="step"))
    spec = spec_named("classification")
    with pytest.raises(UserError, match="objective='macrof1': .*Did you mean 'macro_f1'"):
        spec.score("macrof1")


def test_targets_that_are_all_equal_are_refused():
    with pytest.raises(UserError, match="all 3 training targets are 2; they must differ"):
        numbers([2.0, 2.0, 2.0])


def test_a_record_without_a_task_is_of_classification_by_accuracy():
    assert score_named(None, None).name == "accuracy"
    assert score_named("regression", None).name == "rmse"
    assert score_named("regression", "r2").direction == HIGHER


def test_values_and_differences_are_written_in_the_scores_own_unit():
    accuracy, rmse = score_named(None, None), score_named("regression", None)
    assert accuracy.write(0.91234) == "0.9123"
    assert (accuracy.difference(0.0123, sign=True), accuracy.words) == ("+1.23", "points")
    assert rmse.write(-0.5) == "0.5000"
    assert rmse.write(-12345.678) == "12,345.7"
    assert rmse.write(None) == "–"
    assert (rmse.difference(0.0123), rmse.words) == ("0.0123", "units of the target")
    assert rmse.turned_interval(-3.0, -1.0) == (1.0, 3.0)
    assert rmse.default_margin(0.5) == pytest.approx(0.005)
    assert accuracy.default_margin(0.5) == 0.002


def test_the_surest_mistakes_come_first_with_their_texts():
    answers = {
        "predictions_N": np.array([0, 0, 1, 1, 0]),
        "confidence_N": np.array([0.99, 0.6, 0.9, 0.8, 0.9]),
    }
    targets_N = np.array([0, 1, 0, 1, 1])
    assert surest_mistakes(targets_N, **answers, most=1).tolist() == [2]
    given = []
    texts = ['two\n"lines"', "a" * 600, "c"]
    _, mistakes = spec_named("classification").tables(
        ("low", "high"),
        targets_N,
        answers,
        lambda rows_M: given.extend(rows_M.tolist()) or {"group": ["ann", "=1", "bo"], "text": texts},
    )
    assert given == [2, 4, 1]  # of equals the first row first
    head, first, second, third = csv.reader(mistakes.text.splitlines())
    assert mistakes.name == "test_mistakes.csv"
    assert head == ["row", "true", "predicted", "confidence", "group", "text"]
    assert first == ["2", "low", "high", "0.9000", "ann", 'two "lines"']
    assert second[-1] == "a" * 499 + "…"
    assert third == ["1", "high", "low", "0.6000", "bo", "c"]


def test_a_confusion_table_counts_true_labels_in_rows():
    table = confusion_table(np.array([0, 0, 1]), np.array([0, 1, 1]), ("a,b", "c"))
    assert table == 'true \\ predicted,"a,b",c\n"a,b",1,1\nc,0,1\n'


def test_the_largest_errors_of_numbers_come_first():
    targets_N, answers = np.array([1.0, 2.0, 3.0]), {"predictions_N": np.array([1.5, 5.0, 3.0])}
    (table,) = spec_named("regression").tables(
        (), targets_N, answers, lambda rows_M: {"text": ["b", "a", "c"]}
    )
    rows = list(csv.reader(table.text.splitlines()))
    assert rows[1] == ["1", "2", "5", "+3", "b"]
    assert [row[0] for row in rows[1:]] == ["1", "0", "2"]


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_values_of_rows_have_the_turned_score_as_their_mean(seed):
    draw = np.random.default_rng(seed)
    spec, task = numbers(draw.normal(3, 2, 100))
    targets_N, outputs_N1 = draw.normal(3, 2, 100), torch.from_numpy(draw.normal(size=(100, 1)))
    values = spec.values(task.counts(outputs_N1, torch.from_numpy(targets_N)))
    said_N = task.answers(outputs_N1)["predictions_N"]
    for one in spec.scores:
        assert one.rows(targets_N, said_N).mean() == pytest.approx(one.turned(values[one.name]), rel=1e-6)


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
def test_values_of_rows_of_numbers_vary_as_the_score_does_on_new_rows(name):
    """R² took the variance of the targets as known."""
    draw, score = np.random.default_rng(0), score_named("regression", name)
    targets_N = draw.exponential(1.0, 2000)
    said_N = 0.3 * targets_N + draw.normal(0, 0.1, 2000)

    def value(rows):
        return score.rows(targets_N[rows], said_N[rows]).mean()

    drawn = [value(draw.integers(0, 2000, 2000)) for _ in range(1000)]
    values_N = score.rows(targets_N, said_N)
    assert values_N.std() / 2000**0.5 == pytest.approx(np.std(drawn), rel=0.1)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, count=st.integers(1, 30), labels=st.integers(2, 6))
def test_values_of_rows_are_the_score_and_what_it_loses_without_the_row(seed, count, labels):
    """Some classes may have no row, or no prediction. A class without any row left keeps its place."""
    draw = np.random.default_rng(seed)
    targets_N, said_N = draw.integers(0, labels, (2, count))
    counts_CC = torch.from_numpy(np.bincount(targets_N * labels + said_N, minlength=labels**2))
    counts_CC = counts_CC.reshape(labels, labels)
    own = {one.name: one for one in spec_named("classification").scores if one.rows is not None}
    assert set(own) == {"accuracy", "macro_f1", "weighted_f1", "balanced_accuracy"}
    among, there = np.union1d(targets_N, said_N), np.unique(targets_N)

    def f1(t_N, s_N, label):
        right = np.sum((t_N == label) & (s_N == label))
        return 2 * right / max(1, np.sum(t_N == label) + np.sum(s_N == label))

    scored = {
        "macro_f1": lambda t_N, s_N: np.mean([f1(t_N, s_N, label) for label in among]),
        "weighted_f1": lambda t_N, s_N: np.mean([f1(t_N, s_N, label) for label in t_N]) if len(t_N) else 0.0,
        "balanced_accuracy": lambda t_N, s_N: np.mean(
            [np.sum((t_N == label) & (s_N == label)) / max(1, np.sum(t_N == label)) for label in there]
        ),
    }
    for name, score in scored.items():
        values_N, whole = own[name].rows(targets_N, said_N), score(targets_N, said_N)
        lost_N = [whole - score(np.delete(targets_N, n), np.delete(said_N, n)) for n in range(count)]
        assert own[name].of({"counts": counts_CC}) == pytest.approx(whole, abs=1e-12)
        assert values_N.mean() == pytest.approx(whole, abs=1e-12)
        assert values_N - whole == pytest.approx((count - 1) * (lost_N - np.mean(lost_N)), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(190, 5, 5), (196, 2, 2), (194, 5, 1)])
@pytest.mark.parametrize("name", ["macro_f1", "balanced_accuracy"])
def test_rare_classes_make_no_false_claims_on_new_rows(name, sizes):
    """Two networks that are equally good on the population differ by chance on the rows of rare classes."""
    draw, score = np.random.default_rng(0), score_named(None, name)
    rows, missed, number = sum(sizes), 0, 150
    for _ in range(number):
        targets_N = draw.choice(len(sizes), rows, p=np.array(sizes) / rows)
        values = []
        for _ in range(2):
            hard_N = draw.normal(size=rows)
            right_RN = hard_N + 0.7 * draw.normal(size=(15, rows)) < 1
            wrong_RN = draw.choice(len(sizes), (15, rows), p=np.array(sizes) / rows)
            said_RN = np.where(right_RN, targets_N, wrong_RN)
            values.append(np.stack([score.rows(targets_N, said_N) for said_N in said_RN]))
        missed += new_rows(values[0] - values[1]).p <= 0.05
    assert missed / number <= 0.05 + 2.5 * (0.05 * 0.95 / number) ** 0.5
