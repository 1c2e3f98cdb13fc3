"""How often the test part was read, and by whom."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rnnsweep.sweepfile.model import BASELINE


@dataclass(frozen=True)
class TestReads:
    """Looks at the test part, as they were counted: in all, and the runs that took them."""

    __test__ = False  # no test case, whatever pytest thinks of the name
    total: int
    replicates: int
    baseline: int
    trials: tuple[str, ...]  # the search never looks: only someone who evaluates a trial by hand
    often: Mapping[str, int]  # runs that looked more than once


def sort_reads(test_reads: Mapping[str, int]) -> TestReads:
    """Sort counted reads by who took them: a replicate's name ends in -r and its number."""
    baseline = [name for name in test_reads if re.fullmatch(rf"{BASELINE}(-r\d+)?", name)]
    replicates = [name for name in test_reads if re.search(r"-r\d+$", name) and name not in baseline]
    trials = sorted({*test_reads} - {*replicates, *baseline})
    often = {name: count for name, count in test_reads.items() if count > 1}
    return TestReads(sum(test_reads.values()), len(replicates), len(baseline), tuple(trials), often)


def say_reads(reads: TestReads) -> str:
    """Return how often the test part was read, by whom, and whether any run read it twice."""
    who = [f"{reads.replicates} {'replicate' if reads.replicates == 1 else 'replicates'}"]
    who = who if reads.replicates or not reads.baseline else []
    fits = "" if reads.baseline == 1 else f"{reads.baseline} fits of "
    who += [f"{fits}the linear baseline"] if reads.baseline else []
    each = "" if reads.often else "once " if reads.replicates + reads.baseline == 1 else "once each "
    sentence = f"{reads.total}, {each}by {' and '.join(who)}"
    sentence += (
        f"; trials evaluated by hand: {', '.join(reads.trials)}" if reads.trials else ", never by the search"
    )
    often = ", ".join(f"{name} {n} times" for name, n in reads.often.items())
    return sentence + (f"; more than once: {often}" if often else "")
