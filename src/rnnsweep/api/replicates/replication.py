"""Follow the advice on replicates until none is left."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from rnnsweep.sweepfile import Sweep

if TYPE_CHECKING:
    from rnnsweep.api.results import SweepResult


def separate(
    asked: Sweep,
    run: "Callable[[Sweep], SweepResult]",
    *,
    most: int,
    tell: Callable[[str], None] | None = None,
) -> "SweepResult":
    """Train replicates, compare, and train as many as the advice asks for, until it asks for none.

    Each comparison is a look that every later p pays for.

    Args:
        asked: the sweep with its common number of replicates.
        run: trains what a sweep asks for and is not done yet, and compares.
        most: replicates of each architecture in all.
        tell: called with how many the next replicates are, and of whom.

    Returns:
        The result of the last round.
    """
    from rnnsweep.comparison import next_total, open_names

    result = run(asked)
    while result.state == "finished" and result.comparison is not None:
        comparison = result.comparison
        total = next_total(comparison.standings, comparison.verdicts, most=most)
        if total is None:
            break
        names = open_names(comparison.standings, comparison.verdicts, most=most)
        asked = replace(asked, more={**asked.more, **dict.fromkeys(names, total)})
        if tell is not None:
            tell(f"{', '.join(names)} get {total} replicates each: {comparison.answer}")
        result = run(asked)
        if not result.ran:  # nothing could be added, as where an architecture has no complete trial
            break
    return result
