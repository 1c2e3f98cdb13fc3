"""Files of our own: whole or not at all, and never through a link."""

import json
import multiprocessing
import os
import stat
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from rnnsweep import files
from rnnsweep.errors import UserError
from rnnsweep.files import JsonLines, append, is_full_disk, mend, read_json
from rnnsweep.json_text import parse_json, parse_texts

FULL = OSError(28, "No space left on device")


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


@pytest.mark.parametrize(
    "use", [mend, lambda path: JsonLines(path).append({}), lambda path: list(JsonLines(path).read())]
)
def test_lines_are_neither_mended_nor_written_nor_read_through_a_link(tmp_path, outside, use):
    link = tmp_path / "lines.jsonl"
    link.symlink_to(outside)
    with pytest.raises(UserError, match=r"lines\.jsonl: is a link to .*Remove it"):
        use(link)
    assert outside.read_text() == "mine"


def test_what_killed_writers_left_is_removed(tmp_path):
    files.write_whole(tmp_path / "a", "x")
    for name in (".a.0123456789ab", ".hidden"):
        (tmp_path / name).write_text("half")
    files.remove_asides(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".hidden", "a"]


def test_content_and_name_are_on_the_disk_before_a_durable_write_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(stat.S_ISDIR(os.fstat(file).st_mode)))
    files.write_whole(tmp_path / "a", "x", durable=False)
    assert synced == []
    files.write_whole(tmp_path / "a", "x")
    assert synced == [False, True]  # the file before its rename, the folder after it


@pytest.mark.parametrize("content", [None, "", "[1]", "{", "nul\0", "[" * 100_000])
def test_what_is_no_json_object_reads_as_none(tmp_path, content):
    path = tmp_path / "state.json"
    if content is not None:
        path.write_text(content)
    assert read_json(path) is None


@given(data=st.data(), numbers=st.lists(st.integers(0, 99), min_size=1, max_size=5))
def test_after_any_cut_the_next_line_stands_alone_and_whole_lines_stay(data, numbers, tmp_path_factory):
    path = tmp_path_factory.mktemp("lines") / "lines.jsonl"
    lines = JsonLines(path)
    lines.append(*({"n": number} for number in numbers))
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = [{"n": n} for n in numbers[: whole[:cut].count(b"\n")]]
    assert list(lines.read()) == kept
    lines.append({"next": 1})
    assert list(lines.read()) == [*kept, {"next": 1}]
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_lines_are_appended_all_or_none(tmp_path, monkeypatch):
    lines = JsonLines(tmp_path / "lines.jsonl")
    lines.append({"n": 1})
    write = os.write
    answers = iter([lambda f, d: write(f, d[:3]), lambda f, d: (_ for _ in ()).throw(FULL)])
    with monkeypatch.context() as patch, suppress(OSError):
        patch.setattr(os, "write", lambda file, data: next(answers)(file, data))
        lines.append({"n": 2}, {"n": 3})
    assert list(lines.read()) == [{"n": 1}]
    assert lines.path.read_bytes() == b'{"n": 1}\n'


def _append_many(path, name):
    for number in range(200):
        JsonLines(path).append({"who": name, "n": number, "filling": "x" * 300})


def test_lines_of_several_processes_do_not_mix(tmp_path):
    path = tmp_path / "lines.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    records = list(JsonLines(path).read())
    assert sorted((r["who"], r["n"]) for r in records) == [(who, n) for who in "abc" for n in range(200)]
    assert path.read_bytes().count(b"\n") == 600


@pytest.mark.parametrize("length", [1, 1 << 16, 200_000])
def test_a_torn_line_of_any_length_is_cut_off(tmp_path, length):
    path = tmp_path / "lines.jsonl"
    for before in (b"", b'{"n": 1}\n'):
        path.write_bytes(before + b"x" * length)
        JsonLines(path).append({"n": 2})
        assert path.read_bytes() == before + b'{"n": 2}\n'


@pytest.mark.parametrize(
    "torn", [b'{"n": 2', b"\0" * 4096, b'{"n": 2\n', b"\0\n\0\n", b'{"n": 2\n{"n": 3', b'{"n": 2}']
)
def test_lines_that_do_not_read_are_cut_off_the_end_and_kept_beside(tmp_path, torn):
    path = tmp_path / "journal.log"
    path.write_bytes(b'{"n": 1}\n' + torn)
    assert mend(path) == len(torn)
    assert path.read_bytes() == b'{"n": 1}\n'
    assert (tmp_path / "journal.torn").read_bytes() == torn + b"\n"
    assert mend(path) == 0
    assert mend(tmp_path / "none") == 0


def test_an_empty_append_changes_nothing(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"a\n")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    append(descriptor, b"")
    os.close(descriptor)
    assert path.read_bytes() == b"a\n"
    assert is_full_disk(FULL)
    assert not is_full_disk(ValueError())


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "", "nonsense", "1" + "0" * 5000])
def test_json_that_does_not_read_is_a_value_error_however_deep_it_is_nested(text):
    with pytest.raises(ValueError, match="."):
        parse_json(text)


@pytest.mark.parametrize("text", ["5", "{}", "[1]", "null", "[["])
def test_what_is_no_list_of_texts_is_refused(text):
    with pytest.raises(ValueError, match="."):
        parse_texts(text)


def test_a_list_of_texts_comes_back_as_it_was():
    assert parse_texts('["a=1", "b"]') == ("a=1", "b")
