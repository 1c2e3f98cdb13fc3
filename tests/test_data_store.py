"""Folders of the cache: made once, whole, and checked when opened."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from rnnsweep.data import store
from rnnsweep.errors import UserError


def write_numbers(folder):
    store.write_array(folder / "numbers.npy", np.arange(5000))
    store.write_json(folder / "facts.json", {"a": 1})


@pytest.fixture
def folder(tmp_path):
    return store.made_once(tmp_path / "cache" / "key", write_numbers)


def never(folder):
    raise AssertionError("built a second time")


def test_a_folder_that_is_whole_is_not_built_again(folder):
    assert store.made_once(folder, never) == folder
    assert store.map_array(folder / "numbers.npy").tolist() == list(range(5000))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["numbers.npy", "facts.json", "seal.json"])
@pytest.mark.parametrize(
    "harm", [truncate, flip, lambda path: path.unlink(), lambda path: path.write_text("")]
)
def test_a_damaged_folder_is_noticed_and_built_again(folder, name, harm):
    harm(folder / name)
    assert not store.is_intact(folder)
    assert store.made_once(folder, write_numbers) == folder
    assert store.is_intact(folder)
    assert store.map_array(folder / "numbers.npy").sum() == 5000 * 4999 // 2


@pytest.mark.parametrize(
    "seal", ["[]", "3", "null", '{"format": 1, "files": 7}', '{"format": 1, "files": {"a": []}}']
)
def test_a_seal_that_says_something_else_is_no_seal(folder, seal):
    (folder / "seal.json").write_text(seal)
    assert not store.is_intact(folder)


def test_a_folder_of_another_format_is_built_again(folder):
    seal = json.loads((folder / "seal.json").read_text())
    (folder / "seal.json").write_text(json.dumps(seal | {"format": store.FORMAT + 1}))
    assert not store.is_intact(folder)


def test_harm_in_a_large_file_is_noticed_at_its_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "CHECKED", 1 << 17)
    folder = store.made_once(
        tmp_path / "key", lambda into: store.write_array(into / "n.npy", np.arange(100_000))
    )
    assert store.is_intact(folder)
    for place in (200, -1):
        content = bytearray((folder / "n.npy").read_bytes())
        content[place] ^= 1
        (folder / "n.npy").write_bytes(bytes(content))
        assert not store.is_intact(folder)
        content[place] ^= 1
        (folder / "n.npy").write_bytes(bytes(content))


def test_a_process_checks_files_that_stay_as_they_are_once(folder, monkeypatch):
    for path in folder.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert store.is_intact(folder)
    with monkeypatch.context() as patched:
        patched.setattr(store, "_fingerprint", lambda path: pytest.fail(f"{path.name} is read again"))
        assert store.is_intact(folder)
    flip(folder / "numbers.npy")
    assert not store.is_intact(folder)


def test_a_build_that_fails_leaves_nothing_and_the_next_one_works(tmp_path):
    def fail(folder):
        write_numbers(folder)
        raise KeyError("half-way")

    with pytest.raises(KeyError, match="half-way"):
        store.made_once(tmp_path / "key", fail)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert store.is_intact(store.made_once(tmp_path / "key", write_numbers))


def test_what_a_killed_builder_left_is_cleared_away(tmp_path):
    left_over = tmp_path / "key.part-abc"
    left_over.mkdir()
    (left_over / "numbers.npy").write_bytes(b"half")
    store.made_once(tmp_path / "key", write_numbers)
    assert not left_over.exists()


def test_of_many_threads_one_builds(tmp_path):
    built = []

    def build(folder):
        built.append(folder)
        write_numbers(folder)

    threads = [threading.Thread(target=store.made_once, args=(tmp_path / "key", build)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


BUILDER = """
import os, sys
from pathlib import Path
from rnnsweep.data import store
def build(folder):
    with open(sys.argv[2], "a") as log:
        log.write(f"{os.getpid()}\\n")
    store.write_json(folder / "facts.json", list(range(100000)))
folder = store.made_once(Path(sys.argv[1]) / "key", build)
assert store.read_json(folder / "facts.json")[-1] == 99999
"""


def test_of_many_processes_one_builds_and_all_read_it(tmp_path):
    command = [sys.executable, "-c", BUILDER, str(tmp_path / "cache"), str(tmp_path / "log")]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_who_has_a_damaged_folder_mapped_keeps_his_numbers(folder):
    mapped = store.map_array(folder / "numbers.npy")
    (folder / "facts.json").unlink()
    store.made_once(folder, write_numbers)
    assert mapped.sum() == 5000 * 4999 // 2


def test_a_cache_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"^cannot write the cache .*file.*RNNSWEEP_CACHE") as caught:
        store.made_once(tmp_path / "file" / "cache" / "key", write_numbers)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path):
    def fill(folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left on device"):
        store.made_once(tmp_path / "key", fill)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_the_cache_is_the_argument_then_the_variable_then_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSWEEP_CACHE", str(tmp_path / "named"))
    assert store.find_cache(tmp_path) == tmp_path
    assert store.find_cache() == tmp_path / "named"
    monkeypatch.delenv("RNNSWEEP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store.find_cache().name == "rnnsweep"


def test_an_array_of_objects_is_neither_written_nor_read(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        store.write_array(tmp_path / "objects.npy", np.array([object()]))
    np.save(tmp_path / "pickled.npy", np.array([{"a": 1}] * 2000), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle|object"):
        store.map_array(tmp_path / "pickled.npy")
