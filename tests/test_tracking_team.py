"""`ui --team`: each point is tried, and says what was found and what to do."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from tracking_servers import closing_proxy, free_port, postgres, wait_for
from tracking_store import open_run

from rnnsweep.cli import main
from rnnsweep.tracking import Shipper, runs, sync
from rnnsweep.tracking.ui.team import (
    CLOSED,
    PASSWORD,
    SECRET,
    _check_transport,
    check_parts,
    check_server,
    start_lines,
)


def parts(**given):
    return {
        one.what: one
        for one in reversed(check_parts(**{"store": None, "artifacts": None, "hosts": (), **given}))
    }


def test_nothing_given_is_nothing_held(monkeypatch):
    monkeypatch.delenv(SECRET, raising=False)
    found = check_parts(store=None, artifacts=None, hosts=())
    assert {one.what for one in found} == {"PostgreSQL", "artifact store", "allowed hosts", "accounts"}
    assert not any(one.holds for one in found if one.what != "accounts")
    assert all(one.remedy for one in found)


@pytest.mark.parametrize(
    ("store", "found"),
    [
        ("sqlite:///mlflow.db", "sqlite has one writer at a time"),
        ("postgresql://me:secret@127.0.0.1:9/x", "postgresql://me:***@127.0.0.1:9/x: every user"),
        ("postgresql://me@127.0.0.1:9/x", "postgresql://me@127.0.0.1:9/x: "),
    ],
)
def test_a_database_that_cannot_serve_a_team_is_named_without_its_password(store, found):
    check = parts(store=store)["PostgreSQL"]
    assert not check.holds
    assert found in check.found
    assert "secret" not in check.found


def test_a_folder_of_artifacts_is_written_to_and_left_as_it_was(tmp_path):
    check = parts(artifacts=str(tmp_path))["artifact store"]
    assert check.holds
    assert list(tmp_path.iterdir()) == []
    missing = parts(artifacts=str(tmp_path / "nowhere"))["artifact store"]
    assert not missing.holds
    assert "No such file or directory" in missing.found
    blocked = tmp_path / "file"
    blocked.write_text("x")
    assert not parts(artifacts=str(blocked))["artifact store"].holds


def test_names_must_be_known_to_the_network_and_not_everything():
    assert parts(hosts=["localhost:5000"])["allowed hosts"].holds
    assert "lets any page" in parts(hosts=["*"])["allowed hosts"].found
    assert "box.invalid" in parts(hosts=["localhost", "box.invalid"])["allowed hosts"].found


@pytest.mark.parametrize(
    ("value", "holds"), [("", False), ("short", False), ("password1234567", False), ("k" * 24, True)]
)
def test_secrets_must_be_set_and_long(monkeypatch, value, holds):
    monkeypatch.setenv(SECRET, value)
    monkeypatch.setenv(PASSWORD, value)
    checks = check_parts(store=None, artifacts=None, hosts=())[-2:]
    assert [one.holds for one in checks] == [holds, holds]
    assert all(value not in one.found for one in checks if value)


class Server(http.server.BaseHTTPRequestHandler):
    """Answers as an MLflow server of a good house does, or of a bad one."""

    good = True

    def do_GET(self):
        stranger = "stranger" in self.headers["Host"]
        named = "Authorization" in self.headers
        root = "mlflow-artifacts:/0" if self.good else "/home/me/mlruns/0"
        body = f'{{"experiment": {{"artifact_location": "{root}"}}}}'
        status = 200
        if self.path == "/version":
            from importlib.metadata import version

            body = version("mlflow") if self.good else "2.9.1"
        elif self.good and stranger:
            status = 403
        elif self.good and not named:
            status = 401
        elif self.good and self.path in CLOSED.values():
            status = 404
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


@pytest.fixture(params=[True, False], ids=["good", "bad"])
def server(request):
    """A server and whether it is a good one."""
    kind = type("Kind", (Server,), {"good": request.param})
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}", request.param
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_a_server_is_asked_from_outside(server, monkeypatch, capsys):
    address, good = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    checks = check_server(address)
    asked = ["server", "transport", "accounts", "allowed hosts", "assistant", "gateway", "artifact store"]
    assert [one.what for one in checks] == asked
    assert {one.what: one.holds for one in checks} == dict.fromkeys(asked, good) | {"transport": True}
    assert main(["ui", "--team", "--uri", address]) == (0 if good else 1)
    assert ("basic-auth" in capsys.readouterr().out) is not good


@pytest.mark.parametrize(
    ("address", "holds"),
    [
        ("https://box.lab", True),
        ("http://localhost:5000", True),
        ("http://[::1]:5000", True),
        ("http://box.lab:5000", False),
    ],
)
def test_an_account_is_not_sent_over_a_network_in_the_clear(address, holds):
    assert _check_transport(address).holds is holds


def test_the_server_that_is_advised_listens_on_loopback_behind_a_proxy_with_all_secrets_in_the_environment(
    capsys,
):
    main(["ui", "--team", "--store", "postgresql://me@db/x", "--host", "box.lab"])
    said = capsys.readouterr().out
    assert "--host 127.0.0.1" in said
    assert "0.0.0.0" not in said
    assert "export MLFLOW_BACKEND_STORE_URI=postgresql://me@db/x\n" in said
    assert "--backend-store-uri" not in said  # would stand in the list of processes
    assert "MLFLOW_ENABLE_AI_GATEWAY=false" in said
    assert "@closed path */mlflow/assistant* /gateway*" in said
    assert "reverse_proxy 127.0.0.1:5000" in said


class Closed(Server):
    """As MLflow with accounts: a stranger is told nothing, not even its version."""

    def do_GET(self):
        self.send_response(401)
        self.end_headers()


def test_a_server_that_wants_an_account_is_said_to(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Closed) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        (check,) = check_server(f"http://127.0.0.1:{serving.server_port}")
        serving.shutdown()
        thread.join()
    assert (check.holds, check.found.endswith("wants an account")) == (False, True)
    assert "MLFLOW_TRACKING_USERNAME" in check.remedy


def test_a_server_that_does_not_answer_is_one_line():
    (check,) = check_server("http://127.0.0.1:9")
    assert not check.holds
    assert "does not answer" in check.found


def test_the_command_names_no_password():
    lines = start_lines(store="postgresql://me:secret@db/x", artifacts="s3://b/p", hosts=["a", "b"])
    assert "secret" not in "\n".join(lines)
    assert lines[0] == "export MLFLOW_BACKEND_STORE_URI=postgresql://USER@HOST/DATABASE"
    assert "--allowed-hosts a,b" in lines[-1]
    assert "--app-name basic-auth" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ui", "--store", "x"], "belong to --team"),
        (["ui", "--team", "--uri", "sqlite:///x"], "--team asks a server; give http://"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_the_terminal_shows_each_point_with_its_remedy(tmp_path, capsys):
    assert main(["ui", "--team", "--artifacts", str(tmp_path), "--host", "localhost"]) == 1
    said = capsys.readouterr().out
    assert "holds    artifact store" in said
    assert "missing  PostgreSQL" in said
    assert "--store postgresql://USER@HOST/DATABASE" in said
    assert "mlflow server --app-name basic-auth" in said


@pytest.mark.server
@pytest.mark.slow
def test_our_own_ui_is_found_to_be_for_one_person(tmp_path):
    from rnnsweep.tracking.ui.serve import start_ui

    server = start_ui(tmp_path / "mlruns", port=5650)
    try:
        found = {one.what: one for one in check_server(server.address)}
    finally:
        server.close()
    assert found["server"].holds
    assert found["allowed hosts"].holds
    assert not found["accounts"].holds
    assert not found["artifact store"].holds


@pytest.mark.server
@pytest.mark.slow
def test_a_server_started_as_printed_has_accounts_and_takes_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("flask_wtf", reason="needs mlflow[auth] for accounts")
    for name in ("MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_AUTH_ADMIN_PASSWORD"):
        monkeypatch.setenv(name, uuid.uuid4().hex)
    files, port, front, mlruns = tmp_path / "files", free_port(), free_port(), tmp_path / "mlruns"
    files.mkdir()
    with postgres(tmp_path) as store:
        hosts = ["--host", f"localhost:{port}", "--host", f"localhost:{front}"]
        parts = ["--store", store, "--artifacts", str(files), *hosts]
        assert main(["ui", "--team", *parts]) == 0
        printed = capsys.readouterr().out
        assert "missing" not in printed
        script = printed[printed.index("export MLFLOW_") : printed.index("\nIn front of it")]
        with as_printed(script.replace("5000", str(port)), tmp_path, port):
            address = f"http://localhost:{port}"
            assert "wants an account" in check_server(address)[0].found
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"])
            assert main(["ui", "--team", "--uri", address]) == 1  # the proxy alone closes the assistant
            assert [one.what for one in check_server(address) if not one.holds] == ["assistant"]
            with closing_proxy(front, port, closed=tuple(CLOSED.values())) as proxy:
                monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy)
                assert main(["ui", "--team", "--uri", proxy]) == 0
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            with Shipper(mlruns, address) as shipper:
                with open_run(mlruns, "a", uri=address, config_yaml="x: 1\n") as record:
                    record.metrics({"m": 1.0}, step=1)
                assert shipper.drain(60) == []
            assert runs(mlruns, uri=address)["state"].tolist() == ["complete"]
            assert [path.name for path in files.rglob("config.yaml")] == ["config.yaml"]
            monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
            monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
            with open_run(mlruns, "b", uri=address):
                pass
            assert sync(mlruns, deadline_s=1).waiting == ["b"]


@contextmanager
def as_printed(script, folder, port):
    """Run the lines as a person would who pastes them, with our own programs on the path."""
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env.pop("PYTEST_CURRENT_TEST", None)
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port)
        end = time.monotonic() + 300
        while (
            "account" not in check_server(f"http://localhost:{port}")[0].found
        ):  # it listens before its workers answer
            assert process.poll() is None
            assert time.monotonic() < end, "it did not answer"
            time.sleep(1.0)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
