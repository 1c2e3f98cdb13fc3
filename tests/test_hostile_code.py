"""A project from somebody else that brings code in cells/: it is not run before the user names it."""

import pytest
from simulation import write_sweep

from rnnsweep.cli import main
from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.networks.cells import allow_named, find_cell
from rnnsweep.networks.config import ModelConfig
from rnnsweep.safety.own_code import VARIABLE, allow

NAME = "cells/theirs.py:CELL"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with conf/, a cell that leaves a mark when it is imported, and an option that names it."""
    from pathlib import Path

    from rnnsweep.config import copy_conf

    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    conf = copy_conf(tmp_path / "conf", conf=Path(__file__).parents[1] / "conf")
    (conf / "model" / "theirs.yaml").write_text(f"defaults: [gru]\ncell: {NAME}\n")
    (tmp_path / "cells").mkdir()
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "cells" / "theirs.py").write_text(
        "from pathlib import Path\nfrom rnnsweep.networks.cells.gru import CELL\n"
        f"Path({str(tmp_path / 'ran')!r}).touch()\n"
    )
    find_cell.cache_clear()
    yield tmp_path
    find_cell.cache_clear()


@pytest.mark.parametrize("command", [["train", "model=theirs"], ["sweep", "toy"]], ids=str)
def test_code_that_only_files_name_is_not_run_and_refused_in_one_line(project, command, capsys):
    write_sweep(project / "sweeps", architectures=f"{{own: ['model.cell={NAME}']}}", replicates=0)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert f"model.cell='{NAME}' (" in said  # the file that names it
    assert f"is code of {project / 'cells'}, which is not run before you name it: read it" in said
    assert "then give `train` this setting once, or set RNNSWEEP_CELLS to that folder" in said
    assert ["error: " in line for line in said.splitlines()].count(True) == 1
    assert said.splitlines()[-1].startswith("error: ")
    assert not (project / "ran").exists()


def test_a_model_that_names_code_of_a_received_project_runs_none(project):
    with pytest.raises(UserError, match="is not run before you name it"):
        ModelConfig(cell=NAME, hidden_size=4)
    with pytest.raises(UserError, match="is not run before you name it"):
        find_cell(NAME)
    assert not (project / "ran").exists()


def test_code_that_the_user_typed_once_may_be_named_by_files_from_then_on(project):
    allow_named(["model=gru", f"model.cell={NAME}"])
    assert compose(["model=theirs"]).model.cell == NAME
    assert find_cell(NAME).gates == find_cell("gru").gates
    assert (project / "ran").exists()


def test_another_projects_code_is_not_allowed_with_it(project, tmp_path_factory, monkeypatch):
    allow(tmp_path_factory.mktemp("mine") / "cells")
    with pytest.raises(UserError, match="is not run before you name it"):
        find_cell(NAME)
    monkeypatch.setenv(VARIABLE, str(project / "cells"))
    assert find_cell(NAME).gates


def test_where_nothing_can_be_kept_the_word_holds_for_this_process_and_its_children(project, monkeypatch):
    import os

    (project / "config").write_text("no folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(project / "config"))
    monkeypatch.setenv(VARIABLE, "")
    allow_named([f"model.cell='{NAME}'"])
    assert find_cell(NAME).gates
    assert os.environ[VARIABLE] == str(project / "cells")
