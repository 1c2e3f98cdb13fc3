"""Letters to agents that are jobs of Slurm: the controller submits them, and they connect to it."""

import pickle
import queue
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.messages import AgentSettings
from rnnsweep.launchers.agents.node.agent import SILENT_S
from rnnsweep.launchers.agents.transport import Arrived, Drained, Gone, News, Room
from rnnsweep.launchers.slurm import cluster
from rnnsweep.launchers.slurm.channel import AgentConnection, ChannelListener, ControllerAddress, Peer, refuse
from rnnsweep.launchers.slurm.job import work
from rnnsweep.machine import Machine, Share

LOOK_S = 5.0  # between two looks at whether jobs that have not connected are still in Slurm's queue
BROKEN_LOOK_S = 1.0  # the same, where a connection broke
NODES_S = 30.0  # between two looks at which nodes are drained
CLOSE_S = 10.0  # that Slurm may take to cancel the jobs
WAIT_S = SILENT_S  # for an agent whose connection broke: after that it ends its trials by itself


@dataclass
class _Asked:
    """An agent that was asked for.

    Attributes:
        connection: to the agent.
        job: of submitit, once it is submitted.
        missed: looks at Slurm's queue in a row in which its job was not there, nor was it connected.
    """

    settings: AgentSettings
    connection: AgentConnection
    job: Any = None
    missed: int = 0


