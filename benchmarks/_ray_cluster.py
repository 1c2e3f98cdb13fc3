"""A Ray cluster on loopback: a head and nodes with addresses of their own, each of which can be killed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

RAY = "from ray.scripts.scripts import main; main()"
ENVIRONMENT = {
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "5" * 64,
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_health_check_initial_delay_ms": "500",
}


def free_port(host):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class Cluster:
    """A head without slots on 127.0.0.2, nodes on 127.0.0.3 and above."""

    def __init__(self, *paths, head=RAY):
        """Start a head with a program; `paths` are on the path of Python on all nodes."""
        self.temp = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the path of a socket must be short
        path = os.pathsep.join(map(str, paths))
        self.environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": path}
        for name in [name for name in self.environment if name == "RAY_ADDRESS" or "proxy" in name.lower()]:
            del self.environment[name]
        self.nodes = []
        self.port = free_port("127.0.0.2")
        self.address = f"127.0.0.2:{self.port}"
        options = ("--head", f"--port={self.port}", "--num-cpus=0")
        self.head = self._start("127.0.0.2", *options, program=head)

    def add(self, *, cpus=1, gpus=0, inside=()):
        """Add a node; return its process. `inside` is a command that runs the command after it."""
        host = f"127.0.0.{3 + len(self.nodes)}"
        options = (f"--address={self.address}", f"--num-cpus={cpus}", f"--num-gpus={gpus}")
        self.nodes.append(self._start(host, *options, inside=inside))
        return self.nodes[-1]

    def _start(self, host, *options, inside=(), program=RAY):
        common = ("--block", f"--node-ip-address={host}", "--disable-usage-stats")
        sizes = ("--object-store-memory=80000000",)
        temp = (f"--temp-dir={self.temp}", "--include-dashboard=false") if "--head" in options else ()
        path = Path(self.temp, f"{host}.log")
        with path.open("wb") as log:
            process = subprocess.Popen(
                [*inside, sys.executable, "-c", program, "start", *options, *common, *sizes, *temp],
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._wait(path, process)
        return process

    def _wait(self, path, process):
        end = time.monotonic() + 120
        while "--block" not in path.read_text():
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < end, path.read_text()
            time.sleep(0.1)

    def child(self, process, name):
        """Return a process of a node by its name: raylet, gcs_server."""
        for each in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if each.name().startswith(name):
                    return each
        raise AssertionError(f"no {name}")

    def end(self, process):
        """Kill a node with all of its processes."""
        family = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(process.pid).children(recursive=True)
        for each in family:
            with contextlib.suppress(psutil.Error):
                each.send_signal(signal.SIGKILL)
        process.kill()
        process.wait()

    def close(self):
        for process in (*self.nodes, self.head):
            self.end(process)
        shutil.rmtree(self.temp, ignore_errors=True)
