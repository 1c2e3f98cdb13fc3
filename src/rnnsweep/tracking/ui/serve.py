"""`rnnsweep ui`: the MLflow UI on this project's runs, from any folder, opened at the last sweep."""

import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rnnsweep.errors import UserError
from rnnsweep.runtime.process import ProcessIdentity, spare_loopback
from rnnsweep.safety.interpreter import SAFE_PATH, run_module
from rnnsweep.safety.shell import command_line
from rnnsweep.tracking.store.address import LOCAL, check_answers, destination
from rnnsweep.tracking.store.store import refuse_old_layout
from rnnsweep.tracking.ui.hosts import HOST, PORT, free_port
from rnnsweep.tracking.ui.links import LAST
from rnnsweep.tracking.ui.live import LIVE
from rnnsweep.tracking.ui.running import note_ui, running_ui

EVERYBODY = "Every user of this machine can open it, and change or delete runs."
START = 120.0  # seconds that a start may take on a busy machine


@dataclass
class UiServer:
    """A running UI; `address` is where it is, `url` the page to open."""

    address: str
    url: str
    process: subprocess.Popen[bytes]

    def close(self) -> None:
        """End the server and everything it started."""
        if self.process.stdin is not None:
            self.process.stdin.close()  # which alone ends it, too
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_ui(mlruns: Path, *, port: int = PORT) -> UiServer:
    """Start the UI beside this process and wait until it answers; it ends when this process does.

    Args:
        mlruns: the folder of results; a store is made where there is none.
        port: the first that is tried; the next free one is taken.

    Raises:
        UserError: no port is free, or the server ends at once.
    """
    refuse_old_layout(mlruns)
    spare_loopback()
    chosen = free_port(port)
    address = f"http://{HOST}:{chosen}"
    with tempfile.TemporaryFile() as words:  # a pipe that nobody reads would stop the server when it is full
        process = subprocess.Popen(
            run_module("rnnsweep.tracking.ui.app", str(mlruns.resolve()), str(chosen)),
            stdin=subprocess.PIPE,  # closed by the system where this process dies: the server ends then
            stdout=subprocess.DEVNULL,
            stderr=words,
            start_new_session=True,  # Ctrl-C is for us; we end it in order
            env={k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"} | SAFE_PATH,
        )
        try:
            _wait_until_up(process, address, words)
        except BaseException:
            UiServer(address, address, process).close()
            raise
    note_ui(mlruns, chosen, ProcessIdentity.of(process.pid))
    return UiServer(address, f"{address}{LAST}", process)


def serve_ui(
    mlruns: Path,
    *,
    port: int = PORT,
    open_browser: bool = False,
    uri: str | None = None,
    live: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Show the UI until Ctrl-C; where one of this project runs already, or runs go to a server, say where.

    Args:
        mlruns: the folder of results.
        port: the first that is tried.
        open_browser: open a browser on the page.
        uri: the store; None takes the chosen one.
        live: begin at the page of the sweeps that run, instead of at the last sweep.
        say: called with each line for the user.

    Raises:
        UserError: a server that does not answer, no free port, an old layout.
    """
    target = destination(uri)
    if target.startswith(("http://", "https://")):
        say(f"Runs are at {check_answers(target)}")
        return
    if target != LOCAL:
        start = command_line("server", "--backend-store-uri", target, program="mlflow")
        raise UserError(f"tracking.uri={target!r} is a database; start a UI with: {start}")
    if running := running_ui(mlruns):
        page = f"{running}{LIVE if live else LAST}"
        say(f"MLflow UI: {page}\nIt runs already; Ctrl-C where it was started ends it.")
        if open_browser:
            webbrowser.open(page)
        return
    server = start_ui(mlruns, port=port)
    if server.address != f"http://{HOST}:{port}":
        say(f"Port {port} is taken; this UI and the links that commands print use the next free one.")
    page = f"{server.address}{LIVE}" if live else server.url
    say(f"MLflow UI: {page}\n{EVERYBODY}\nCtrl-C ends it.")
    if open_browser:
        webbrowser.open(page)
    try:
        server.process.wait()
    except KeyboardInterrupt:
        say("The UI has ended.")
    finally:
        server.close()


def _wait_until_up(process: subprocess.Popen[bytes], address: str, words: IO[bytes]) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        if process.poll() is not None:
            words.seek(0)
            lines = words.read().decode(errors="replace").strip().splitlines()
            raise UserError(f"the MLflow UI did not start: {lines[-1] if lines else process.returncode}")
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise UserError(f"the MLflow UI did not answer within {START:g} s")
