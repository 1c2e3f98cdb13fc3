"""How long a sweep may still take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnsweep.state.watching.progress import Standing


@dataclass
class Durations:
    """The seconds of an architecture's full trainings, added up: a sweep may have 100,000."""

    seconds: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        """Take one training into account."""
        self.seconds += seconds
        self.count += 1


def seconds_left(
    standings: Sequence[Standing], durations: Mapping[str, Durations], *, slots: int
) -> float | None:
    """Estimate the seconds to go from the mean duration of each architecture's full trainings.

    Returns:
        None where nothing has ended yet, or where no number of trials is asked for.
    """
    trainings = sum(each.count for each in durations.values())
    if not trainings or any(standing.budget is None for standing in standings):
        return None
    usual = sum(each.seconds for each in durations.values()) / trainings
    left = 0.0
    for standing in standings:
        own = durations.get(standing.architecture)
        mean = own.seconds / own.count if own else usual
        full = max(1, standing.complete) / max(1, standing.complete + standing.pruned)
        left += mean * full * (standing.waiting + standing.running / 2)
        left += mean * max(0, standing.replicates_wanted - standing.replicates)
    return left / slots
