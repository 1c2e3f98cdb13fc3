"""Everything that a person can receive, damaged at random: a clear refusal, or what is broken is set aside.

Each kind is fuzzed in a process of its own, which is watched for tracebacks, time, memory, and for writes,
programs and connections (see `hostile_fuzz`). ``RNNSWEEP_FUZZ`` is the number of changes of the long form.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hostile_fuzz import KINDS

FEW = 24  # of each kind, in the quick tests
MANY = int(os.environ.get("RNNSWEEP_FUZZ", "2000"))
PROGRAM = Path(__file__).with_name("hostile_fuzz.py")


def faults(kind: str, count: int, seed: int, folder: Path) -> list[str]:
    """Fuzz a kind; give what went wrong."""
    command = [sys.executable, str(PROGRAM), kind, str(count), str(seed), str(folder / kind)]
    limit = 300 + 6 * count
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return [f"a change that no timer ends, within {limit} s: see {folder / kind / 'last'}"]
    try:
        return list(json.loads(done.stdout))
    except ValueError:
        return [
            f"the process died (status {done.returncode}): {done.stderr[-400:]}; see {folder / kind / 'last'}"
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_thing_is_refused_or_set_aside(kind, tmp_path):
    found = faults(kind, FEW, 1, tmp_path)
    assert not found, "\n\n".join(found)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_however_a_thing_is_damaged_it_is_refused_or_set_aside(kind, tmp_path):
    found = faults(kind, MANY, int(time.strftime("%Y%m%d")), tmp_path)
    assert not found, "\n\n".join(found)
