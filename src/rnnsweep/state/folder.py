"""The folder of a sweep, `mlruns/sweeps/NAME/`, and those of its tasks: nobody else knows their files.

sweep.yaml, conf/     what was asked, as it was at the start
start.json            digests of that, of the corpus and of the code; the identity of the sweep
journal.log           Optuna's journal: what the search was told, read for the search alone
ledger.jsonl          what nobody else knows: sessions, slots, pauses, attempts, what is to be tried again
controller.lock       held by the controller; controller.json says who that is, or was last
agents.json           where trials run on other machines: the agents there, as last seen
inbox/                requests to a controller that may be running
looks.jsonl           verdicts that were seen on new replicates
test_reads.jsonl      reads of the test part
report.html           of the last comparison
trials/NAME/          of a task: outcome.json (how it ended: the one truth), lease.json (who works there),
                      log.txt (what it printed), checkpoints/, test_predictions.npz
"""

import json
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rnnsweep.errors import UserError, nearest
from rnnsweep.files import JsonLines, own_folder, own_folders, read_json, remove_asides, write_whole
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.safety.shell import run_command
from rnnsweep.safety.yaml_files import copy_yaml
from rnnsweep.state.ledger import Ledger, ran_last, read_ledger
from rnnsweep.state.task_folder import TEST_READS, TaskFolder as TaskFolder

START, QUESTION, CONF, JOURNAL = "start.json", "sweep.yaml", "conf", "journal.log"
_LOCK, _CONTROLLER = "controller.lock", "controller.json"


