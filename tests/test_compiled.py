"""Compiled code is kept for the next process, never after an update; one process at a time compiles."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import pytest
from short_trainings import write_rows

from rnnsweep.api import compile_ahead, doctor
from rnnsweep.cli import main
from rnnsweep.hardware import limits
from rnnsweep.networks.fast.loop_types import LOOPS
from rnnsweep.runtime import ahead_note, compiled
from rnnsweep.runtime.kept_code import code_seen
from rnnsweep.safety.interpreter import run_module

OUTER = """
from rnnsweep.runtime.compiled import compiled
from some.inner import times

@compiled
def outer(x):
    return times(x) + 1
"""
INNER = """
from rnnsweep.runtime.compiled import compiled

@compiled
def times(x):
    return {factor} * x
"""
LINE = "compiling loops for this processor: once after an install or update, some seconds"
ASK = "from some.outer import outer; print(outer(5), sum(outer.stats.cache_misses.values()))"


@pytest.fixture
def package(tmp_path):
    """Two modules of one package, the outer of which takes a function from the inner."""
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "__init__.py").write_text("")
    (tmp_path / "some" / "outer.py").write_text(OUTER)
    (tmp_path / "some" / "inner.py").write_text(INNER.format(factor=2))
    return tmp_path


def ask(folder):
    """Give the answer of a fresh process, what it had to compile, and what it said."""
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    answer, compiled = done.stdout.split()
    return int(answer), int(compiled), done.stderr


def test_a_change_of_a_module_that_a_function_takes_from_is_noticed(package):
    assert ask(package)[:2] == (11, 1)
    assert ask(package) == (11, 0, "")
    (package / "some" / "inner.py").write_text(INNER.format(factor=3))
    assert ask(package)[:2] == (16, 1)
    kept = [file.name.split("-")[0] for file in (package / "some" / "__pycache__").glob("*.nbi")]
    assert sorted(kept) == ["inner.times", "outer.outer"]  # what was compiled before is gone


@pytest.mark.slow
def test_two_processes_that_start_at_once_compile_once_and_say_so_in_one_line(package):
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(ask, [package, package]))
    assert [answer for answer, _, _ in found] == [11, 11]
    assert sum(compiled for _, compiled, _ in found) == 1
    said = [line for _, _, text in found for line in text.splitlines()]
    assert set(said) == {LINE}
    assert len(said) <= 2  # who waits says it too


@pytest.mark.slow
def test_what_a_process_killed_while_writing_left_is_compiled_anew(package):
    assert ask(package)[0] == 11
    for file in (package / "some" / "__pycache__").glob("outer.outer-*.nbc"):
        file.unlink()  # the index is written first
    assert ask(package) == (11, 1, f"{LINE}\n")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_damaged_file_of_machine_code_is_written_anew(package, suffix):
    assert ask(package)[0] == 11
    for file in (package / "some" / "__pycache__").glob(f"outer.outer-*.{suffix}"):
        file.write_bytes(file.read_bytes()[:40])
    assert ask(package) == (11, 1, f"{LINE}\n")
    assert ask(package) == (11, 0, "")


@pytest.mark.slow
def test_machine_code_of_an_installation_that_cannot_be_written_lies_in_the_users_cache(package, monkeypatch):
    (package / "some" / "__pycache__").touch()  # also root cannot make the folder
    monkeypatch.setenv("XDG_CACHE_HOME", str(package / "cache"))
    assert ask(package)[:2] == (11, 1)
    assert ask(package) == (11, 0, "")
    assert len(list((package / "cache").rglob("*.nbi"))) == 2


def test_the_loops_of_the_cells_depend_on_the_curves_of_their_gates():
    import rnnsweep.networks.fast.loops  # noqa: F401

    names = {file.name for file in code_seen("rnnsweep.networks.fast.loops")}
    own = {"loops.py", "rows.py", "steps.py", "activations.py"}
    assert names == {*own, "compiled.py", "kept_code.py"}


def test_the_note_of_compiled_loops_is_of_all_code_that_they_see():
    for loop in LOOPS.values():
        import_module(loop.module)
    seen = {file for loop in LOOPS.values() for file in code_seen(loop.module)}
    assert seen <= set(compile_ahead.sources())


def test_every_loop_of_the_package_is_compiled_ahead():
    assert {one.__name__ for one in compiled._MADE if one.__module__.startswith("rnnsweep.")} == set(LOOPS)


@pytest.mark.slow
def test_a_process_of_the_fork_server_has_what_numba_loads_for_its_first_function():
    asked = "[name in __import__('sys').modules for name in ('numba.np.linalg', 'torch')]"
    # in a process of its own: a process has one server, and an earlier test may have started it otherwise
    code = "from rnnsweep.launchers.local.server import in_fresh_process\n"
    code += f"print(in_fresh_process(eval, {asked!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True]"


@pytest.mark.slow
def test_what_compiles_ahead_leaves_nothing_to_compile_for_a_training_of_the_default_settings(tmp_path):
    write_rows(tmp_path / "rows.csv")
    (tmp_path / "conf").symlink_to(Path(__file__).parents[1] / "conf")
    home = {**os.environ, "RNNSWEEP_HOME": str(tmp_path)}
    subprocess.run(run_module("rnnsweep.api.compile_ahead"), env=home, check=True, capture_output=True)
    assert not (tmp_path / "mlruns").exists()
    for model in ("lstm", "bigru"):
        words = ["train", "data=files", f"data.train={tmp_path / 'rows.csv'}", f"model={model}"]
        done = subprocess.run(
            run_module("rnnsweep", *words, "trainer.max_epochs=1", "tracking.enabled=false"),
            env=home,
            check=True,
            capture_output=True,
            text=True,
        )
        assert LINE not in done.stderr


@pytest.fixture
def no_note(tmp_path, monkeypatch):
    """A folder for machine code, in which nothing is yet."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "code"))


