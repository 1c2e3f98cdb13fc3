"""Classification: one of several classes for each row.

Shapes: B rows, C classes, G groups of confidence, Q bins of a class's log-odds.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnsweep.tasks.answers import CONFUSION, ColumnsOf, confusion_table, surest_mistakes, table
from rnnsweep.tasks.cross_entropy import class_weights, loss_and_gradients
from rnnsweep.tasks.row_values import balanced_accuracy_rows, macro_f1_rows, weighted_f1_rows
from rnnsweep.tasks.score import LOWER, Counts, Score, share
from rnnsweep.tasks.task import Facts, RunTable, Task, TaskConfig, TaskSpec

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

GROUPS = 15  # G, as in Guo et al. 2017
BINS = 512  # Q
SPAN = 16.0  # log-odds beyond it share the outermost bins


def accuracy(counts: Counts) -> float:
    """Compute the share of rows that got their own class."""
    counts_CC = counts["counts"]
    return int(counts_CC.diagonal().sum()) / max(int(counts_CC.sum()), 1)


def macro_f1(counts: Counts) -> float:
    """Average the classes' F1 = 2 TP / (2 TP + FP + FN), as sklearn.metrics.f1_score(average="macro").

    Classes that are neither target nor prediction of any row are left out.
    """
    f1_C, occurs_C = _f1(counts["counts"])
    return float(f1_C[occurs_C].mean()) if occurs_C.any() else 0.0


def weighted_f1(counts: Counts) -> float:
    """Average the classes' F1 by their rows, as sklearn.metrics.f1_score(average="weighted")."""
    f1_C, _ = _f1(counts["counts"])
    rows_C = counts["counts"].sum(1).double()
    return float((f1_C * rows_C).sum() / rows_C.sum().clamp(min=1.0))


def balanced_accuracy(counts: Counts) -> float:
    """Average the share of each class's rows that were found, as sklearn.metrics.balanced_accuracy_score."""
    rows_C = counts["counts"].sum(1).double()
    right_C = counts["counts"].diagonal().double()
    there_C = rows_C > 0
    return float((right_C[there_C] / rows_C[there_C]).mean()) if there_C.any() else 0.0


def log_loss(counts: Counts) -> float:
    """Compute the mean of -log p(target) in nats; class weights do not enter."""
    return float(counts["nats"]) / max(int(counts["counts"].sum()), 1)


def roc_auc(counts: Counts) -> float:
    """Average the area under each class's ROC curve, against all other rows.

    Rows are ordered by the log-odds of the class in `BINS` bins; of two rows in one bin each is ahead half
    the time. Classes without rows, or without others, are left out; without any class it is 0.5.
    """
    ordered_2CQ = counts["log_odds"].double()
    others_CQ, own_CQ = ordered_2CQ[0], ordered_2CQ[1]
    pairs_C = others_CQ.sum(1) * own_CQ.sum(1)
    behind_CQ = others_CQ.cumsum(1) - others_CQ / 2
    known_C = pairs_C > 0
    won_C = (own_CQ * behind_CQ).sum(1)
    return float((won_C[known_C] / pairs_C[known_C]).mean()) if known_C.any() else 0.5


def calibration_error(counts: Counts) -> float:
    """Compute the expected calibration error (Naeini et al. 2015) by groups of confidence."""
    rows_G, confidence_G, right_G = counts["reliability"]
    return float((confidence_G - right_G).abs().sum() / rows_G.sum().clamp(min=1.0))


def _f1(counts_CC: "Tensor") -> "tuple[Tensor, Tensor]":
    """Return the F1 of each class (0 where it does not occur) and whether it occurs."""
    right_C = counts_CC.diagonal().double()
    seen_C = (counts_CC.sum(0) + counts_CC.sum(1)).double()
    return 2 * right_C / seen_C.clamp(min=1.0), seen_C > 0


