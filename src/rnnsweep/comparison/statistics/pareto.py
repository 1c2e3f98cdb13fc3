"""The front of several objectives: trials that no other trial beats in one without losing in another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.comparison.trials import overrides_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FrontPoint:
    """A trial on the front of its architecture, with its values of the objectives in their order."""

    architecture: str
    trial: int
    run_id: str
    values: tuple[float, ...]
    overrides: tuple[str, ...] = ()
    of_all: bool = False  # no trial of any architecture beats it


@dataclass(frozen=True)
class Front:
    """The fronts of a sweep with several objectives."""

    objectives: tuple[str, ...]  # validation first, the others are to be small
    points: tuple[FrontPoint, ...]  # the best validation first
    others: tuple[FrontPoint, ...] = field(default=(), repr=False)  # trials that another one beats

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "objectives": list(self.objectives),
            "points": [
                {
                    "architecture": one.architecture,
                    "trial": one.trial,
                    "run_id": one.run_id,
                    **dict(zip(self.objectives, one.values, strict=True)),
                    "of_all": one.of_all,
                    "overrides": list(one.overrides),
                }
                for one in self.points
            ],
        }


def find_front(trials: "pd.DataFrame", objectives: Sequence[str], *, lower: bool = False) -> Front | None:
    """Find the front of each architecture and of all; None for one objective or without a point.

    Args:
        trials: complete, feasible trials, in the columns of `tracking.runs()`.
        objectives: columns; the first is to be large, the others small.
        lower: the first is to be small, too.
    """
    if len(objectives) < 2 or not len(trials):
        return None
    known = trials[trials[list(objectives)].notna().all(axis=1)]
    if not len(known):
        return None
    sign = -1.0 if lower else 1.0
    values_NK = turned(known[list(objectives)].to_numpy(dtype=np.float64), sign)
    best_N = unbeaten(values_NK)
    own_N = np.zeros(len(known), dtype=bool)
    architectures_N = known["architecture"].to_numpy()
    for name in set(architectures_N):
        mine_N = architectures_N == name
        own_N[mine_N] = unbeaten(values_NK[mine_N])
    rows = known.to_dict("records")
    points = [_point(row, objectives, of_all=bool(best)) for row, best in zip(rows, best_N, strict=True)]
    order = sorted(range(len(points)), key=lambda i: (-sign * points[i].values[0], points[i].values[1:]))
    return Front(
        tuple(objectives),
        tuple(points[i] for i in order if own_N[i]),
        tuple(points[i] for i in order if not own_N[i]),
    )


def turned(values_NK: NDArray[np.float64], sign: float = 1.0) -> NDArray[np.float64]:
    """Turn values so that more is better: the first objective times `sign`, the others negated."""
    return np.column_stack([sign * values_NK[:, :1], -values_NK[:, 1:]])


def unbeaten(values_NK: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each of N points whether none is as good in all K values and better in one."""
    found_N = np.zeros(len(values_NK), dtype=bool)
    front: list[NDArray[np.float64]] = []
    for i in np.lexsort(tuple(-values_NK.T[::-1])):  # who beats a point comes before it
        point_K = values_NK[i]
        if any((one_K >= point_K).all() and (one_K > point_K).any() for one_K in front):
            continue
        found_N[i] = True
        front.append(point_K)
    return found_N


def _point(row: dict[Any, Any], objectives: Sequence[str], *, of_all: bool) -> FrontPoint:
    return FrontPoint(
        architecture=str(row["architecture"]),
        trial=int(row["trial"]),
        run_id=str(row["run_id"]),
        values=tuple(float(row[name]) for name in objectives),
        overrides=overrides_of(row.get("overrides")),
        of_all=of_all,
    )


def write_value(objective: str, value: float) -> str:
    """Write the value of an objective for people: a share, a count, seconds, or MB."""
    match objective:
        case "validation":
            return f"{value:.4f}"
        case "seconds":
            return f"{value:,.1f} s"
        case "memory":
            return f"{value / 1e6:,.0f} MB"
        case _:
            return f"{value:,.0f}"
