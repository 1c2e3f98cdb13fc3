"""A store that says where files lie: in no folder of the user, and on no other server with the account."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from tracking_store import fresh_store, open_run, ship

from rnnsweep.errors import UserError
from rnnsweep.tracking.store.places import CLOUDS, why_refused
from rnnsweep.tracking.store.registry import found_model
from rnnsweep.tracking.store.store import open_client

RUN = "0123456789abcdef" * 2
LAB = "http://box.lab:5000"


@pytest.mark.parametrize(
    ("target", "address"),
    [
        *((LAB, f"{scheme}://bucket/1/{RUN}/artifacts") for scheme in CLOUDS),
        (LAB, f"mlflow-artifacts:/1/{RUN}/artifacts"),
        (LAB, f"mlflow-artifacts://box.lab:5000/1/{RUN}/artifacts"),
        ("http://127.0.0.1:5000", f"/srv/mlflow/1/{RUN}/artifacts"),
        ("http://localhost:5000", f"file:///srv/mlflow/1/{RUN}/artifacts"),
        ("postgresql://db/x", f"/shared/1/{RUN}/artifacts"),
        ("postgresql://db/x", f"/shared/1/models/m-{RUN}/artifacts"),
    ],
)
def test_files_go_where_a_store_keeps_its_files(tmp_path, target, address):
    assert why_refused(tmp_path, target, address) == ""


@pytest.mark.parametrize(
    ("target", "address"),
    [
        *((LAB, one) for one in ("file:///home/me/.ssh", "/home/me/.ssh", f"/x/{RUN}/artifacts", "", None)),
        *((LAB, f"{scheme}://evil/x") for scheme in ("http", "https", "ftp", "sftp", "hdfs", "javascript")),
        *((LAB, f"mlflow-artifacts://{host}/x") for host in ("evil.example", "box.lab", "box.lab:1", "a@b")),
        ("http://127.0.0.1:5000", "/home/me/.ssh"),
        ("http://127.0.0.1:5000", f"/home/me/{RUN}/artifacts/../../.ssh"),
        ("http://127.0.0.1.evil.example", f"/x/{RUN}/artifacts"),
        ("postgresql://db/x", "file:///home/me/.ssh"),
        ("local", "/home/me/.ssh"),
        ("local", "s3://theirs/x"),
    ],
)
def test_files_go_to_no_other_server_and_no_folder_of_the_user(tmp_path, target, address):
    assert why_refused(tmp_path, target, address)


def test_a_model_is_fetched_from_no_folder_of_this_machine_that_a_server_names(tmp_path):
    for target in (LAB, "http://127.0.0.1:5000"):
        assert why_refused(tmp_path, target, f"/srv/1/{RUN}/artifacts", fetched=True)
        assert why_refused(tmp_path, target, "file:///etc", fetched=True)


class Elsewhere:
    """A client of a store whose run names another folder for its files."""

    def __init__(self, mlruns, address):
        self.client, self.address = open_client(mlruns, "local"), address

    def __getattr__(self, name):
        return getattr(self.client, name)

    def get_run(self, run_id):
        run = self.client.get_run(run_id)
        info = SimpleNamespace(artifact_uri=self.address, lifecycle_stage=run.info.lifecycle_stage)
        return SimpleNamespace(info=info, data=run.data)


def test_a_run_whose_server_names_a_folder_of_this_machine_writes_no_file_there(template, tmp_path):
    mlruns, away = fresh_store(template, tmp_path / "mlruns"), tmp_path / "ssh"
    away.mkdir()
    run = open_run(mlruns)
    run.artifact("ssh-rsa AAAA", "authorized_keys")
    run.end("complete")
    ship(mlruns, client=Elsewhere(mlruns, away.as_uri()))
    assert list(away.iterdir()) == []
    refused = (mlruns / "spool" / "refused" / "a.jsonl").read_text()
    assert f"its files would go to {away.as_uri()}, outside mlruns/artifacts/" in refused


class Server(BaseHTTPRequestHandler):
    """A tracking server whose registered model lies at an address of another server; it notes accounts."""

    source = ""
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Authorization", ""))
        version = {"name": "m", "version": "1", "source": self.source, "creation_timestamp": 1}
        version |= {"last_updated_timestamp": 1, "status": "READY"}
        known = urlsplit(self.path).path.endswith("registered-models/alias")
        body = json.dumps({"model_version": version} if known else {"files": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *values: object) -> None:
        pass


@pytest.fixture
def server():
    """Start servers; gives the function that starts one and returns its address and what it was asked."""
    started = []

    def start(source=""):
        handler = type("One", (Server,), {"asked": [], "source": source})
        one = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=one.serve_forever, daemon=True).start()
        started.append(one)
        return f"127.0.0.1:{one.server_port}", handler.asked

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def test_a_server_sends_the_account_of_the_environment_to_no_other_one(server, tmp_path, monkeypatch):
    thief, stolen = server()
    own, asked = server(f"mlflow-artifacts://{thief}/m")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{own}")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    wanted = pytest.raises(UserError, match=r"\(of another server\); no model is fetched from there")
    with wanted, found_model(tmp_path / "mlruns", "m", "champion", uri=f"http://{own}"):
        pass
    assert any(asked)
    assert stolen == []


@pytest.mark.parametrize("source", ["file:///etc", "/etc", "http://evil.example/m", "ftp://evil.example/m"])
def test_a_model_source_of_another_kind_is_not_fetched(server, tmp_path, monkeypatch, source):
    own, _ = server(source)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{own}")
    wanted = pytest.raises(UserError, match="no model is fetched from there")
    with wanted, found_model(tmp_path / "mlruns", "m", "champion", uri=f"http://{own}"):
        pass