class SlurmTransport:
    """Carries letters to agents that are jobs of Slurm; see `Transport`."""

    def __init__(self, machine: Machine, request: Share) -> None:
        """Ask Slurm whether it takes such jobs; none is submitted.

        Args:
            machine: as its file has it.
            request: what a slot needs, and how many are wanted.

        Raises:
            UserError: no Slurm here, no submitit, jobs that Slurm refuses, or an address that is not this
                machine's.
        """
        cluster.check_slurm(machine)
        self.rooms: Sequence[Room] = cluster.rooms_of(machine, request)
        self._parameters = {
            room.slots: cluster.job_parameters(machine, request, room.count) for room in self.rooms
        }
        for parameters in self._parameters.values():
            cluster.check_job(machine, parameters)
        self._asked: dict[str, _Asked] = {}
        self._lock = threading.Lock()  # guards what was asked for
        self._look_at_nodes_at = 0.0
        self._inbox: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._work: queue.SimpleQueue[tuple[str, Any] | None] = queue.SimpleQueue()
        key = secrets.token_bytes(32)
        host, port = cluster.listen_address(machine)
        try:
            self._listener = ChannelListener(host, port, key, self._connected)
        except (OSError, OverflowError) as error:
            raise UserError(
                f"{machine.path}: address={machine.address or host!r}: cannot listen there: {error}",
                remedy="it must be this machine's, as nodes call it",
            ) from None
        word = re.sub(r"[^A-Za-z0-9_-]", "-", machine.name)  # scancel reads a comma as several names
        self._name = f"rnnsweep-{word}-{secrets.token_hex(4)}"
        try:
            self._folder = _make_folder(machine, self._name)
        except UserError:
            self._listener.close()
            raise
        key_file = self._folder / "key"
        key_file.touch(0o600)
        key_file.write_bytes(key)
        self._controller = ControllerAddress(host, self._listener.port, str(key_file))
        import submitit

        python = f"{shlex.quote(sys.executable)} -P"
        self._executor: Any = submitit.SlurmExecutor(self._folder / "jobs", python=python)
        self._reaper = cluster.start_reaper(self._name, str(self._folder))
        self._worker = threading.Thread(target=self._submit_and_look, name="slurm", daemon=True)
        self._worker.start()

    def ask(self, room: Room, settings: AgentSettings) -> None:
        """Ask for an agent: a job with the room's share of a node."""
        with self._lock:
            self._asked[settings.name] = _Asked(settings, AgentConnection(WAIT_S))
        self._work.put(("submit", settings.name))

    def send(self, agent: str, letter: bytes) -> None:
        """Send a letter; one that is lost is sent again by the line."""
        with self._lock:
            asked = self._asked.get(agent)
        if asked is not None:
            asked.connection.send(letter)

    def receive(self, timeout: float) -> Sequence[News]:
        """Wait for letters."""
        arrived: list[News] = []
        with suppress(queue.Empty):
            arrived.append(self._inbox.get(timeout=timeout) if timeout > 0 else self._inbox.get_nowait())
            while True:
                arrived.append(self._inbox.get_nowait())
        return arrived

    def release(self, agent: str) -> None:
        """Cancel an agent's job."""
        asked = self._forget(agent)
        if asked is not None and asked.job is not None:
            self._work.put(("cancel", asked.job))

    def close(self) -> None:
        """Cancel all jobs, and remove what they were started with."""
        self._listener.close()
        with self._lock:
            names = list(self._asked)
        for name in names:
            self._forget(name)
        self._work.put(None)
        self._worker.join(CLOSE_S)
        assert self._reaper.stdin is not None
        self._reaper.stdin.close()
        with suppress(subprocess.TimeoutExpired):  # it goes on by itself
            self._reaper.wait(CLOSE_S)

    @property
    def _needed(self) -> str:
        """What a node needs so that an agent starts there, as a remedy."""
        at = f"{self._controller.host}:{self._controller.port}"
        return (
            f"each node must see {self._folder.parent} and {sys.executable}, and reach {at}, which"
            " `address: HOST:PORT` of the machine's file changes: docs/machines.md"
        )

    # jobs

    def _submit_and_look(self) -> None:
        looked_at = time.monotonic()
        while True:
            with suppress(queue.Empty):
                command = self._work.get(timeout=BROKEN_LOOK_S)
                if command is None:
                    return
                kind, value = command
                if kind == "submit":
                    self._submit(value)
                else:
                    value.cancel(check=False)
            with self._lock:
                links = [asked.connection for asked in self._asked.values()]
            broken = any(link.has_begun and not link.is_there for link in links)
            if time.monotonic() - looked_at >= (BROKEN_LOOK_S if broken else LOOK_S):
                self._look()
                looked_at = time.monotonic()

    def _submit(self, name: str) -> None:
        with self._lock:
            asked = self._asked.get(name)
        if asked is None:
            return
        parameters = self._parameters[asked.settings.slots]
        try:
            self._executor.update_parameters(job_name=self._name, **cluster.for_submitit(parameters))
            job = self._executor.submit(work, pickle.dumps(asked.settings), self._controller)
        except Exception as error:  # submitit raises what sbatch printed in errors of its own
            reason = f"Slurm refuses its job: {cluster.reason_of(str(error))}"
            self._end(name, reason, remedy=cluster.SHOWS_NODES)
            return
        with self._lock:
            asked.job = job
            is_wanted = name in self._asked
        if not is_wanted:
            job.cancel(check=False)

    def _look(self) -> None:
        """Notice jobs that ended while their agents are not connected or never run, and drained nodes."""
        with self._lock:
            submitted = {name: asked for name, asked in self._asked.items() if asked.job is not None}
        coming = {name: asked for name, asked in submitted.items() if not asked.connection.is_there}
        looks_at_nodes = bool(submitted) and time.monotonic() >= self._look_at_nodes_at
        there = cluster.nodes_of_jobs(self._name) if coming or looks_at_nodes else None
        if there is None:
            return
        if looks_at_nodes:
            self._look_at_nodes_at = time.monotonic() + NODES_S
            drained = cluster.drained_nodes()
            for name, asked in submitted.items():
                if name not in coming and there.get(str(asked.job.job_id)) in drained:
                    self._inbox.put(Drained(name))
        for name, asked in submitted.items():
            if there.get(str(asked.job.job_id)) == cluster.TOO_LONG:
                minutes = self._parameters[asked.settings.slots]["time"]
                reason = f"slurm.time={minutes}: longer than its partition allows"
                self._end(name, reason, remedy=cluster.SHOWS_TIMES)
                continue
            is_missed = name in coming and str(asked.job.job_id) not in there
            asked.missed = asked.missed + 1 if is_missed else 0
            if asked.missed > 1:
                self._end(name, _last_line(asked.job.paths.stderr), remedy=self._needed, unless_there=True)

    # agents

    def _connected(self, name: str, process: str, peer: Peer) -> None:
        """Take a connection of an agent; with the first one, begin to read and write."""
        with self._lock:
            asked = self._asked.get(name)
        if asked is None:  # it was given up
            refuse(peer)
        elif asked.connection.take(process, peer):
            threading.Thread(target=asked.connection.send_all, daemon=True).start()
            threading.Thread(target=self._read, args=(name, asked.connection), daemon=True).start()

    def _read(self, name: str, connection: AgentConnection) -> None:
        try:
            while True:
                self._inbox.put(Arrived(name, connection.receive()))
        except EOFError as error:
            self._end(name, str(error))

    def _end(self, name: str, reason: str, *, remedy: str = "", unless_there: bool = False) -> None:
        """Let the controller know that an agent is gone, and cancel its job: it may outlive the connection.

        Nothing of the agent is taken from here on: its name is forgotten, so it cannot connect again.
        """
        with self._lock:
            asked = self._asked.get(name)
            if asked is None or (unless_there and asked.connection.is_there):
                return
        if self._forget(name) is not None:
            if asked.job is not None:
                self._work.put(("cancel", asked.job))
            self._inbox.put(Gone(name, reason, ended=True, remedy=remedy))

    def _forget(self, name: str) -> _Asked | None:
        with self._lock:
            asked = self._asked.pop(name, None)
        if asked is not None:
            asked.connection.end()
        return asked


def _make_folder(machine: Machine, name: str) -> Path:
    import platformdirs

    chosen = machine.slurm.get("folder")
    parent = platformdirs.user_state_path("rnnsweep") if chosen is None else Path(str(chosen))
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))  # only the user may enter it
    except OSError as error:
        raise UserError(
            f"{machine.path}: slurm.folder={str(parent)!r}: cannot be written: {error.strerror or error}",
            remedy="name a folder that you may write to and that all nodes see",
        ) from None
    (folder / "jobs").mkdir()
    return folder


def _last_line(log: Path) -> str:
    """Return what a job printed last, as the reason why it ended."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    lines = [line.strip() for line in lines if line.strip()]
    own = [line for line in lines if not line.startswith(("srun: ", "slurmstepd: "))]
    return (own[-1:] or lines[:1] or ["its job ended before it began"])[0][:300]
