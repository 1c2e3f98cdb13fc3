"""Regression: a number for each row, learnt on standardised targets.

Shapes: B rows.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnsweep.errors import UserError
from rnnsweep.tasks.answers import ColumnsOf, largest_errors, table
from rnnsweep.tasks.score import HIGHER, LOWER, Counts, Score
from rnnsweep.tasks.task import Facts, RunTable, Task, TaskConfig, TaskSpec

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

UNIT = "units of the target"


def rmse(counts: Counts) -> float:
    """Compute the root of the mean squared error."""
    return float((counts["squared"] / counts["rows"].clamp(min=1)).sqrt())


def mae(counts: Counts) -> float:
    """Compute the mean absolute error."""
    return float(counts["absolute"] / counts["rows"].clamp(min=1))


def r2(counts: Counts) -> float:
    """Compute the share of the targets' variance that is explained, as sklearn.metrics.r2_score.

    Where all targets are equal it is 1 for predictions without error, else 0.
    """
    spread = float(counts["target_squares"] - counts["targets"] ** 2 / counts["rows"].clamp(min=1))
    if spread <= 1e-12 * float(counts["target_squares"]):
        return 1.0 if float(counts["squared"]) == 0.0 else 0.0
    return 1.0 - float(counts["squared"]) / spread


def _mae_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> Any:
    return -abs(predictions_N - targets_N)


def _rmse_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> Any:
    """Linearise the root around the mean squared error; the mean over rows is -RMSE."""
    squared_N = (predictions_N - targets_N) ** 2
    root = float(squared_N.mean()) ** 0.5
    return -(root + (squared_N - root**2) / (2 * root)) if root else -squared_N


def _r2_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> Any:
    """Linearise R² around the mean squared error and the targets' variance; the mean over rows is R²."""
    apart_N, squared_N = (targets_N - targets_N.mean()) ** 2, (predictions_N - targets_N) ** 2
    spread = float(apart_N.mean()) or 1.0
    return 1.0 - squared_N / spread + squared_N.mean() / spread**2 * (apart_N - apart_N.mean())


class Numbers(Task):
    """A number a row. Outputs_B1 count standard deviations of the training targets from their mean."""

    outputs = 1

    def __init__(self, config: TaskConfig, facts: Facts) -> None:
        import numpy as np

        targets_N = np.asarray(facts.targets_N, dtype=np.float64)
        self.mean, self.scale = float(targets_N.mean()), float(targets_N.std())
        if self.scale == 0.0:
            raise UserError(
                f"task=regression: all {len(targets_N):,} training targets are {self.mean:g};"
                " they must differ"
            )

    def loss(self, outputs_BK: "Tensor", targets_B: "Tensor") -> "Tensor":
        """Return the summed squared errors in standardised units."""
        import torch

        precise_B = outputs_BK[:, 0].to(torch.promote_types(outputs_BK.dtype, torch.float32))
        wanted_B = ((targets_B - self.mean) / self.scale).to(precise_B.dtype)
        return (precise_B - wanted_B).square().sum()

    def weight(self, targets_B: "Tensor") -> float:
        """Return the number of rows."""
        return len(targets_B)

    def total_weight(self, counts: Counts) -> float:
        """Return the number of rows that were counted."""
        return int(counts["rows"])

    def empty(self, *, full: bool, device: "torch.device | str") -> "dict[str, Tensor]":
        """Return sums of zero; all scores need the same."""
        import torch

        names = ("absolute", "squared", "targets", "target_squares")
        sums = {name: torch.zeros((), dtype=torch.float64, device=device) for name in names}
        return {"rows": torch.zeros((), dtype=torch.int64, device=device), **sums}

    def add(self, counts: "dict[str, Tensor]", outputs_BK: "Tensor", targets_B: "Tensor") -> None:
        """Add up errors in the targets' own unit; targets are taken from the training mean, for precision."""
        wanted_B = targets_B.double() - self.mean
        error_B = outputs_BK[:, 0].double() * self.scale - wanted_B
        counts["rows"] += len(wanted_B)
        counts["absolute"] += error_B.abs().sum()
        counts["squared"] += error_B.square().sum()
        counts["targets"] += wanted_B.sum()
        counts["target_squares"] += wanted_B.square().sum()

    def answers(self, outputs_BK: "Tensor") -> "dict[str, NDArray[Any]]":
        """Return the predicted number of each row, in the targets' own unit."""
        return {"predictions_N": (outputs_BK[:, 0].double() * self.scale + self.mean).cpu().numpy()}

    def baseline(self, penalty: float, start: Any = None) -> Any:
        """Return a ridge regression, which needs no start; `penalty` is scikit-learn's alpha."""
        from sklearn.linear_model import Ridge

        return Ridge(alpha=penalty)

    def baseline_outputs(self, model: Any, features: Any) -> "Tensor":
        """Return its predictions in standardised units, outputs_N1."""
        import torch

        return torch.from_numpy((model.predict(features) - self.mean) / self.scale)[:, None]


def tables(
    labels: tuple[str, ...],
    targets_N: "NDArray[Any]",
    answers: Mapping[str, "NDArray[Any]"],
    columns: ColumnsOf,
) -> list[RunTable]:
    """Return the rows of a test part whose predicted numbers are farthest from the true ones.

    Args:
        labels: none.
        targets_N: number of each row.
        answers: predictions_N.
        columns: returns columns of rows, by their numbers, as the text.
    """
    predictions_N = answers["predictions_N"]
    rows_M = largest_errors(targets_N, predictions_N)
    shown = [
        (
            row,
            f"{targets_N[row]:.6g}",
            f"{predictions_N[row]:.6g}",
            f"{predictions_N[row] - targets_N[row]:+.6g}",
        )
        for row in rows_M.tolist()
    ]
    return [
        RunTable("test_mistakes.csv", table(["row", "true", "predicted", "error"], shown, columns(rows_M)))
    ]


def _error(name: str, title: str, of: Any, rows: Any, *, constant: str) -> Score:
    """Return an error in the unit of the targets.

    Args:
        name: of the score.
        title: as people write it.
        of: computes it from counts.
        rows: computes it of rows one by one.
        constant: mean | median, of which the error is the smallest.
    """
    more: dict[str, Any] = {"relative": True, "lowest": 0.0, "rows": rows, "constant": constant}
    return Score(name, title, UNIT, LOWER, 0.01, of, **more)


TASK = TaskSpec(
    name="regression",
    level="row",
    answer="numbers",
    target="column",
    scores=(
        _error("rmse", "RMSE", rmse, _rmse_rows, constant="mean"),
        _error("mae", "MAE", mae, _mae_rows, constant="median"),
        Score(
            "r2",
            "R²",
            "share of variance",
            HIGHER,
            0.005,
            r2,
            factor=100.0,
            difference_unit="points",
            highest=1.0,
            rows=_r2_rows,
            constant="mean",
        ),
    ),
    running=("rmse", "mae", "r2"),
    targets="numbers",
    make=Numbers,
    outputs=lambda classes: 1,
    baseline="TF-IDF and ridge regression",
    penalties=(10.0, 1.0, 0.1),
    tables=tables,
)
