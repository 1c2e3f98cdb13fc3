"""How a long sweep gets shorter: fewer trials, epochs or training rows, and what each of these would take."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from rnnsweep.planning.cost import Cost
from rnnsweep.planning.plan import Plan, Planned, Shorter
from rnnsweep.state.watching.fewer import FEWEST_TRIALS, LONG, WORTH
from rnnsweep.sweepfile import Sweep

MOST = 2  # ways that are named
FEWEST_EPOCHS, FEWEST_ROWS = 3, 2000  # with fewer, an answer says little
Change = Callable[[Planned, int], Planned]


def ways_to_shorten(plan: Plan, sweep: Sweep) -> tuple[Shorter, ...]:
    """Return what shortens a sweep most, best first; nothing for one that takes few minutes.

    Of each setting, the largest value is named with which the sweep is short; else the smallest one that
    leaves an answer worth having.
    """
    if plan.seconds_most is None or plan.seconds_most <= LONG:
        return ()
    searched = {d.key for name in sweep.architectures for d in sweep.dimensions(name)}
    ways = [_best(plan, key, *how) for key, how in _WAYS.items() if key not in searched]
    worth = [one for one in ways if one and one.seconds_most < WORTH * plan.seconds_most]
    return tuple(sorted(worth, key=lambda one: one.seconds_most)[:MOST])


def _best(plan: Plan, key: str, values: Callable[[Plan], Sequence[int]], change: Change) -> Shorter | None:
    found = None
    for value in values(plan):
        shorter = replace(plan, architectures=tuple(change(one, value) for one in plan.architectures))
        seconds, most = shorter.seconds, shorter.seconds_most
        if seconds is None or most is None:
            return None
        found = Shorter(key, value, seconds, most)
        if most <= LONG:
            break
    return found


def _trials(plan: Plan) -> Sequence[int]:
    most = max((one.trainings or 0) - one.replicates for one in plan.architectures)
    return range(most - 1, FEWEST_TRIALS - 1, -1)


def _with_trials(one: Planned, trials: int) -> Planned:
    less = (one.trainings or 0) - one.replicates - trials
    return replace(
        one, trainings=(one.trainings or 0) - less, trainings_most=(one.trainings_most or 0) - less
    )


def _epochs(plan: Plan) -> Sequence[int]:
    epochs = max(one.epochs for one in plan.architectures)
    return range(epochs - 1, max(FEWEST_EPOCHS, epochs // 4) - 1, -1)


def _with_epochs(one: Planned, epochs: int) -> Planned:
    return replace(one, epochs=min(one.epochs, epochs))


def _rows(plan: Plan) -> Sequence[int]:
    """Return shares of the training rows as round numbers, falling."""
    rows = max(one.largest.rows for one in plan.architectures)
    step = 10 ** max(0, len(str(rows)) - 2)
    shares = (int(rows * share) // step * step for share in (0.75, 0.5, 0.25, 0.1))
    return [one for one in shares if one >= FEWEST_ROWS]


def _with_rows(one: Planned, rows: int) -> Planned:
    return replace(one, smallest=_cost_of(one.smallest, rows), largest=_cost_of(one.largest, rows))


def _cost_of(cost: Cost, rows: int) -> Cost:
    """Return the cost with fewer training rows: those of validation and test stay."""
    spared = cost.seconds_to_learn * (1 - min(rows, cost.rows) / max(1, cost.rows))
    return replace(cost, seconds_per_epoch=cost.seconds_per_epoch - spared)


_WAYS: dict[str, tuple[Callable[[Plan], Sequence[int]], Change]] = {
    "trials": (_trials, _with_trials),
    "trainer.max_epochs": (_epochs, _with_epochs),
    "data.limit": (_rows, _with_rows),
}
