"""How a long sweep that runs gets shorter: with fewer trials, from what its trainings took so far."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from rnnsweep.state.watching.progress import ArchitectureProgress, Snapshot

LONG = 600.0  # seconds from which on it is said how to shorten a sweep
WORTH = 0.8  # of the time: what leaves more of it is not named
FEWEST_TRIALS = 6  # with fewer, an answer says little
ENOUGH = 2  # complete trials of each architecture: a first training takes longer than the others


def fewer_trials(snapshot: Snapshot) -> tuple[int, float, float] | None:
    """Return a number of trials that shortens a sweep, and the seconds then left, the most of them last.

    It is the largest number with which the sweep takes few minutes more, else the smallest one that leaves an
    answer worth having. None where little is left, or too little has ended to say so.
    """
    standings, eta, most = snapshot.standings, snapshot.eta, snapshot.eta_most
    if eta is None or most is None or most <= LONG or any(one.complete < ENOUGH for one in standings):
        return None
    low, high = _left(standings)

    def seconds(trials: int) -> tuple[float, float]:
        fewer = _left([replace(one, budget=min(one.budget or 0, trials)) for one in standings])
        return eta * fewer[0] / low, most * fewer[1] / high

    # a search by halves: a sweep of ten thousand trials asks at each snapshot
    numbers = range(FEWEST_TRIALS, max(one.budget or 0 for one in standings))
    short = bisect_right(numbers, LONG, key=lambda trials: seconds(trials)[1])
    if not numbers:
        return None
    trials = numbers[max(0, short - 1)]
    left, left_most = seconds(trials)
    return (trials, left, left_most) if left_most < WORTH * most else None


def _left(standings: Sequence[ArchitectureProgress]) -> tuple[float, float]:
    """Count the trainings that are left, a running one as half; then with all replicates that may follow."""
    trials = sum(one.waiting + one.running / 2 for one in standings)
    wanted = sum(max(0, one.replicates_wanted - one.replicates) for one in standings)
    further = sum(max(0, one.replicates_most - one.replicates_wanted) for one in standings)
    return max(trials + wanted, 0.5), max(trials + wanted + further, 0.5)
