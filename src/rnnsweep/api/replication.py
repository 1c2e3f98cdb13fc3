"""Replicate until the architectures are separated, and remember how often that was looked at."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.state.looks import note_look
from rnnsweep.sweepfile import Sweep

if TYPE_CHECKING:
    from rnnsweep.api.results import SweepResult
    from rnnsweep.comparison import Step


def separate(
    asked: Sweep,
    run: "Callable[[Sweep], SweepResult]",
    *,
    folder: Path,
    most: int,
    tell: Callable[[str], None] | None = None,
) -> "SweepResult":
    """Train replicates, look, and train more of the pair that needs them most, until none does.

    Args:
        asked: the sweep with its common number of replicates.
        run: trains what a sweep asks for and is not done yet.
        folder: the sweep's own.
        most: replicates of each architecture in all.
        tell: hears whom the next replicates are for, and why.
    """
    result = run(asked)
    trained = True
    while result.state == "finished":
        step = _look(asked.name, folder, most=most, new=trained)
        if step is None:
            break
        more = {**asked.more, **dict.fromkeys(step.architectures, step.total)}
        asked = replace(asked, more=more)
        a, b = step.architectures
        say = tell or (lambda text: None)
        say(f"{a} and {b} get {step.total} replicates each: {step.verdict.sentence}")
        result = run(asked)
        trained = result.ran > 0
        if not trained:  # nothing could be added, as where an architecture has no complete trial
            break
    return _concluded(result, asked.name)


def _look(name: str, folder: Path, *, most: int, new: bool) -> "Step | None":
    from rnnsweep.api.answers import compare
    from rnnsweep.comparison import next_step

    if new:
        note_look(folder)
    found = compare(name)
    order = [s.architecture for s in found.standings if not s.baseline]
    return next_step(found.verdicts, order=order, most=most)


def _concluded(result: "SweepResult", name: str) -> "SweepResult":
    from rnnsweep.api.answers import compare

    return replace(result, comparison=compare(name)) if result.state == "finished" else result
