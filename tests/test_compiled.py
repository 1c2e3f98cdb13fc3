"""Compiled code is kept for the next process, never after an update; one process at a time compiles."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock
from short_trainings import write_rows

from rnnsweep.api import compile_ahead, doctor
from rnnsweep.cli import main
from rnnsweep.runtime import compiled
from rnnsweep.runtime.compiled import code_seen
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
LINE = "compiling loops for this processor: once after an install or update, up to half a minute"
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
    assert names == {"loops.py", "rows.py", "steps.py", "activations.py", "compiled.py"}


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
def mark(tmp_path, monkeypatch):
    """Where it is written that the loops are compiled; nothing is, at first."""
    path = tmp_path / "code" / "ahead"
    monkeypatch.setattr(compile_ahead, "find_mark", lambda: path)
    return path


def machine_code():
    (found,) = (one for one in doctor() if one.check == "machine code")
    return found


def test_the_mark_of_compiled_loops_holds_while_the_code_and_all_of_its_files_are_there(
    mark, tmp_path, monkeypatch
):
    mark.parent.mkdir()
    file = tmp_path / "loops.nbi"
    file.touch()
    monkeypatch.setattr(compiled, "_indexes", lambda: [file, tmp_path / "never.nbi"])
    assert not compiled.is_ahead(mark)
    compiled.write_ahead_mark(mark)
    assert compiled.is_ahead(mark)
    monkeypatch.setattr(compiled, "_digest", lambda module: "of other code")
    assert not compiled.is_ahead(mark)
    monkeypatch.undo()
    file.unlink()
    assert not compiled.is_ahead(mark)


def test_switched_off_neither_init_nor_doctor_compiles(mark, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)  # whatever starts a process fails
    monkeypatch.setenv("RNNSWEEP_COMPILE_AHEAD", "0")
    compile_ahead.start_in_background()
    found = machine_code()
    assert (found.ok, found.found) == (
        True,
        "a first training compiles the loops (RNNSWEEP_COMPILE_AHEAD=0)",
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
    monkeypatch.setattr(compile_ahead, "find_mark", lambda: None)
    found = machine_code()
    assert (found.ok, found.found) == (
        False,
        "it cannot be kept: each process compiles the loops anew",
    )
    assert found.remedy == "set NUMBA_CACHE_DIR to a folder that you can write to"


def test_doctor_says_why_the_loops_could_not_be_compiled(mark, monkeypatch):
    monkeypatch.delenv("RNNSWEEP_COMPILE_AHEAD")
    monkeypatch.setattr(compile_ahead, "MODULE", "rnnsweep.no_such_module")
    found = machine_code()
    assert not found.ok
    assert found.found.endswith("No module named rnnsweep.no_such_module")
    assert found.remedy.startswith("correct what it names")


def test_one_process_at_a_time_compiles_ahead_and_one_in_the_background_leaves_it_to_the_other(
    mark, monkeypatch
):
    trained = []
    monkeypatch.setattr(compile_ahead, "_train_each_cell", lambda: trained.append(1))
    mark.parent.mkdir()
    with FileLock(mark.parent / "rnnsweep-ahead.lock"), ThreadPoolExecutor(1) as pool:
        pool.submit(compile_ahead.compile_ahead, wait=False).result()
    assert trained == []
    compile_ahead.compile_ahead(wait=False)
    compile_ahead.compile_ahead()
    assert trained == [1]