def machine_code():
    (found,) = (one for one in doctor() if one.check == "machine code")
    return found


def test_the_note_of_compiled_loops_holds_while_the_code_and_its_files_are_there(
    no_note, tmp_path, monkeypatch
):
    code, file = tmp_path / "loops.py", tmp_path / "lstm.nbi"
    code.write_text("one")
    file.touch()
    assert ahead_note.noted([code]) == set()
    ahead_note.note([code], {"lstm": file, "gru": tmp_path / "never.nbi"})
    assert ahead_note.noted([code]) == {"lstm"}
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert ahead_note.noted([code]) == set()
    monkeypatch.delenv("NUMBA_OPT")
    code.write_text("two")
    assert ahead_note.noted([code]) == set()


def test_whether_loops_are_compiled_is_answered_without_numba(no_note):
    code = "import sys; from rnnsweep.api import compile_ahead\n"
    code += "compile_ahead.start_in_background(); compile_ahead.start_beside(lambda: ['lstm'])\n"
    code += (
        "print(len(compile_ahead.missing()), [n for n in ('numba', 'numpy', 'torch') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [str(len(LOOPS)), "[]\n"]


def test_a_training_on_several_cores_has_what_it_misses_compiled_beside_it(no_note, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **settings: started.append(command))
    monkeypatch.setattr(limits, "usable_cores", lambda: 2)
    compile_ahead.start_beside(lambda: ["gru"])
    assert started == []  # switched off
    monkeypatch.delenv("RNNSWEEP_COMPILE_AHEAD")
    compile_ahead.start_beside(lambda: ["gru"])
    assert {"gru_forward", "adam"} < set(started[0])
    assert "lstm_forward" not in started[0]
    monkeypatch.setattr(limits, "usable_cores", lambda: 1)
    compile_ahead.start_beside(lambda: ["gru"])
    monkeypatch.setattr(limits, "usable_cores", lambda: 2)
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))  # no folder can be made
    compile_ahead.start_beside(lambda: ["gru"])
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compile_ahead.start_beside(lambda: ["gru"])
    assert len(started) == 1


