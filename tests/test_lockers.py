"""Lockers: one contract, whatever holds the files; what is refused, and how."""

import os
import sys
import threading
from pathlib import Path

import pytest
from s3_server import account, s3_server

from rnnsweep.errors import UserError
from rnnsweep.lockers import open_locker


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.server)])
def locker(request, tmp_path, monkeypatch):
    if request.param == "folder":
        yield open_locker(str(tmp_path / "locker"))
        return
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    with s3_server(tmp_path / "served") as endpoint:
        account(monkeypatch, endpoint)
        yield open_locker("s3://bucket/some/prefix")


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / f"file-{os.urandom(4).hex()}"
    path.write_bytes(content)
    return path


def test_what_is_put_is_there_whole_until_it_is_dropped(locker, tmp_path):
    large = os.urandom(9 << 20)  # several parts for a server
    locker.put("key.1/1/last.ckpt", file_of(tmp_path, b"first"))
    locker.put("key.1/2/last.ckpt", file_of(tmp_path, large))
    locker.put("other/1/best.ckpt", file_of(tmp_path, b""))
    assert locker.names() == ["key.1/1/last.ckpt", "key.1/2/last.ckpt", "other/1/best.ckpt"]
    assert locker.names("key.1/") == ["key.1/1/last.ckpt", "key.1/2/last.ckpt"]
    into = tmp_path / "new" / "folder" / "got"
    locker.get("key.1/2/last.ckpt", into)
    assert into.read_bytes() == large
    locker.put("key.1/1/last.ckpt", file_of(tmp_path, b"second"))
    locker.get("key.1/1/last.ckpt", into)
    assert into.read_bytes() == b"second"
    locker.drop("key.1/1/last.ckpt")
    locker.drop("key.1/1/last.ckpt")
    assert locker.names() == ["key.1/2/last.ckpt", "other/1/best.ckpt"]
    assert [path.name for path in into.parent.iterdir()] == ["got"]


def test_what_is_not_there_is_not_found_and_leaves_what_was_at_the_path(locker, tmp_path):
    locker.put("a/b", file_of(tmp_path, b"x"))
    into = tmp_path / "got"
    into.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        locker.get("a/c", into)
    assert into.read_bytes() == b"old"
    assert locker.names("nothing") == []


def test_readers_see_the_old_or_the_new_file_and_never_a_mixture(locker, tmp_path):
    contents = [bytes([number]) * (1 << 20) for number in range(4)]
    files = [file_of(tmp_path, content) for content in contents]
    locker.put("one", files[0])
    writer = threading.Thread(target=lambda: [locker.put("one", file) for file in files])
    writer.start()
    while writer.is_alive():
        locker.get("one", tmp_path / "got")
        assert (tmp_path / "got").read_bytes() in contents
    writer.join()


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a/.hidden", "a/..", "a\n", "a\\b"])
def test_a_name_leads_out_of_no_locker(tmp_path, name):
    locker = open_locker(str(tmp_path / "locker"))
    for use in (locker.drop, lambda one: locker.put(one, tmp_path), lambda one: locker.get(one, tmp_path)):
        with pytest.raises(ValueError, match="is no name of a file in a locker"):
            use(name)


def test_no_link_below_a_shared_folder_is_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    root = tmp_path / "locker"
    (root / "a").mkdir(parents=True)
    (root / "a" / "file").symlink_to(outside / "secret")
    (root / "b").symlink_to(outside)
    locker = open_locker(str(root))
    for name in ("a/file", "b/secret"):
        with pytest.raises(UserError, match="link"):
            locker.get(name, tmp_path / "got")
    with pytest.raises(UserError, match="link"):
        locker.put("b/new", file_of(tmp_path, b"x"))
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


@pytest.mark.parametrize("place", ["{}/file/inside", "/proc/nowhere"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, place):
    (tmp_path / "file").write_text("x")
    place = place.format(tmp_path)
    with pytest.raises(
        UserError, match=f"^locker {place}: .*; it must be a folder that this machine and all nodes may write"
    ):
        open_locker(place).put("a", file_of(tmp_path, b"x"))


@pytest.mark.parametrize("place", ["gs://b/x", "folder", ""])
def test_other_places_are_no_lockers(place):
    with pytest.raises(UserError, match=r"must be the absolute path of a folder, or s3://BUCKET/PREFIX"):
        open_locker(place)


def test_the_library_that_is_missing_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "rnnsweep.lockers.bucket", raising=False)
    with pytest.raises(UserError, match=r"needs boto3, which is not installed; pip install 'rnnsweep\[s3\]'"):
        open_locker("s3://bucket/x")


def test_a_locker_of_s3_without_an_account_or_a_server_is_refused_in_one_line(tmp_path, monkeypatch):
    account(monkeypatch, "http://127.0.0.1:9")
    file = file_of(tmp_path, b"x")
    with pytest.raises(
        UserError, match=r"^locker s3://bucket/x: Could not connect to the endpoint URL[^\n]*$"
    ):
        open_locker("s3://bucket/x").put("a", file)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UserError, match=r"the environment has no account; set AWS_ACCESS_KEY_ID"):
        open_locker("s3://bucket/x").put("a", file)


@pytest.mark.server
def test_a_wrong_bucket_or_key_is_refused_in_one_line_without_the_secret(tmp_path, monkeypatch):
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    file = file_of(tmp_path, b"x")
    with s3_server(tmp_path / "served") as endpoint:
        account(monkeypatch, endpoint)
        with pytest.raises(UserError, match=r"^locker s3://nowhere/x: there is no such bucket; make it"):
            open_locker("s3://nowhere/x").put("a", file)
        account(monkeypatch, endpoint, secret="wrongsecret")
        with pytest.raises(
            UserError, match=r"^locker s3://bucket/x: the secret key of [^\n]* is wrong; set "
        ):
            open_locker("s3://bucket/x").put("a", file)
        account(monkeypatch, endpoint, key="otherkey")
        with pytest.raises(UserError, match=r"^locker s3://bucket/x: [^\n]*$") as refused:
            open_locker("s3://bucket/x").names()
        assert "testsecret" not in str(refused.value)
