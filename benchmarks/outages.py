"""What an outage of the store costs a training: a point in every step, the store away for the middle of it.

The training is a small LSTM; its steps during the outage stand beside its own steps before and after. Then
the store comes back, and what is there is counted: every point, and each once. The disk that fills up is a
memory disk in a mount namespace of its own; the server that hangs is stopped by SIGSTOP: it accepts and does
not answer. ``python -m benchmarks.outages 60`` holds each outage for a minute.
"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.tracking import Training
from rnnsweep.tracking import RunRecord, Shipper, curves, find_run, sync
from rnnsweep.tracking.store.store import ensure_store, local_uri

SECONDS = 10.0  # of an outage; as long before it and after it together
START = 120.0  # seconds that a server may take to start
DISK = "100m"


@dataclass(frozen=True)
class Outage:
    """A store that can be taken away and given back; `uri` None is the local one."""

    uri: str | None
    begin: Callable[[], None]
    end: Callable[[], None]  # while the training goes on
    after: Callable[[], None] = lambda: None  # when it is over


class Server:
    """MLflow's own server, which can be killed, stopped and started again on the same store."""

    def __init__(self, home: Path) -> None:
        ensure_store(home)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.uri = f"http://127.0.0.1:{self.port}"
        words = ["--workers", "1", "--port", str(self.port), "--backend-store-uri", local_uri(home)]
        self._words = [*words, "--artifacts-destination", str(home / "files")]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *self._words],
            env=os.environ | quiet,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + START
        while time.monotonic() < end:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        raise TimeoutError(self.uri)

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to it and all that it started."""
        assert self._process is not None
        os.killpg(self._process.pid, which)

    def kill(self) -> None:
        """End it as the kernel does that needs memory."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def start_aside(server: Server) -> Callable[[], None]:
    """Return what starts the server without waiting for it: a training does not wait either."""
    from threading import Thread

    return lambda: Thread(target=server.start).start()


@contextmanager
def restarted(folder: Path) -> Iterator[Outage]:
    """A server that is killed, and started again."""
    with served(folder) as server:
        yield Outage(server.uri, server.kill, start_aside(server))


@contextmanager
def gone(folder: Path) -> Iterator[Outage]:
    """A server that is killed and stays so until the training is over."""
    with served(folder) as server:
        yield Outage(server.uri, server.kill, lambda: None, after=server.start)


@contextmanager
def hanging(folder: Path) -> Iterator[Outage]:
    """A server that accepts and does not answer."""
    with served(folder) as server:
        yield Outage(server.uri, lambda: server.signal(signal.SIGSTOP), lambda: server.signal(signal.SIGCONT))


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Start a server, and end it whatever it is by then."""
    server = Server(folder / "server")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def locked(folder: Path) -> Iterator[Outage]:
    """A database that somebody else holds."""
    ensure_store(folder / "mlruns")
    with closing(sqlite3.connect(folder / "mlruns" / "mlflow.db", isolation_level=None)) as lock:
        yield Outage(None, lambda: begin_exclusive(lock), lambda: void(lock.execute("COMMIT")))


def begin_exclusive(lock: sqlite3.Connection) -> None:
    """Take the database for oneself, as soon as its writer lets go."""
    lock.execute("PRAGMA busy_timeout = 20000")
    lock.execute("BEGIN EXCLUSIVE")


def void(_: object) -> None:
    """Let a result go."""


@contextmanager
def full(folder: Path) -> Iterator[Outage]:
    """A disk without a byte left; the records lie on it, and the store."""
    ensure_store(folder / "mlruns")
    filler = folder / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                return

    yield Outage(None, fill, filler.unlink)


CASES: dict[str, tuple[str, Callable[[Path], AbstractContextManager[Outage]]]] = {
    "restarted": ("the server is killed and restarted", restarted),
    "gone": ("the server is killed and stays away", gone),
    "hanging": ("the server hangs", hanging),
    "locked": ("the database is locked", locked),
    "full": ("the disk is full", full),
}


def suffer(name: str, folder: Path, *, seconds: float) -> dict[str, float]:
    """Train through an outage; give the steps' times and what was lost or doubled."""
    torch.set_num_threads(1)
    mlruns = folder / "mlruns"
    with CASES[name][1](folder) as outage:
        with Shipper(mlruns, outage.uri) as shipper:
            record = RunRecord.open(
                mlruns, experiment="o", name="o", key="o", uri=outage.uri, tags={"rnnsweep.sweep": "o"}
            )
            assert shipper.run_id("o", 60) != "o", "the store was never there"
            training = Training(lambda step, value: record.metrics({"m": step + value / 1e6}, step=step))
            around = steps(training, seconds / 2)
            outage.begin()
            during = steps(training, seconds)
            outage.end()
            around += steps(training, seconds / 2)
            record.end("complete")
            shipper.drain(2)
        outage.after()
        return compared(around, during) | counted(mlruns, outage.uri, training.step)


