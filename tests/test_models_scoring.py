"""The scoring server: texts are answered, everything else gets one line and a status, and it stays alive."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from small_models import LABELS, small_model

from rnnsweep.errors import UserError
from rnnsweep.models import write_model
from rnnsweep.models.scoring import MOST_BYTES, MOST_TEXTS, guarded, listen

JSON = "application/json"


def ask(app, body, *, path="/invocations", method="POST", headers=()):
    """Send one request to an ASGI application; give the status and the body."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    given = {"host": "127.0.0.1:5001", "content-type": JSON, **dict(headers)}
    scope = {
        "type": "http",
        "path": path,
        "query_string": b"",
        "method": method,
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def inner(status, body):
    """An application that answers always the same."""

    async def app(scope, receive, send):
        asked = await receive()
        told = body if body is not None else asked["body"]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": told})

    return app


ECHO = guarded(inner(200, None))


def test_texts_go_through_as_mlflow_takes_them():
    assert ask(ECHO, b'{"inputs": ["a", "b"]}') == (200, b'{"inputs": ["a", "b"]}')
    assert ask(ECHO, b'{"inputs": "a"}') == (200, b'{"inputs": ["a"]}')


def test_a_stack_trace_is_taken_out_of_an_answer():
    app = guarded(inner(500, b'{"message": "no", "stack_trace": "Traceback ..."}'))
    assert ask(app, b'{"inputs": ["a"]}') == (500, b'{"message": "no"}')


def test_a_fault_behind_the_door_is_an_answer_without_its_words(capsys):
    async def broken(scope, receive, send):
        raise RuntimeError("secret")

    status, body = ask(guarded(broken), b'{"inputs": ["a"]}')
    assert (status, json.loads(body)["message"]) == (500, "the model could not answer this")
    assert "RuntimeError: secret" in capsys.readouterr().out


def test_a_page_that_calls_this_machine_by_another_name_is_refused():
    status, body = ask(ECHO, b'{"inputs": ["a"]}', headers={"host": "evil.example:5001"})
    assert status == 403
    assert b"not as 'evil.example'" in body


def test_a_request_that_is_too_large_is_refused():
    status, body = ask(ECHO, b'{"inputs": ["' + b"a" * MOST_BYTES + b'"]}')
    assert (status, json.loads(body)["message"]) == (413, "at most 32 MB a request")
    many = json.dumps({"inputs": [""] * (MOST_TEXTS + 1)}).encode()
    assert ask(ECHO, many)[0] == 400


def test_the_next_port_is_taken_where_one_is_in_use():
    with listen(5300) as first, listen(first.getsockname()[1]) as second:
        assert second.getsockname()[1] > first.getsockname()[1]


def test_no_free_port_is_said(monkeypatch):
    class Taken(socket.socket):
        def bind(self, address):
            raise OSError("in use")

    monkeypatch.setattr(socket, "socket", Taken)
    with pytest.raises(UserError, match="port=5300: none of 5300 to 5349 is free; give another with --port"):
        listen(5300)


def deep(depth):
    return b'{"inputs": ' + b"[" * depth + b"]" * depth + b"}"


# body, content type, statuses that are right
BAD = {
    "nothing": (b"", JSON, 400),
    "null": (b"null", JSON, 400),
    "a number": (b"3", JSON, 400),
    "a text": (b'"text"', JSON, 400),
    "a list": (b'["text"]', JSON, 400),
    "true": (b"true", JSON, 400),
    "an empty object": (b"{}", JSON, 400),
    "NaN": (b"NaN", JSON, 400),
    "half an object": (b'{"inputs": ["a"', JSON, 400),
    "a comma too many": (b'{"inputs": ["a",]}', JSON, 400),
    "single quotes": (b"{'inputs': ['a']}", JSON, 400),
    "two objects": (b'{"inputs": ["a"]}{"inputs": ["a"]}', JSON, 400),
    "wrong key": (b'{"input": ["a"]}', JSON, 400),
    "wrong case": (b'{"Inputs": ["a"]}', JSON, 400),
    "another protocol": (b'{"instances": ["a"]}', JSON, 400),
    "records": (b'{"dataframe_records": [{"text": "a"}]}', JSON, 400),
    "split": (b'{"dataframe_split": {"columns": ["text"], "data": [["a"]]}}', JSON, 400),
    "a chat": (b'{"messages": [{"role": "user", "content": "a"}]}', JSON, 400),
    "two keys": (b'{"inputs": ["a"], "instances": ["a"]}', JSON, 400),
    "parameters": (b'{"inputs": ["a"], "params": {"x": 1}}', JSON, 400),
    "inputs null": (b'{"inputs": null}', JSON, 400),
    "inputs a number": (b'{"inputs": 3}', JSON, 400),
    "inputs true": (b'{"inputs": true}', JSON, 400),
    "inputs an object": (b'{"inputs": {"a": "b"}}', JSON, 400),
    "no texts": (b'{"inputs": []}', JSON, 400),
    "a null among them": (b'{"inputs": ["a", null]}', JSON, 400),
    "a number among them": (b'{"inputs": ["a", 1e999]}', JSON, 400),
    "a list among them": (b'{"inputs": [["a"]]}', JSON, 400),
    "an object among them": (b'{"inputs": [{"text": "a"}]}', JSON, 400),
    "a deep list": (deep(100), JSON, 400),
    "a very deep list": (deep(200_000), JSON, 400),
    "a huge number": (b'{"inputs": ' + b"9" * 10_000 + b"}", JSON, 400),
    "latin-1": ('{"inputs": ["\xe4"]}'.encode("latin-1"), JSON, 400),
    "utf-16": ('{"inputs": ["a"]}'.encode("utf-16"), JSON, 400),
    "bytes": (bytes(range(256)), JSON, 400),
    "a zip": (b"PK\x03\x04" + b"\0" * 100, JSON, 400),
    "a pickle": (b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x02os\x94.", JSON, 400),
    "zeros": (b"\0" * 1000, JSON, 400),
    "too many texts": (json.dumps({"inputs": ["a"] * 10_001}).encode(), JSON, 400),
    "another charset": (b'{"inputs": ["a"]}', "application/json; charset=latin-1", 415),
    "a form": (b"inputs=a", "application/x-www-form-urlencoded", 415),
    "csv": (b"text\na\n", "text/csv", 415),
    "parquet": (b"PAR1", "application/vnd.apache.parquet", 415),
    "plain text": (b"a", "text/plain", 415),
    "no type": (b'{"inputs": ["a"]}', "", 415),
    "a nonsense type": (b'{"inputs": ["a"]}', "\xff;;;=", 415),
    # these are texts: they get an answer
    "an empty text": (b'{"inputs": [""]}', JSON, 200),
    "1 MB of text": (json.dumps({"inputs": ["cat " * 262_144]}).encode(), JSON, 200),
    "1 MB without a blank": (json.dumps({"inputs": ["x" * 1_048_576]}).encode(), JSON, 200),
    "one long among many short": (json.dumps({"inputs": ["x" * 500_000, *[""] * 9000]}).encode(), JSON, 200),
    "control characters": (rb'{"inputs": ["\u0000\u001b[31m\u202e"]}', JSON, 200),
    "half a character": (rb'{"inputs": ["\ud800 cat"]}', JSON, 200),
    "a byte order mark": (b'\xef\xbb\xbf{"inputs": ["a"]}', JSON, 200),
    "a bare text": (b'{"inputs": "a"}', JSON, 200),
}


class Serving:
    """`rnnsweep serve` in a process of its own."""

    def __init__(self, folder, home, port):
        environment = {**os.environ, "RNNSWEEP_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rnnsweep", "serve", "--model", str(folder), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.lines = [self.process.stdout.readline(), self.process.stdout.readline()]
        self.port = int(self.lines[0].partition("127.0.0.1:")[2].partition("/")[0])
        self.rest = []
        self.reader = threading.Thread(target=lambda: self.rest.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def post(self, body, kind=JSON, *, path="/invocations", method="POST"):
        """Send a request; give the status and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def end(self, number=signal.SIGINT):
        """Ask it to end; give its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(30)
        self.close()
        return status

    def close(self):
        """Make sure that it is gone."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(small_model(cell="lstm", bidirectional=True), tmp_path_factory.mktemp("m") / "model")


@pytest.fixture(scope="module")
def serving(folder, tmp_path_factory):
    served = Serving(folder, tmp_path_factory.mktemp("home"), 5310)
    yield served
    served.close()


@pytest.mark.server
@pytest.mark.slow
def test_a_text_is_answered_with_label_and_probabilities(serving):
    status, body = serving.post(b'{"inputs": ["the cat sat", "oil"]}')
    first, second = json.loads(body)["predictions"]
    assert status == 200
    own = small_model(cell="lstm", bidirectional=True).predict(["the cat sat", "oil"])
    assert (first["label"], second["label"]) == tuple(answer.label for answer in own)
    assert tuple(first["probabilities"]) == LABELS
    assert first["probability"] == pytest.approx(own[0].probability, abs=1e-6)
    assert serving.post(None, method="GET", path="/health")[0] == 200
    assert json.loads(serving.post(None, method="GET", path="/")[1])["labels"] == list(LABELS)


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize(("body", "kind", "status"), BAD.values(), ids=BAD.keys())
def test_a_bad_request_gets_its_status_and_no_stack_trace(serving, body, kind, status):
    got, answer = serving.post(body, kind)
    assert got == status
    found = json.loads(answer)
    if status == 200:
        assert all(one["label"] in LABELS for one in found["predictions"])
    else:
        assert set(found) == {"error_code", "message"}
        assert len(found["message"]) < 300
    assert b"Traceback" not in answer
    assert serving.process.poll() is None


@pytest.mark.server
@pytest.mark.slow
def test_what_is_not_http_and_other_paths_leave_it_alive(serving):
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as raw:
        raw.sendall(b"\x16\x03\x01 this is no request\r\n\r\n")
        assert b"400" in raw.recv(1000)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999\r\n\r\n{")
    assert serving.post(None, method="GET")[0] == 405
    assert serving.post(b"x", path="/../../etc/passwd")[0] == 404
    assert serving.post(b'{"inputs": ["cat"]}')[0] == 200


@pytest.mark.server
@pytest.mark.slow
def test_it_takes_the_next_port_and_ends_cleanly(folder, serving, tmp_path):
    other = Serving(folder, tmp_path, serving.port)
    assert other.port > serving.port
    assert other.post(b'{"inputs": ["cat"]}')[0] == 200
    assert other.end(signal.SIGTERM) == 0
    assert serving.end(signal.SIGINT) == 0
    assert "The model is no longer served." in "".join(serving.rest)
    assert "Traceback" not in "".join(serving.rest)
