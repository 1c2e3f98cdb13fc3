"""A score: a named number that is computed from counts which add up over rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Counts: TypeAlias = "Mapping[str, Tensor]"  # sums over rows: of a batch, a process, a whole part, a resample
HIGHER, LOWER = "higher", "lower"
LARGE = 1000.0  # from here on four decimals are noise


@dataclass(frozen=True)
class Score:
    """A number that says how good a model is. Values are natural unless a function says that they are turned.

    A *turned* value is natural where higher is better and negated where lower is: more is always better.
    The search and the statistics work on turned values alone.
    """

    name: str  # also the metric's name in the store: ``validation/NAME``, ``test/NAME``
    title: str  # as people write it
    unit: str  # of the value; "share" is a number between 0 and 1
    direction: str  # higher | lower: which values are better
    margin: float  # differences below it do not matter; in the unit, or a share where `relative`
    of: Callable[[Counts], float]
    relative: bool = False  # the margin is a share of the value that it is compared with
    factor: float = 1.0  # differences are written multiplied by it ...
    difference_unit: str = ""  # ... in this unit; empty: the score's own
    lowest: float | None = None  # of all values that the score can have
    highest: float | None = None
    # (targets_N, predictions_N) -> turned values of the rows, whose mean is the turned score (to first order
    # around it where it is no mean); None: it is no function of rows one by one
    rows: "Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]] | None" = None
    constant: str = ""  # of numbers: "mean" | "median", the answer of one number that scores best

    def __repr__(self) -> str:
        """Its name: its functions have addresses alone."""
        return f"<score {self.name}>"

    def turned(self, value: Any) -> Any:
        """Return natural values so that more is better; turned values become natural again."""
        return turn(value, self.direction)

    def turned_interval(self, low: float, high: float) -> tuple[float, float]:
        """Return an interval of turned values (or differences) in natural values, the lower end first."""
        return (low, high) if self.direction == HIGHER else (-high, -low)

    def default_margin(self, reference: float | None) -> float:
        """Return the smallest difference that matters.

        Args:
            reference: natural value that a relative margin is a share of, as the baseline's; None: 1.
        """
        return self.margin * abs(1.0 if reference is None else reference) if self.relative else self.margin

    def write(self, turned: float | None, digits: int = 4) -> str:
        """Write a turned value as people read it: natural, or a dash where there is none."""
        if turned is None or turned != turned:
            return "–"
        value = self.turned(turned) + 0.0  # no minus before a zero
        return f"{value:,.1f}" if abs(value) >= LARGE else f"{value:.{digits}f}"

    def difference(self, value: float, *, sign: bool = False) -> str:
        """Write a difference of two natural values without its unit, which `words` returns."""
        digits = 2 if self.factor != 1.0 else 4
        return f"{self.factor * value:+.{digits}f}" if sign else f"{self.factor * value:.{digits}f}"

    @property
    def words(self) -> str:
        """The unit of a written difference."""
        return self.difference_unit or self.unit

    @property
    def counts_right_rows(self) -> bool:
        """Whether each row is right or wrong by it: its error then follows from the number of rows."""
        if self.unit != "share" or self.rows is None:
            return False
        import numpy as np

        classes_N = np.arange(2)
        return bool(np.asarray(self.rows(classes_N, classes_N)).dtype == bool)

    def may_be(self, value: float) -> bool:
        """Return whether the score can have a value."""
        low, high = self.lowest, self.highest
        return (low is None or value >= low) and (high is None or value <= high)

    @property
    def range(self) -> str:
        """The values that the score can have, in words."""
        ends = [
            f"{word} {end:g}"
            for word, end in (("at least", self.lowest), ("at most", self.highest))
            if end is not None
        ]
        return " and ".join(ends) or "any number"

    def of_constant(self, trained_N: "NDArray[Any]", targets_N: "NDArray[Any]") -> float | None:
        """Return the turned score of the best constant: one answer for every row, of the training targets.

        None where answers are classes, or it is not known which constant is the best.

        Args:
            trained_N: numbers of the training rows.
            targets_N: numbers of the rows that are scored.
        """
        if not self.constant or self.rows is None:
            return None
        import numpy as np

        constant = np.mean(trained_N) if self.constant == "mean" else np.median(trained_N)
        return float(self.rows(targets_N, np.full(len(targets_N), constant)).mean())

    def facts(self) -> dict[str, Any]:
        """Return what JSON output says of the score."""
        return {"name": self.name, "unit": self.unit, "direction": self.direction}


def turn(value: Any, direction: str) -> Any:
    """Return a natural value so that more is better; a turned value becomes natural again."""
    return value if direction == HIGHER else -value


def share(name: str, title: str, of: Callable[[Counts], float], **changes: Any) -> Score:
    """Return a score between 0 and 1 whose differences are written in percentage points.

    Args:
        name: of the score.
        title: as people write it.
        of: computes it from counts.
        changes: fields that differ from those of the accuracy.
    """
    values = {
        "unit": "share",
        "direction": HIGHER,
        "margin": 0.002,
        "factor": 100.0,
        "difference_unit": "points",
        "lowest": 0.0,
        "highest": 1.0,
    }
    return Score(name=name, title=title, of=of, **{**values, **changes})
