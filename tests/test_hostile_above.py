"""A project that somebody else put above the working directory: not taken without a word, or at all."""

import os
from pathlib import Path

import pytest

from rnnsweep import paths as places
from rnnsweep.cli import main
from rnnsweep.paths import find_paths, root_notes


@pytest.fixture(autouse=True)
def wheel(tmp_path, monkeypatch) -> Path:
    """A package that lies in site-packages, and a user whose home is elsewhere."""
    package = tmp_path / "site" / "rnnsweep"
    (package / "conf").mkdir(parents=True)
    (package / "conf" / "config.yaml").write_text("seed: 0\n")
    monkeypatch.setattr(places, "PACKAGE", package)
    monkeypatch.delenv("RNNSWEEP_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    return package


@pytest.fixture
def below(tmp_path, monkeypatch) -> Path:
    """The working directory, two folders below one that holds a project."""
    (tmp_path / "project" / "mlruns").mkdir(parents=True)
    place = tmp_path / "project" / "notes" / "today"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def test_an_own_project_above_is_taken_and_named(below, capfd):
    project = below.parents[1]
    assert find_paths().root == project
    assert root_notes() == [f"project folder: {project} (above the working directory)"]
    main(["status", "none"])
    assert f"project folder: {project}" in capfd.readouterr().err
    main(["version"])
    assert "project folder" not in capfd.readouterr().err


@pytest.mark.parametrize("level", [0, 1], ids=["the project", "a folder on the way"])
def test_a_folder_that_everybody_may_write_to_ends_the_search(below, level):
    (below.parents[1 - level]).chmod(0o777)
    assert find_paths().root == below


def test_the_project_that_is_not_taken_is_named_with_the_way_to_take_it(below):
    project = below.parents[1]
    project.chmod(0o1777)  # as /tmp
    assert root_notes() == [
        f"{project} holds a project that is not used: it may be written to by everybody; to use it, go there"
        " or set RNNSWEEP_HOME"
    ]


def test_a_folder_of_another_user_ends_the_search(below, monkeypatch):
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert find_paths().root == below
    monkeypatch.chdir(below.parent)
    assert "belongs to another user" in root_notes()[0]


def test_the_home_folder_ends_the_search(below, monkeypatch):
    monkeypatch.setenv("HOME", str(below.parents[1]))
    assert find_paths().root == below
    assert "is your home folder" in root_notes()[0]


def test_nothing_above_the_home_folder_is_looked_at_from_there(below, monkeypatch):
    monkeypatch.setenv("HOME", str(below))
    assert find_paths().root == below


def test_the_working_directory_itself_is_the_users_choice(below, monkeypatch):
    project = below.parents[1]
    project.chmod(0o777)
    monkeypatch.chdir(project)
    assert find_paths().root == project
    assert root_notes() == []


def test_a_folder_that_the_environment_names_needs_no_word(below, tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path / "other"))
    assert find_paths().root == tmp_path / "other"
    assert root_notes() == []
