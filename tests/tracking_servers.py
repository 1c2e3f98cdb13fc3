"""Servers as users run them: MLflow's own, and PostgreSQL."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rnnsweep.tracking.store.store import ensure_store


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def mlflow_server(home: Path, port: int, store: str | None = None, *, artifacts: str | None = None):
    """MLflow's own server, as a user runs one."""
    home.mkdir(exist_ok=True)
    ensure_store(home)
    env = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    env.pop("PYTEST_CURRENT_TEST", None)
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"]
    uri = store or f"sqlite:///{home}/mlflow.db"
    process = subprocess.Popen(
        [
            *command,
            "--port",
            str(port),
            "--backend-store-uri",
            uri,
            "--artifacts-destination",
            artifacts or str(home / "a"),
        ],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port)
        yield lambda: _kill(process)
    finally:
        _kill(process)


def _kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(port: int) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"no server on {port}")


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL in a folder of its own; give its database. Skips where it is not installed."""
    pytest.importorskip("psycopg", reason="needs psycopg to speak to PostgreSQL")
    if not shutil.which("initdb") or not shutil.which("postgres"):
        pytest.skip("needs PostgreSQL's initdb and postgres on the PATH")
    port, data = free_port(), folder / "pg"
    user = [] if os.geteuid() else ["runuser", "-u", "nobody", "--"]
    data.mkdir()
    if user:
        shutil.chown(data, "nobody")
        for one in (folder, *folder.parents):
            if not one.stat().st_mode & stat.S_IXOTH:  # temporary folders are their owner's alone
                one.chmod(one.stat().st_mode | stat.S_IXOTH)
    made = [*user, "initdb", "-D", str(data), "-A", "trust", "-U", "me"]
    subprocess.run(made, check=True, capture_output=True)
    process = start_postgres(data, port)
    try:
        yield f"postgresql://me@127.0.0.1:{port}/postgres"
    finally:
        os.killpg(process.pid, signal.SIGINT)  # does not wait for clients that are still there
        process.wait()


def start_postgres(data: Path, port: int) -> subprocess.Popen:
    """Start PostgreSQL on a folder that `initdb` made; return its process once it answers."""
    user = [] if os.geteuid() else ["runuser", "-u", "nobody", "--"]
    process = subprocess.Popen(
        [*user, "postgres", "-D", str(data), "-p", str(port), "-k", str(data), "-h", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(port)
    while (
        subprocess.run(["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 1
    ):
        time.sleep(0.1)  # it listens, and is still starting up
    return process


@contextmanager
def closing_proxy(port: int, behind: int, *, closed: tuple[str, ...]) -> Iterator[str]:
    """A proxy before a server on this machine that answers 404 for closed paths; gives its address."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith(closed):
                self.send_error(404)
                return
            asked = urllib.request.Request(
                f"http://127.0.0.1:{behind}{self.path}", headers=dict(self.headers)
            )
            try:
                with urllib.request.urlopen(asked, timeout=30) as answer:
                    status, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *values: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{port}"
        server.shutdown()
