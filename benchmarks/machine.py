"""The whole machine: as many trials of one thread as it has cores, beside one trial with PyTorch's threads.

Ours are processes that train at once; theirs is the lesson's loop in one process. By the clock, since that is
what two trials share; run it on a machine that does nothing else.
"""

import math
import os
import subprocess
import sys

from benchmarks.throughput import Case

SECONDS, TURNS = 5.0, 3
CASES = {
    "lstm 64/32": Case("lstm", 16),
    "bidirectional lstm 128/128": Case("lstm", 16, 128, 128, bidirectional=True),
}


def speeds(case: Case, who: str, *, processes: int, seconds: float) -> float:
    """Return the texts a second that processes train together, after each has warmed up."""
    words = [sys.executable, "-m", "benchmarks._trial", who, str(seconds), str(case.batch)]
    words += [case.cell, str(case.embedding), str(case.hidden), str(int(case.bidirectional))]
    environment = {**os.environ, "PYTHONSAFEPATH": ""}  # benchmarks/ is found from here
    every = [
        subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for one in every:
        assert one.stdout is not None
        one.stdout.readline()  # warm
    for one in every:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    found = [one.communicate()[0] for one in every]
    assert [one.returncode for one in every] == [0] * processes
    return sum(float(text.split()[-1]) for text in found)


def measure(name: str, case: Case, *, slots: int, seconds: float, turns: int) -> list[dict]:
    """Let two trials, one trial and the lesson's loop take turns."""
    every = [
        [
            speeds(case, who, processes=count, seconds=seconds)
            for who, count in (("ours", slots), ("ours", 1), ("lesson", 1))
        ]
        for _ in range(turns)
    ]
    all_slots, one_slot, theirs = (sorted(column)[turns // 2] for column in zip(*every, strict=True))
    against, growth = [a / c for a, _, c in every], [a / b for a, b, _ in every]
    exponent = math.log(all_slots / one_slot) / math.log(slots) if slots > 1 else 1.0
    return [
        {
            "case": f"whole machine, {slots} slots, {name}, batch {case.batch}",
            "ours": all_slots,
            "other": theirs,
            "other_name": "the lesson's loop, one trial with PyTorch's own number of threads",
            "ratio": sorted(against)[turns // 2],
            "range": [min(against), max(against)],
            "unit": "texts/s",
        },
        {
            "case": f"growth with slots, 1 to {slots}, {name}, batch {case.batch}",
            "ours": all_slots,
            "other": one_slot,
            "other_name": "the same in one slot",
            "ratio": sorted(growth)[turns // 2],
            "range": [min(growth), max(growth)],
            "unit": "texts/s",
            "note": f"the speed grows with the power {exponent:.2f} of the number of slots",
        },
    ]


def run(seconds: float = SECONDS, turns: int = TURNS, names: tuple[str, ...] = tuple(CASES)) -> list[dict]:
    """Measure all cases."""
    slots = os.cpu_count() or 1
    return [
        row for name in names for row in measure(name, CASES[name], slots=slots, seconds=seconds, turns=turns)
    ]