class Classes(Task):
    """One of the classes `labels`; outputs are logits_BC, targets index the labels."""

    def __init__(self, config: TaskConfig, facts: Facts) -> None:
        self.labels, self.outputs = facts.labels, len(facts.labels)
        self.class_weights = class_weights(config.class_weights, facts)
        self._placed: dict[str, Tensor] = {}  # device -> weights_C

    def loss(self, outputs_BK: "Tensor", targets_B: "Tensor") -> "Tensor":
        """Return the summed cross-entropies in nats, each times the weight of its class."""
        import torch

        precise_BC = outputs_BK.to(torch.promote_types(outputs_BK.dtype, torch.float32))
        weight_C = None if self.class_weights is None else self._weights(precise_BC)
        return torch.nn.functional.cross_entropy(precise_BC, targets_B, weight=weight_C, reduction="sum")

    def judge(self, outputs_BK: "Tensor", targets_B: "Tensor", weight: float) -> "tuple[Tensor, Tensor]":
        """Return `loss` and its gradients, without autograd where the precision is full."""
        if outputs_BK.dtype.itemsize < 4 or outputs_BK.dim() != 2:
            return super().judge(outputs_BK, targets_B, weight)
        weight_C = None if self.class_weights is None else self._weights(outputs_BK)
        return loss_and_gradients(outputs_BK, targets_B, weight_C, weight)

    def weight(self, targets_B: "Tensor") -> float:
        """Return the weights of the rows' classes, added up; without class weights their number."""
        if self.class_weights is None:
            return len(targets_B)
        import torch

        weights_C = torch.tensor(self.class_weights, dtype=torch.float64)
        return float(weights_C[targets_B.cpu()].sum())

    def total_weight(self, counts: Counts) -> float:
        """Return the same of all rows that were counted."""
        if self.class_weights is None:
            return int(counts["counts"].sum())
        rows_C: list[int] = counts["counts"].sum(1).tolist()
        return sum(weight * rows for weight, rows in zip(self.class_weights, rows_C, strict=True))

    def empty(self, *, full: bool, device: "torch.device | str") -> "dict[str, Tensor]":
        """Return a confusion matrix (targets by predictions) of zeros, and what the other scores count."""
        import torch

        counts = {"counts": torch.zeros(self.outputs, self.outputs, dtype=torch.int64, device=device)}
        if full:
            counts["nats"] = torch.zeros((), dtype=torch.float64, device=device)
            counts["reliability"] = torch.zeros(3, GROUPS, dtype=torch.float64, device=device)
            counts["log_odds"] = torch.zeros(2, self.outputs, BINS, dtype=torch.int64, device=device)
        return counts

    def add(self, counts: "dict[str, Tensor]", outputs_BK: "Tensor", targets_B: "Tensor") -> None:
        """Count pairs of target and prediction; where there is room for them, probabilities."""
        import torch

        classes = self.outputs
        predictions_B = outputs_BK.argmax(1)
        pairs_B = targets_B * classes + predictions_B
        counts["counts"] += torch.bincount(pairs_B, minlength=classes * classes).view(classes, classes)
        if "nats" in counts:
            log_p_BC = outputs_BK.double().log_softmax(1)
            counts["nats"] -= log_p_BC.gather(1, targets_B[:, None]).sum()
            _add_reliability(counts["reliability"], log_p_BC, predictions_B == targets_B)
            _add_log_odds(counts["log_odds"], log_p_BC, targets_B)

    def answers(self, outputs_BK: "Tensor") -> "dict[str, NDArray[Any]]":
        """Return the likeliest class of each row and its probability."""
        best = outputs_BK.double().softmax(1).cpu().max(1)
        return {"predictions_N": best.indices.numpy(), "confidence_N": best.values.numpy()}

    def by_class(self, counts: Counts) -> list[dict[str, Any]]:
        """Return precision, recall, F1 and the rows of each class; None where one divides by zero."""
        counts_CC = counts["counts"]
        counted = (counts_CC.diagonal(), counts_CC.sum(1), counts_CC.sum(0))
        right_C, rows_C, said_C = (values_C.tolist() for values_C in counted)
        return [
            {
                "label": label,
                "precision": _ratio(right, said),
                "recall": _ratio(right, rows),
                "f1": _ratio(2 * right, said + rows),
                "rows": rows,
            }
            for label, right, rows, said in zip(self.labels, right_C, rows_C, said_C, strict=True)
        ]

    def baseline(self, penalty: float, start: Any = None) -> Any:
        """Return a logistic regression; `penalty` is scikit-learn's C.

        Newton's method is six times faster here than L-BFGS, and nearer to the optimum.
        """
        from sklearn.linear_model import LogisticRegression

        weights = None if self.class_weights is None else dict(enumerate(self.class_weights))
        model = LogisticRegression(
            C=penalty, solver="newton-cg", max_iter=2000, class_weight=weights, warm_start=True
        )
        if start is not None:
            model.coef_, model.intercept_ = start.coef_.copy(), start.intercept_.copy()
        return model

    def baseline_outputs(self, model: Any, features: Any) -> "Tensor":
        """Return the logarithms of its probabilities; classes without a training row have almost none."""
        import numpy as np
        import torch

        found_NC = model.predict_proba(features)
        chances_NC = np.zeros((len(found_NC), self.outputs))
        chances_NC[:, model.classes_.astype(int)] = found_NC
        return torch.from_numpy(np.log(chances_NC.clip(np.finfo(np.float64).eps)))

    def _weights(self, like: "Tensor") -> "Tensor":
        import torch

        key = f"{like.device} {like.dtype}"
        if key not in self._placed:
            self._placed[key] = torch.tensor(self.class_weights, dtype=like.dtype, device=like.device)
        return self._placed[key]


