"""How long a sweep may still take."""

from collections.abc import Mapping, Sequence

from rnnsweep.state.watching.progress import Standing


def seconds_left(
    standings: Sequence[Standing], durations: Mapping[str, Sequence[float]], *, slots: int
) -> float | None:
    """Estimate the seconds to go from the mean duration of each architecture's full trainings.

    Returns:
        None where nothing has ended yet, or where no number of trials is asked for.
    """
    every = [seconds for values in durations.values() for seconds in values]
    if not every or any(standing.budget is None for standing in standings):
        return None
    usual = sum(every) / len(every)
    left = 0.0
    for standing in standings:
        own = durations.get(standing.architecture)
        mean = sum(own) / len(own) if own else usual
        full = max(1, standing.complete) / max(1, standing.complete + standing.pruned)
        left += mean * full * (standing.waiting + standing.running / 2)
        left += mean * max(0, standing.replicates_wanted - standing.replicates)
    return left / slots