def steps(training: Training, seconds: float) -> list[tuple[float, float]]:
    """Train for so long; give each step's seconds by the clock and of the processor."""
    found, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        cpu = training.turn(1)
        found.append((time.perf_counter() - began, cpu))
    return found


def compared(around: list[tuple[float, float]], during: list[tuple[float, float]]) -> dict[str, float]:
    """Compare steps in an outage to those around it."""
    found = {"steps": float(len(during)), "longest_s": max(wall for wall, _ in during)}
    for place, name in enumerate(("wall", "cpu")):
        without, within = (statistics.median(step[place] for step in part) for part in (around, during))
        found |= {f"{name}_ms": within * 1e3, f"{name}_ms_without": without * 1e3}
    return found


def counted(mlruns: Path, uri: str | None, wanted: int) -> dict[str, float]:
    """Count what arrived, after a sync."""
    end = time.monotonic() + 300
    while sync(mlruns, deadline_s=30).waiting and time.monotonic() < end:
        pass
    table = curves(mlruns, "o", ["m"], uri=uri)
    assert set(table["run_id"]) == {find_run(mlruns, "o", uri=uri).run_id}
    arrived = table["step"].tolist()
    return {
        "wanted": float(wanted),
        "lost": float(wanted - len(set(arrived))),
        "doubled": float(len(arrived) - len(set(arrived))),
    }


def on_small_disk(seconds: float) -> dict[str, float] | None:
    """Run the case of the full disk on one of its own; None where this machine lets nobody mount it."""
    if shutil.which("unshare") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        inside = f"{sys.executable} -m benchmarks.outages {seconds} full {folder}"
        words = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c"]
        done = subprocess.run(
            [*words, f"mount -t tmpfs -o size={DISK} tmpfs {folder} && exec {inside}"],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    return dict(json.loads(done.stdout.splitlines()[-1]))


def row(name: str, found: dict[str, float], seconds: float) -> dict:
    """Make a row of the page."""
    note = (
        f"{found['lost']:.0f} of {found['wanted']:,.0f} points lost, {found['doubled']:.0f} doubled; a step"
        f" takes {found['wall_ms']:.2f} ms of wall clock time in the outage and"
        f" {found['wall_ms_without']:.2f} ms before and after it; the longest takes"
        f" {found['longest_s'] * 1e3:.0f} ms"
    )
    return {
        "case": f"a step while {CASES[name][0]} ({seconds:g} s)",
        "ours": found["cpu_ms"],
        "other": found["cpu_ms_without"],
        "other_name": "the same training's steps around the outage",
        "ratio": found["cpu_ms_without"] / found["cpu_ms"],
        "unit": "ms of the processor",
        "note": note,
    }


def run(seconds: float = SECONDS) -> list[dict]:
    """Suffer every outage once; the disk's where one can be mounted."""
    rows = []
    for name in CASES:
        if name == "full":
            found = on_small_disk(seconds)
        else:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                found = suffer(name, Path(folder), seconds=seconds)
        if found is not None:
            rows.append(row(name, found, seconds))
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    length = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    if len(sys.argv) > 2:
        print(json.dumps(suffer(sys.argv[2], Path(sys.argv[3]), seconds=length)))
    else:
        run(length)
