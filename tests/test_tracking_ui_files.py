"""The UI's own files: given whole, kept by the browser, and nothing else of the disk with them."""

import asyncio
from pathlib import Path

import pytest

from rnnsweep.tracking.ui.files import with_files


async def _elsewhere(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"elsewhere"})


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    static = tmp_path / "build" / "static"
    static.mkdir(parents=True)
    (static / "main.1a2b3c4d.js").write_bytes(b"let x = 1;")
    (static / "picture.png").write_bytes(b"\x89PNG")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    return tmp_path / "build"


def ask(folder: Path, path: str, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    said: list[dict] = []

    async def send(message: dict) -> None:
        said.append(message)

    async def receive() -> dict:
        await asyncio.Event().wait()  # the browser stays
        return {}

    scope = {"type": "http", "path": path, "method": method, "headers": []}
    asyncio.run(with_files(_elsewhere, folder)(scope, receive, send))
    return said[0]["status"], dict(said[0]["headers"]), b"".join(each.get("body", b"") for each in said[1:])


def test_a_file_is_given_whole_and_may_be_kept_for_good(folder):
    status, headers, body = ask(folder, "/static-files/static/main.1a2b3c4d.js")
    assert (status, body) == (200, b"let x = 1;")
    assert headers[b"content-length"] == b"10"
    assert headers[b"content-type"] == b"text/javascript; charset=utf-8"
    assert b"immutable" in headers[b"cache-control"]


def test_a_file_that_is_not_named_by_its_content_is_asked_for_again(folder):
    _, headers, _ = ask(folder, "/static-files/static/picture.png")
    assert headers[b"content-type"] == b"image/png"
    assert headers[b"cache-control"] == b"no-cache"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/static-files/../secret.txt",
            "/static-files/static/../../secret.txt",
            "/static-files//etc/passwd",
        ),
        *("/static-files/static/link.txt", "/static-files/static", "/static-files/", "/"),
    ],
)
def test_what_is_no_file_of_the_ui_is_not_read(folder, path):
    assert ask(folder, path)[2] == b"elsewhere"


def test_another_question_than_get_goes_on_to_mlflow(folder):
    assert ask(folder, "/static-files/static/main.1a2b3c4d.js", "POST")[2] == b"elsewhere"
