"""The collector walks seldom in processes of ours, and not at all when they end."""

import gc
import subprocess
import sys

import pytest

from rnnsweep.runtime.collector import SELDOM, collect_seldom


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
        + "from rnnsweep.runtime.collector import collect_seldom\ncollect_seldom()\n"
        + "atexit.register(lambda: print(gc.isenabled()))\n"
    )
    assert run(code) == ["True", "False True"]


def test_who_calls_it_keeps_a_collector_that_walks_less_often():
    before = gc.get_threshold()
    try:
        collect_seldom()
        assert gc.isenabled()
        assert gc.get_threshold() == (SELDOM, *before[1:])
    finally:
        gc.set_threshold(*before)


@pytest.mark.slow
def test_a_trials_collector_works_as_pythons_own_and_leaves_out_what_the_server_imported():
    (usual,) = run("import gc\nprint(gc.get_threshold())")
    asked = (
        "(lambda gc: (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count() > 50_000))(__import__('gc'))"
    )
    # in a process of its own: a process has one server, and an earlier test may have started it otherwise
    code = "from rnnsweep.launchers.local.server import in_fresh_process\n"
    assert run(code + f"print(in_fresh_process(eval, {asked!r}))\n") == [f"(True, {usual}, True)"]
