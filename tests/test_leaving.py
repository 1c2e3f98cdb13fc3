"""A process of ours ends at once."""

import gc
import subprocess
import sys

from rnnsweep.leaving import leave_at_once


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


TELL = "import atexit, gc\natexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 0))\n"


def test_the_command_line_leaves_its_memory_to_the_system_when_it_ends():
    code = TELL + "from rnnsweep.cli import main\nmain(['--version'])\nprint(gc.isenabled())\n"
    assert run(code)[1:] == ["True", "False True"]


def test_what_others_do_at_the_end_is_done_with_the_collector_as_it_was():
    code = (
        TELL
        + "from rnnsweep.leaving import leave_at_once\nleave_at_once()\n"
        + "atexit.register(lambda: print(gc.isenabled()))\n"
    )
    assert run(code) == ["True", "False True"]


def test_who_calls_it_goes_on_as_before():
    leave_at_once()
    assert gc.isenabled()