def test_a_plan_has_what_it_misses_compiled_before_it_measures(no_note, monkeypatch):
    started, told = [], []
    monkeypatch.setattr(subprocess, "run", lambda command, **settings: started.append(command))
    compile_ahead.compile_first(["gru"], told.append)
    assert (started, told) == ([], [])  # switched off
    monkeypatch.delenv("RNNSWEEP_COMPILE_AHEAD")
    compile_ahead.compile_first(["gru"], told.append)
    assert started == [run_module(compile_ahead.MODULE)], "it waits for what others compile, too"
    assert told == ["compiling loops for this processor, once after an install or update"]


@pytest.mark.slow
def test_a_loop_whose_compiling_process_is_killed_is_compiled_by_who_needs_it(package):
    folder = package / "some" / "__pycache__"
    assert ask(package)[0] == 11
    for file in folder.glob("outer.outer-*"):
        file.unlink()
    begun = "import time; from some.outer import outer; turn = outer._cache.turn(wait=True)"
    begun += "; print(turn.__enter__(), flush=True)"
    path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    other = subprocess.Popen(
        [sys.executable, "-c", f"{begun}; time.sleep(600)"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout.readline() == "True\n"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, package)
        time.sleep(3)
        assert not asked.done()  # it waits for the other process
        other.kill()
        assert asked.result() == (11, 1, f"{LINE}\n")
    other.communicate()


def test_switched_off_neither_init_nor_doctor_compiles(no_note, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)  # whatever starts a process fails
    monkeypatch.setenv("RNNSWEEP_COMPILE_AHEAD", "0")
    compile_ahead.start_in_background()
    found = machine_code()
    assert (found.ok, found.found) == (
        True,
        "the first training compiles the loops, as RNNSWEEP_COMPILE_AHEAD=0",
    )


@pytest.mark.parametrize(
    "line", [["init", "new"], ["data", "one"], ["plan", "one"]], ids=lambda line: line[0]
)
def test_commands_before_a_first_training_compile_in_the_background(line, home, monkeypatch):
    write_rows(home / "rows.csv")
    (home / "sweeps").mkdir(exist_ok=True)
    (home / "sweeps" / "one.yaml").write_text(
        "# Is bag any good?\narchitectures: [bag]\ntrials: 1\nreplicates: 0\n"
        f"overrides: [data=files, data.train={home / 'rows.csv'}, trainer.max_epochs=1]\n"
        "space: {optimizer.lr: {type: float, low: 0.001, high: 0.01}}\n"
    )
    started = []
    monkeypatch.setattr(compile_ahead, "start_in_background", lambda: started.append(1))
    assert main(line) == 0
    assert started == [1]


def test_doctor_says_where_no_machine_code_can_be_kept(monkeypatch):
    monkeypatch.setattr(compile_ahead, "can_keep", lambda: False)
    found = machine_code()
    assert (found.ok, found.found) == (
        False,
        "it cannot be kept: each process compiles the loops anew",
    )
    assert found.remedy == "set NUMBA_CACHE_DIR to a folder that you can write to"


def test_doctor_says_why_the_loops_could_not_be_compiled(no_note, monkeypatch):
    monkeypatch.delenv("RNNSWEEP_COMPILE_AHEAD")
    monkeypatch.setattr(compile_ahead, "MODULE", "rnnsweep.no_such_module")
    found = machine_code()
    assert not found.ok
    assert found.found.endswith("No module named rnnsweep.no_such_module")
    assert found.remedy.startswith("correct what it names")


@pytest.mark.slow
def test_processes_that_compile_ahead_at_once_compile_each_loop_once_between_them(no_note, tmp_path):
    names = ["find_distinct", "add_kept_rows", "adam"]
    both = [subprocess.Popen(run_module(compile_ahead.MODULE, *names)) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    made = sorted(file.name.partition("-")[0] for file in (tmp_path / "code").rglob("*.nbc"))
    assert made == ["kernels.adam", "row_loops.add_kept_rows", "row_loops.find_distinct"]
    subprocess.run(run_module(compile_ahead.MODULE, *names), check=True)  # who came last knows all
    assert set(names).isdisjoint(compile_ahead.missing())
