"""Files of our own: whole or not at all, and never through a link."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnsweep import files
from rnnsweep.errors import UserError


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "bashrc"
    path.write_text("mine")
    return path


def test_a_file_is_replaced_whole_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "state.json"
    files.write_whole(path, "old")
    files.write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    files.write_whole(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path, outside):
    link = tmp_path / "state.json"
    link.symlink_to(outside)
    files.write_whole(link, "new")
    assert outside.read_text() == "mine"
    assert not link.is_symlink()


@pytest.mark.parametrize("use", [files.open_append, files.read_own])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_neither_read_nor_appended_to(tmp_path, outside, use, dangling):
    link = tmp_path / "ledger.jsonl"
    link.symlink_to(tmp_path / "none" if dangling else outside)
    with pytest.raises(UserError, match=r"ledger\.jsonl: is a link to .*Remove it"):
        use(link)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("use", [files.open_append, files.read_own])
def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(tmp_path, use):
    os.mkfifo(tmp_path / "ledger.jsonl")
    with pytest.raises(UserError, match="no regular file"):
        use(tmp_path / "ledger.jsonl")


def test_a_file_that_is_not_there_is_an_ordinary_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.read_own(tmp_path / "none")


def test_lines_are_appended_after_each_other(tmp_path):
    descriptor = files.open_append(tmp_path / "ledger.jsonl")
    files.append(descriptor, b"one\n")
    files.append(descriptor, b"two\n")
    os.close(descriptor)
    assert files.read_own(tmp_path / "ledger.jsonl") == b"one\ntwo\n"


def test_a_folder_below_a_root_is_made_and_may_be_private(tmp_path):
    folder = files.own_folder(tmp_path, "sweeps", "toy", make=True, mode=files.PRIVATE_FOLDER)
    assert folder == tmp_path / "sweeps" / "toy"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_linked_folder_below_the_root_is_refused_and_the_root_may_be_a_link(tmp_path):
    (tmp_path / "real" / "sweeps").mkdir(parents=True)
    (tmp_path / "mlruns").symlink_to(tmp_path / "real")
    assert files.own_folder(tmp_path / "mlruns", "sweeps").is_dir()
    (tmp_path / "real" / "sweeps" / "toy").symlink_to(tmp_path)
    with pytest.raises(UserError, match="toy: is a link to"):
        files.own_folder(tmp_path / "mlruns", "sweeps", "toy", "trials")


@given(st.text(max_size=8))
def test_no_name_leads_out_of_its_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp()
    try:
        folder = files.own_folder(root, name)
    except UserError:
        return
    assert folder.parent == root
    assert os.path.normpath(folder) == str(folder)
