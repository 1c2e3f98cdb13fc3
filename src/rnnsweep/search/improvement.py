"""What a study's trials brought: the best, the front of several objectives, how long nothing came."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Values = tuple[float, ...]  # of the objectives, each turned so that more is better


def turned(values: Sequence[float]) -> Values:
    """Turn the values of objectives so that more is better: validation as it is, all others negated."""
    first, *others = values
    return (first, *(-value for value in others))


def reaches(a: Values, b: Values) -> bool:
    """Return whether `a` is as good as `b` in every objective."""
    return all(x >= y for x, y in zip(a, b, strict=True))


@dataclass
class Improvement:
    """The best of a study's trials, added in the order of their ends; it depends on nothing else."""

    front: list[Values] = field(default_factory=list)  # no member reaches another
    idle: int = 0  # trials since the last that brought something better

    def add(self, values: Sequence[float] | None) -> None:
        """Add a trial: None where it was pruned, failed or infeasible."""
        new = None if values is None else turned(values)
        if new is None or any(reaches(one, new) for one in self.front):
            self.idle += 1
            return
        self.front = [one for one in self.front if not reaches(new, one)] + [new]
        self.idle = 0
