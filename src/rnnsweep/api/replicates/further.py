"""More of a sweep: replicates while the advice asks for some, and whole studies with other seeds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rnnsweep.api.results import SweepResult
from rnnsweep.sweepfile import Sweep, rewritten

APART = 1000  # between the seeds of two studies: replicates take the ones that follow a seed


def run_studies(
    asked: Sweep,
    run: "Callable[[Sweep, str | None], SweepResult]",
    *,
    studies: int,
    tell: Callable[[str], None],
) -> "SweepResult":
    """Run a sweep, then its further studies; what is done already is not done again.

    Args:
        asked: the sweep as its file says.
        run: runs one sweep, or continues with it, and then compares the sweep that the second names.
        studies: whole searches in all.
        tell: called with the study that begins.

    Returns:
        The result of the sweep, or of the study that did not finish.
    """
    for number in range(1, studies + 1):
        one = asked if number == 1 else another_study(asked, number)
        if number > 1:
            tell(f"study {number} of {studies}: sweep {one.name}, seed {one.seed}")
        # the answer is the first study's, which has the replicates; its curves rest on all
        result = run(one, asked.name if number == studies else None)
        if result.state != "finished":
            return result
    return result


def another_study(asked: Sweep, number: int) -> Sweep:
    """Return the sweep of study `number` of a search: other seed, no replicates, no baseline."""
    own: dict[str, Any] = {
        "name": f"{asked.name}.study-{number}",
        "seed": asked.seed + APART * (number - 1),
        "replicates": 0,
        "baseline": False,
    }
    return replace(asked, text=rewritten(asked.text, asked.path, own), **own)


def separate(
    asked: Sweep,
    run: "Callable[[Sweep], SweepResult]",
    *,
    most: int,
    tell: Callable[[str], None],
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
        tell(f"{', '.join(names)} get {total} replicates each: {comparison.answer}")
        result = run(asked)
        if not result.ran:  # nothing could be added, as where an architecture has no complete trial
            break
    return result