def tables(
    labels: tuple[str, ...],
    targets_N: "NDArray[Any]",
    answers: Mapping[str, "NDArray[Any]"],
    columns: ColumnsOf,
) -> list[RunTable]:
    """Return the confusion matrix of a test part, and the mistakes that the network was surest of.

    Args:
        labels: names of the classes.
        targets_N: class of each row.
        answers: predictions_N and confidence_N.
        columns: returns columns of rows, by their numbers, as the text.
    """
    predictions_N, confidence_N = answers["predictions_N"], answers["confidence_N"]
    rows_M = surest_mistakes(targets_N, predictions_N, confidence_N)
    shown = [
        (row, labels[targets_N[row]], labels[predictions_N[row]], f"{confidence_N[row]:.4f}")
        for row in rows_M.tolist()
    ]
    mistakes = table(["row", "true", "predicted", "confidence"], shown, columns(rows_M))
    return [
        RunTable("test_confusion.csv", confusion_table(targets_N, predictions_N, labels), CONFUSION),
        RunTable("test_mistakes.csv", mistakes),
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _add_reliability(sums_3G: "Tensor", log_p_BC: "Tensor", right_B: "Tensor") -> None:
    """Add rows, their confidence and how many were right to the groups of their confidence."""
    import torch

    confidence_B = log_p_BC.exp().amax(1)
    group_B = (confidence_B * GROUPS).ceil().long().clamp(1, GROUPS) - 1
    seen_3B = torch.stack([torch.ones_like(confidence_B), confidence_B, right_B.double()])
    sums_3G.index_add_(1, group_B, seen_3B)


def _add_log_odds(counts_2CQ: "Tensor", log_p_BC: "Tensor", targets_B: "Tensor") -> None:
    """Count rows in bins of each class's log-odds, those of the class apart from the others."""
    import torch

    rows, classes = log_p_BC.shape
    odds_BC = log_p_BC - (-torch.expm1(log_p_BC)).log()  # log p - log(1 - p); infinite where p is 0 or 1
    bin_BC = ((odds_BC.nan_to_num(SPAN, SPAN, -SPAN) / SPAN + 1) * (BINS / 2)).long().clamp(0, BINS - 1)
    classes_C = torch.arange(classes, device=bin_BC.device)
    own_BC = (targets_B[:, None] == classes_C).long()
    place_BC = (own_BC * classes + classes_C) * BINS + bin_BC
    ones = torch.ones(rows * classes, dtype=torch.int64, device=bin_BC.device)
    counts_2CQ.view(-1).index_add_(0, place_BC.reshape(-1), ones)


TASK = TaskSpec(
    name="classification",
    level="row",
    answer="one",
    target="column",
    scores=(
        share("accuracy", "accuracy", accuracy, rows=lambda t_N, p_N: p_N == t_N),
        share("macro_f1", "macro F1", macro_f1, rows=macro_f1_rows),
        share("weighted_f1", "weighted F1", weighted_f1, rows=weighted_f1_rows),
        share("balanced_accuracy", "balanced accuracy", balanced_accuracy, rows=balanced_accuracy_rows),
        Score("log_loss", "log loss", "nats", LOWER, 0.005, log_loss, lowest=0.0),
        share("roc_auc", "ROC AUC", roc_auc),
        share("calibration_error", "calibration error", calibration_error, direction=LOWER),
    ),
    running=("accuracy", "macro_f1"),
    targets="classes",
    make=Classes,
    outputs=lambda classes: classes,
    baseline="TF-IDF and logistic regression",
    penalties=(1.0, 10.0, 100.0),
    tables=tables,
)
