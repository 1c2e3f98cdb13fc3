"""Everything that a person can receive, damaged at random: a clear refusal, or what is broken is set aside.

Kinds are fuzzed in a process that is watched for tracebacks, time, memory, and for writes, programs and
connections (see `hostile_fuzz`). ``RNNSWEEP_FUZZ`` is the number of changes of the long form.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hostile_fuzz import KINDS

FEW, MORE = 3, 100  # changes of each kind, in the quick tests and in the slow ones
MANY = int(os.environ.get("RNNSWEEP_FUZZ", "2000"))
PROGRAM = Path(__file__).with_name("hostile_fuzz.py")


def faults(kinds: list[str], count: int, seed: int, folder: Path) -> list[str]:
    """Fuzz kinds in one process; return what went wrong."""
    command = [sys.executable, str(PROGRAM), ",".join(kinds), str(count), str(seed), str(folder)]
    limit = 300 + 6 * count * len(kinds)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return [f"a change that no timer ends, within {limit} s: see the last in {folder}"]
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return [f"the process died (status {done.returncode}): {done.stderr[-400:]}; see {folder}"]
    return [f"{kind}: {fault}" for kind in kinds for fault in answer["faults"][kind]]


def test_a_damaged_thing_is_refused_or_set_aside(tmp_path):
    found = faults(list(KINDS), FEW, 1, tmp_path)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
def test_a_thing_damaged_in_a_hundred_ways_is_refused_or_set_aside(tmp_path):
    found = faults(list(KINDS), MORE, 2, tmp_path)
    assert not found, "\n\n".join(found)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_however_a_thing_is_damaged_it_is_refused_or_set_aside(kind, tmp_path):
    found = faults([kind], MANY, int(time.strftime("%Y%m%d")), tmp_path)
    assert not found, "\n\n".join(found)
