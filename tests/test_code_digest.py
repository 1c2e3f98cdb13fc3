"""The digest of the code that a sweep goes on with: every file that decides a score is part of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from simulation import FakeClock, FakeLauncher, write_sweep
from test_study import plain, run

import rnnsweep
from rnnsweep.errors import UserError
from rnnsweep.networks.cells import find_cell
from rnnsweep.safety.own_code import allow
from rnnsweep.state import start

PACKAGE = Path(rnnsweep.__file__).parent
# what carries, records and reports, and decides no score
ELSEWHERE = (
    "tracking",
    "sweepfile",
    "methods",
    "state",
    "errors",
    "json_text",
    "files",
    "hardware",
    "options",
    "paths",
    "safety",
    "settings",
)


def imported_by(module: str) -> set[str]:
    """List the first part of each module of the package that importing one brings along."""
    code = f"import sys, json, {module}; print(json.dumps([m for m in sys.modules if m[:9] == 'rnnsweep.']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(json.loads(done.stdout)) - {"rnnsweep.api"}  # the list of what `import rnnsweep` offers
    return {name.split(".")[1] for name in names}


@pytest.mark.slow
def test_all_that_a_training_imports_is_part_of_the_digest_of_the_model():
    covered = {part.removesuffix(".py") for part in start._MODEL}
    assert imported_by("rnnsweep.training.fit") - set(ELSEWHERE) <= covered


def test_every_part_of_the_digest_is_there():
    for part in start._CODE:
        assert (PACKAGE / part).exists(), part
    assert set(start._MODEL) < set(start._CODE)


def test_a_change_of_an_own_cell_is_a_change_of_the_code(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    cell = tmp_path / "cells" / "own.py"
    cell.parent.mkdir()
    cell.write_text("from rnnsweep.networks.cells.rnn import CELL\n")
    allow(cell.parent)
    find_cell.cache_clear()
    asked = {"architectures": "{own: ['model.cell=cells/own.py:CELL']}", "replicates": 0}
    run(write_sweep(tmp_path, trials=1, **asked), tmp_path, FakeLauncher(FakeClock(), plain))
    more = write_sweep(tmp_path, trials=2, **asked)
    cell.write_text("from rnnsweep.networks.cells.gru import CELL\n")
    with pytest.raises(UserError, match=r"code changed \("):
        run(more, tmp_path, FakeLauncher(FakeClock(), plain))
    cell.write_text("from rnnsweep.networks.cells.rnn import CELL\n")
    assert run(more, tmp_path, FakeLauncher(FakeClock(), plain)).state == "finished"
    find_cell.cache_clear()