@dataclass(frozen=True)
class SweepFolder:
    """The folder of one sweep; see the module for what lies in it."""

    path: Path

    @staticmethod
    def of(mlruns: Path, name: str) -> "SweepFolder":
        """Return the folder of a sweep, which need not be there.

        Raises:
            UserError: the name is a path, or a folder on the way is a link.
        """
        return SweepFolder(own_folder(mlruns, "sweeps", name))

    @staticmethod
    def started(mlruns: Path, name: str) -> "SweepFolder":
        """Return the folder of a sweep that was started.

        Raises:
            UserError: there is no such sweep; the message names the nearest.
        """
        folder = SweepFolder.of(mlruns, name)
        if folder.is_started:
            return folder
        known = [one.name for one in SweepFolder.every(mlruns)]
        listed = f"known are {', '.join(known)}" if known else "none was started yet"
        raise UserError(
            f"sweep {name!r}: there is no such sweep in {mlruns}; {listed}.{nearest(name, known)}"
        )

    @staticmethod
    def every(mlruns: Path) -> "list[SweepFolder]":
        """List the sweeps that were started, by name; a link is none."""
        above = mlruns / "sweeps"
        folders = [] if above.is_symlink() else [path.parent for path in above.glob(f"*/{START}")]
        return sorted(
            (SweepFolder(path) for path in folders if not path.is_symlink()), key=attrgetter("name")
        )

    @staticmethod
    def last_started(mlruns: Path) -> "SweepFolder | None":
        """Return the sweep that was started last."""
        times = [((one.path / START).stat().st_mtime, one.name) for one in SweepFolder.every(mlruns)]
        return SweepFolder.of(mlruns, max(times)[1]) if times else None

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.path.name

    @property
    def is_started(self) -> bool:
        """Whether a controller has begun it."""
        return (self.path / START).is_file()

    @property
    def has_trials(self) -> bool:
        """Whether its search has begun."""
        return self.journal.is_file()

    def make(self) -> None:
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)

    # what it was started from

    @property
    def conf(self) -> Path:
        """The configuration files as they were at the start."""
        return self.path / CONF

    @property
    def question(self) -> Path:
        """The sweep file as it was at the start."""
        return self.path / QUESTION

    def start(self) -> dict[str, Any] | None:
        """Read what the sweep was started from; None where it never was.

        Raises:
            UserError: the file is damaged.
        """
        values = read_json(self.path / START)
        if values is None and not self.is_started:
            return None
        if values is None or not _is_start(values):
            raise UserError(f"{self.path / START}: is damaged; put a copy back, or move {self.path} away")
        return values

    def write_start(self, values: dict[str, Any]) -> None:
        """Write what the sweep is started from."""
        write_whole(self.path / START, json.dumps(values, indent=1))

    def keep_question(self, text: str, conf: Path) -> None:
        """Keep the sweep file and a copy of the configuration files; one that is a link out is refused."""
        write_whole(self.question, text)
        part = self.path / f"{CONF}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        copy_yaml(conf, part)
        shutil.rmtree(self.conf, ignore_errors=True)
        part.rename(self.conf)

    def key(self, task: str | None = None) -> str:
        """Return the key of a task's run in the store, or that of the sweep's own run.

        Raises:
            KeyError: the sweep was never started.
        """
        identity = (self.start() or {})["identity"]
        return f"{self.name}.{identity}" + (f".{task}" if task else "")

    # what happened

    @property
    def journal(self) -> Path:
        """Optuna's journal."""
        return self.path / JOURNAL

    def ledger(self, clock: Callable[[], float] = time.time) -> Ledger:
        """Open the ledger for writing; only the holder of the lock may. `clock` gives each event its time."""
        return Ledger(self.path, clock)

    def events(self) -> list[dict[str, Any]]:
        """Read the ledger."""
        return read_ledger(self.path)

    def last_state(self) -> str | None:
        """Return how the last controller ended: finished, interrupted or failed; None where it did not."""
        ends = [event for event in self.events() if event["event"] in ("open", "close")]
        return ends[-1].get("state") if ends else None

    def machine(self) -> str | None:
        """Return where the last controller ran the trials, as ``--on`` takes it; None is its own machine."""
        machine: str | None = self.opened().get("machine")
        return machine

    def opened(self) -> dict[str, Any]:
        """Return what the last controller noted as it began; nothing where none did."""
        return next((event for event in reversed(self.events()) if event["event"] == "open"), {})

    def command(self, verb: str, *more: str | Path) -> str:
        """Write the command that runs trials of this sweep where and as they ran last."""
        words = ran_last(self.events()) if verb == "sweep" and not more else [verb, *more]
        return run_command(str(words[0]), self.name, *words[1:], on=self.machine())

    def is_finished(self) -> bool:
        """Return whether the last controller came to its end and none runs; an unknown one did."""
        return (not self.events() or self.last_state() == "finished") and not self.is_running()

    def task(self, name: str) -> TaskFolder:
        """Return the folder of one task.

        Raises:
            UserError: the name is a path, or a folder on the way is a link.
        """
        return TaskFolder(own_folder(self.path, "trials", name))

    def tasks(self) -> list[TaskFolder]:
        """List the tasks that have a folder, by name."""
        return [TaskFolder(path) for path in own_folders(self.path, "trials")]

    # who works on it

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the sweep for this process; the lock goes with the process, however it ends.

        Raises:
            UserError: another process holds it; the message names its process and host.
        """
        lock = FileLock(self.path / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise self.held() from error
        try:
            me = ProcessIdentity.current().record()
            write_whole(self.path / _CONTROLLER, json.dumps(me), durable=False)
            yield
        finally:
            lock.release()

    def held(self) -> UserError:
        """Return the refusal of a sweep that another process holds."""
        holder = self.controller()
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        return UserError(f"{self.name}: this sweep is run by {who}: wait for it or stop it first")

    def is_running(self) -> bool:
        """Return whether a controller holds the sweep now."""
        if not (self.path / _LOCK).exists():
            return False
        try:
            with FileLock(self.path / _LOCK, timeout=0):
                return False
        except Timeout:
            return True

    def controller(self) -> ProcessIdentity | None:
        """Return who holds the sweep, or held it last."""
        return ProcessIdentity.read(read_json(self.path / _CONTROLLER))

    def clear_parts(self) -> None:
        """Remove what killed processes left half written; the caller holds the sweep, and no task runs."""
        shutil.rmtree(self.path / f"{CONF}.part", ignore_errors=True)
        for folder in (self.path, self._inbox, *(task.path for task in self.tasks())):
            remove_asides(folder)

    # requests to its controller

    @property
    def _inbox(self) -> Path:
        return self.path / "inbox"

    def post(self, kind: str, **values: Any) -> None:
        """Leave a request for the controller, all of it or nothing."""
        name = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
        self._inbox.mkdir(exist_ok=True)
        write_whole(self._inbox / f"{name}.json", json.dumps({"id": name, "kind": kind, **values}))

    def requests(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield the requests that wait, oldest first, each with its file; what does not read is removed."""
        for path in sorted(self._inbox.glob("*.json")):
            request = read_json(path)
            if request is None or not {"id", "kind"} <= request.keys():
                path.unlink(missing_ok=True)
            else:
                yield path, request

    # what its evidence was used for

    def count_test_reads(self) -> dict[str, int] | None:
        """Count the reads of the test part by run; None where no count was kept."""
        reads = JsonLines(self.path / TEST_READS)
        if not reads.path.is_file():
            return None
        return dict(Counter(str(read["run"]) for read in reads.read() if "run" in read))

    @property
    def report(self) -> Path:
        """The page of the last comparison."""
        return self.path / "report.html"


def _is_start(values: dict[str, Any]) -> bool:
    texts = ("identity", "corpus", "configuration", "code")
    accepted, vectors = values.get("accepted", []), values.get("vectors", {})
    return (
        isinstance(values.get("asked"), dict)
        and all(isinstance(values.get(text), str) for text in texts)
        and isinstance(values.get("model", ""), str)
        and isinstance(vectors, dict)
        and all(isinstance(digest, str) for digest in vectors.values())
        and isinstance(accepted, list)
        and all(isinstance(change, str) for change in accepted)
    )
