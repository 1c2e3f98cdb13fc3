"""Where conf/, sweeps/ and mlruns/ are found, from any working directory."""

from pathlib import Path

import pytest

from rnnsweep import paths as places
from rnnsweep.paths import find_paths

ROOT = Path(__file__).parents[1]


@pytest.fixture
def wheel(tmp_path, monkeypatch) -> Path:
    """A package that lies in site-packages with its own conf/, and no clone above it."""
    package = tmp_path / "site" / "rnnsweep"
    (package / "conf").mkdir(parents=True)
    (package / "conf" / "config.yaml").write_text("seed: 0\n")
    monkeypatch.setattr(places, "PACKAGE", package)
    monkeypatch.delenv("RNNSWEEP_HOME", raising=False)
    return package


def test_the_variable_says_where_home_is(home):
    found = find_paths()
    assert (found.root, found.mlruns, found.conf) == (home, home / "mlruns", home / "conf")
    assert found.conf_path == (home / "conf",)
    assert found.sweeps[0] == home / "sweeps"


def test_a_clone_is_its_own_home_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("RNNSWEEP_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert find_paths().root == ROOT


def test_an_installed_package_works_in_the_folder_that_it_is_called_from(wheel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_paths()
    assert (found.root, found.conf) == (tmp_path, wheel / "conf")
    assert found.conf_path == (wheel / "conf",)


@pytest.mark.parametrize("mark", ["mlruns", "conf/config.yaml"])
def test_an_installed_package_finds_the_project_above_the_working_directory(
    wheel, tmp_path, monkeypatch, mark
):
    project = tmp_path / "project"
    below = project / "notes" / "today"
    below.mkdir(parents=True)
    if mark == "mlruns":
        (project / mark).mkdir()
    else:
        (project / "conf").mkdir()
        (project / mark).write_text("seed: 1\n")
    monkeypatch.chdir(below)
    found = find_paths()
    assert found.root == project
    assert found.conf == (wheel / "conf" if mark == "mlruns" else project / "conf")


def test_own_files_without_config_yaml_come_before_the_packaged_ones(wheel, tmp_path, monkeypatch):
    (tmp_path / "conf" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    found = find_paths()
    assert found.conf == wheel / "conf"
    assert found.conf_path == (tmp_path / "conf", wheel / "conf")


def test_a_home_without_files_of_its_own_has_those_of_the_clone(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    found = find_paths()
    assert (found.root, found.mlruns) == (tmp_path, tmp_path / "mlruns")
    assert (found.conf, found.conf_path) == (ROOT / "conf", (ROOT / "conf",))
    assert found.sweeps == (tmp_path / "sweeps", ROOT / "sweeps")
