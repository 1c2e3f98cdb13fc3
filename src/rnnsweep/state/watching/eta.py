"""How long a sweep may still take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnsweep.state.watching.progress import ArchitectureProgress


@dataclass
class Durations:
    """The seconds of an architecture's full trainings, added up: a sweep may have 100,000."""

    seconds: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        """Take one training into account."""
        self.seconds += seconds
        self.count += 1


@dataclass(frozen=True)
class TimeLeft:
    """The seconds that a sweep may still take; None where there is nothing to estimate them from."""

    seconds: float | None = None  # without further looks
    most: float | None = None  # with all replicates that planned looks may ask for


def seconds_left(
    standings: Sequence[ArchitectureProgress], durations: Mapping[str, Durations], *, slots: int
) -> TimeLeft:
    """Estimate the seconds to go from the mean duration of each architecture's full trainings.

    The fits of the linear baseline say nothing about how long a network trains, nor does one network about
    another: a bag of embeddings takes a fraction of the time of a network that reads in both directions.

    Returns:
        Nothing where a network of which no trial has ended is still to be trained, or where no number of
        trials is asked for.
    """
    networks = [durations[name] for name in (one.architecture for one in standings) if name in durations]
    if not networks or any(standing.budget is None for standing in standings):
        return TimeLeft()
    if any(one.ended == 0 and one.waiting + one.running > 0 for one in standings):
        return TimeLeft()
    usual = sum(each.seconds for each in networks) / sum(each.count for each in networks)
    left = further = 0.0
    for standing in standings:
        own = durations.get(standing.architecture)
        mean = own.seconds / own.count if own else usual
        full = max(1, standing.complete) / max(1, standing.complete + standing.pruned)
        left += mean * full * (standing.waiting + standing.running / 2)
        left += mean * max(0, standing.replicates_wanted - standing.replicates)
        further += mean * max(0, standing.replicates_most - standing.replicates_wanted)
    return TimeLeft(left / slots, (left + further) / slots)


def most_replicates(architecture: str, *, planned: Sequence[int], decided: Mapping[str, int]) -> int:
    """Return how many replicates of an architecture further looks may ask for in all; 0 where none follows.

    Args:
        architecture: its name.
        planned: the numbers of replicates at the looks, rising.
        decided: what the last look decided for each; those that got most, if more, are still compared.
            Empty: there was no look yet.
    """
    if len(planned) < 2:
        return 0
    is_compared = not decided or decided.get(architecture) == max(decided.values()) > planned[0]
    return planned[-1] if is_compared else 0
