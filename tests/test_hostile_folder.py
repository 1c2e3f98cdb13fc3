"""A folder of data with modules beside it: no command and no child of one imports them."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tracking_store import fresh_store, open_run

from rnnsweep.safety import interpreter

MODULES = (
    "rnnsweep/__init__.py",
    "multiprocessing/__init__.py",
    "mlflow/__init__.py",
    "sqlite3.py",
    "random.py",
    "torch.py",
)
# what a package's installer writes for `rnnsweep = "rnnsweep.cli:main"`
SCRIPT = "import sys\nfrom rnnsweep.cli import main\nsys.exit(main())\n"
SMALL = (
    "data=files",
    "data.train=rows.csv",
    "trainer.max_epochs=1",
    "model.hidden_size=4",
    "model.embedding_size=4",
    "data.batch_size=15",
)
SWEEP = """# Does anything beside the rows run?
name: received
architectures: [rnn]
trials: 1
replicates: 0
overrides:
  - data=files
  - data.train=rows.csv
  - trainer.max_epochs=1
  - model.hidden_size=4
  - model.embedding_size=4
space:
  optimizer.lr: {type: float, low: 3e-3, high: 3e-2, log: true}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder as somebody hands it over: rows, and modules that leave a mark when they are imported."""
    place = tmp_path / "received"
    place.mkdir()
    rows = (f"{colour} {number},{colour}" for number in range(30) for colour in ("red", "blue"))
    (place / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    (place / "received.yaml").write_text(SWEEP)
    for name in MODULES:
        module = place / name
        module.parent.mkdir(exist_ok=True)
        module.write_text(
            f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r} + '\\n')\nraise ImportError('ran {name}')\n"
        )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "rnnsweep").write_text(SCRIPT)
    return place


def environment(folder):
    unwanted = {"PYTHONSAFEPATH", "PYTEST_CURRENT_TEST", "RNNSWEEP_HOME", "MLFLOW_TRACKING_URI"}
    return {k: v for k, v in os.environ.items() if k not in unwanted} | {"RNNSWEEP_HOME": str(folder)}


def rnnsweep(folder, *arguments):
    """Run the command as its script does, in that folder."""
    return subprocess.run(
        [sys.executable, str(folder.parent / "bin" / "rnnsweep"), *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def imported(folder):
    mark = folder.parent / "ran"
    return mark.read_text().split() if mark.exists() else []


def nothing_ran(folder, done):
    assert imported(folder) == []
    assert done.returncode == 0, done.stderr


def test_sync_sends_a_spool_and_imports_nothing_from_the_folder(folder, template):
    mlruns = fresh_store(template, folder / "mlruns")
    open_run(mlruns).end("complete")
    done = rnnsweep(folder, "sync")
    nothing_ran(folder, done)
    assert "of 1 run to the store" in done.stdout + done.stderr


@pytest.mark.slow
def test_train_imports_nothing_from_the_folder(folder):
    done = rnnsweep(folder, "train", *SMALL)
    nothing_ran(folder, done)
    assert "not yet in the store" not in done.stderr


@pytest.mark.slow
def test_the_other_ranks_of_a_run_import_nothing_from_the_folder(folder):
    nothing_ran(folder, rnnsweep(folder, "train", *SMALL, "trainer.devices=2"))


@pytest.mark.slow
def test_a_sweep_its_fork_server_and_its_trials_import_nothing_from_the_folder(folder):
    done = rnnsweep(folder, "sweep", "received.yaml", "--slots", "1")
    nothing_ran(folder, done)
    (outcome,) = folder.glob("mlruns/sweeps/received/trials/rnn-0/outcome.json")
    assert json.loads(outcome.read_text())["state"] == "complete"


@pytest.mark.slow
def test_clean_imports_nothing_from_the_folder(folder, template):
    from rnnsweep.tracking.store.store import open_client

    mlruns = fresh_store(template, folder / "mlruns")
    client = open_client(mlruns, "local")
    run = client.create_run("0")
    client.delete_run(run.info.run_id)
    done = rnnsweep(folder, "clean", "--yes")
    nothing_ran(folder, done)
    assert "removed: 1 deleted run" in done.stdout


@pytest.mark.slow
@pytest.mark.server
def test_the_ui_imports_nothing_from_the_folder(folder, template):
    fresh_store(template, folder / "mlruns")
    with (folder.parent / "words").open("w+") as words:
        ui = subprocess.Popen(
            [sys.executable, str(folder.parent / "bin" / "rnnsweep"), "ui", "--port", "5870"],
            cwd=folder,
            env=environment(folder) | {"PYTHONUNBUFFERED": "1"},
            stdout=words,
            stderr=subprocess.STDOUT,
        )
        try:
            end = time.monotonic() + 120
            while time.monotonic() < end and ui.poll() is None and "MLflow UI:" not in _text(words):
                time.sleep(0.2)
            assert "MLflow UI:" in _text(words)
        finally:
            ui.send_signal(signal.SIGINT)
            ui.wait(30)
    assert imported(folder) == []


def _text(file):
    file.seek(0)
    return file.read()


@pytest.mark.slow
def test_a_program_that_calls_the_package_hands_its_safe_path_to_the_fork_server(folder):
    program = folder.parent / "program.py"
    program.write_text(
        "import os\n"
        "from rnnsweep.launchers.local.server import in_fresh_process\n"
        "print(in_fresh_process(os.getenv, 'PYTHONSAFEPATH'), os.environ.get('PYTHONSAFEPATH'))\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    nothing_ran(folder, done)
    assert done.stdout.split() == ["1", "None"]  # the program's own environment is left as it was


def test_python_m_rnnsweep_forgets_the_working_directory_once_it_runs(folder):
    (folder / "rnnsweep" / "__init__.py").unlink()
    (folder / "rnnsweep").rmdir()
    (folder / "random.py").unlink()  # imported by the interpreter's own libraries before any of our code
    done = subprocess.run(
        [sys.executable, "-m", "rnnsweep", "sync"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    nothing_ran(folder, done)


def test_a_module_is_run_without_the_working_directory():
    assert interpreter.run_module("a.b", "c") == [sys.executable, "-P", "-m", "a.b", "c"]


COMPILED = """
from rnnsweep.runtime import compiled
import numba
print([numba.config.CACHE_DIR, numba.config.CACHE_LOCATOR_CLASSES])
"""


def test_a_configuration_of_numba_in_the_folder_moves_no_cache(folder):
    """A cache of Numba's is a folder of pickles."""
    (folder / ".numba_config.yaml").write_text("cache_dir: here\ncache_locator_classes: evil.Locator\n")
    done = subprocess.run(
        [sys.executable, "-P", "-c", COMPILED],
        cwd=folder,
        env={k: v for k, v in environment(folder).items() if not k.startswith("NUMBA_CACHE")},
        capture_output=True,
        text=True,
        check=False,
    )
    nothing_ran(folder, done)
    assert done.stdout.strip() == "['', '']"
