"""Where runs go, and a server that does not answer."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rnnsweep.errors import UserError
from rnnsweep.tracking import check_answers, destination


@pytest.fixture(autouse=True)
def _no_server_of_the_users(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def hanging():
    """A port that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_setting_wins_over_the_environment_and_both_over_the_local_store(monkeypatch):
    assert destination(None) == "local"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there:5000")
    assert destination(None) == "http://there:5000"
    assert destination("https://here") == "https://here"
    assert destination("local") == "local"


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/x", "ftp://x", "nonsense"])
def test_an_address_that_is_no_store_is_refused(uri):
    with pytest.raises(UserError, match=r"tracking.uri=.*must be http://, .* or local"):
        destination(uri)


def test_a_server_that_is_down_is_named_with_the_way_out():
    with pytest.raises(UserError) as error:
        check_answers("http://127.0.0.1:9")
    assert str(error.value) == (
        "tracking.uri='http://127.0.0.1:9' does not answer (Connection refused): start the server, "
        "or record in this project's own store with tracking.uri=local"
    )


def test_a_server_that_hangs_is_given_up(hanging):
    with pytest.raises(UserError, match=r"does not answer \(no word within 0.3 s\)"):
        check_answers(f"http://127.0.0.1:{hanging}", patience_s=0.3)


def test_a_server_that_dribbles_is_given_up_as_a_whole():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_dribble, args=(server,), daemon=True).start()
        with pytest.raises(UserError, match="does not answer"):
            check_answers(f"http://127.0.0.1:{server.getsockname()[1]}", patience_s=0.5)


def _dribble(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        for letter in b"HTTP/1.1 200 OK" * 4:
            try:
                connection.send(bytes([letter]))
            except OSError:
                return
            time.sleep(0.2)


def test_a_server_that_answers_anything_is_there():
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *values: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        assert check_answers(uri) == uri
        server.shutdown()


def test_another_sqlite_store_must_be_there(tmp_path):
    (tmp_path / "x.db").touch()
    assert check_answers(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(UserError, match="there is no such database, and none is made there"):
        check_answers(f"sqlite:///{tmp_path}/none.db")
