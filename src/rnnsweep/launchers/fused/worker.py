"""What runs in a process that several trials share: a thread, a log and a lease for each.

A worker receives ("task", TrialTask, shape), ("say", key, word) and ("leave",); it sends events.
"""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TextIO

from rnnsweep.files import open_append
from rnnsweep.launchers.local import child
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Ended, Event, Outcome, Started, TrialTask, run_trial
from rnnsweep.trial.causes import explain, print_trace

if TYPE_CHECKING:
    from rnnsweep.launchers.fused.barrier import Member


class TaskChannel(child.PipeChannel):
    """One task's channel over the worker's connection."""

    def __init__(self, worker: "Worker", key: str) -> None:
        self._worker, self._key = worker, key
        self._answers: SimpleQueue[str] = SimpleQueue()
        self._interrupted = threading.Event()
        self._noted = threading.Event()

    def send(self, event: Event) -> None:
        """Tell the controller of an event; nothing where it is gone."""
        self._worker.send(event)


Run = Callable[[TrialTask, TaskChannel, "Member"], Outcome]


def _trial(task: TrialTask, channel: TaskChannel, member: "Member") -> Outcome:
    from rnnsweep.launchers.fused.module import FusedTrainingModule
    from rnnsweep.training import train

    return run_trial(task, channel, train=partial(train, module=partial(FusedTrainingModule, member=member)))


class Worker:
    """The tasks of this process; each has a thread and is a member of one barrier."""

    def __init__(self, connection: Connection, *, run: Run = _trial) -> None:
        from rnnsweep.launchers.fused.barrier import Barrier  # imports PyTorch, as the fork server did

        self._connection, self._sending, self._run = connection, threading.Lock(), run
        self._barrier = Barrier()
        self._channels: dict[str, TaskChannel] = {}
        self._threads: list[threading.Thread] = []
        self.logs = LogOfThread()

    def listen(self) -> None:
        """Start tasks and pass on what the controller says, until it ends the worker or is gone."""
        while True:
            try:
                kind, *values = self._connection.recv()
            except (EOFError, OSError):
                self.interrupt()
                break
            if kind == "leave":
                break
            if kind == "task":
                self._begin(*values)
            elif (channel := self._channels.get(values[0])) is not None:
                channel.hear(values[1])

    def wait(self, seconds: float) -> None:
        """Wait until all tasks are over, but not for ever."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def interrupt(self, *_: Any) -> None:
        """Ask all tasks to checkpoint and end; a handler of signals too."""
        for channel in list(self._channels.values()):
            channel.hear(child.INTERRUPT)

    def send(self, event: Event) -> None:
        """Send one event, whole."""
        with self._sending, suppress(OSError):
            self._connection.send(event)

    def _begin(self, task: TrialTask, shape: str) -> None:
        channel = self._channels[task.key] = TaskChannel(self, task.key)
        work = partial(self._work, task, shape, channel)
        thread = threading.Thread(target=work, name=task.name, daemon=True)
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()

    def _work(self, task: TrialTask, shape: str, channel: TaskChannel) -> None:
        outcome = self._guarded(task, shape, channel)
        if outcome.state in ("complete", "pruned"):  # what failed may be tried again: the controller decides
            with suppress(OSError):
                outcome.write(task.folder)
        self._channels.pop(task.key, None)
        self.logs.close()
        channel.send(Ended(task.key, outcome))

    def _guarded(self, task: TrialTask, shape: str, channel: TaskChannel) -> Outcome:
        try:
            child.make_folder(task)
            self.logs.open(task.files.log)
            task.files.write_lease()
            channel.send(Started(task.key))
            with self._barrier.member(shape) as member:
                return self._run(task, channel, member)
        except BaseException as error:
            print_trace()
            return explain(error)


class LogOfThread(io.TextIOBase):
    """Standard output and error: each thread's own log; what no task prints goes to the process's."""

    def __init__(self) -> None:
        self._own, self._rest = threading.local(), sys.stdout

    def open(self, path: Path) -> None:
        """Begin this thread's log, or go on with it."""
        with suppress(OSError):  # a full disk: the log is lost, the training is not
            self._own.log = os.fdopen(
                open_append(path), "a", encoding="utf-8", errors="backslashreplace", buffering=1
            )

    def close(self) -> None:
        """End this thread's log."""
        log = self._own.__dict__.pop("log", None)
        if log is not None:
            with suppress(OSError):
                log.close()

    def write(self, text: str) -> int:
        """Print to the log of the thread that asks."""
        log: TextIO = getattr(self._own, "log", None) or self._rest
        with suppress(OSError):
            log.write(text)
        return len(text)

    def flush(self) -> None:
        """Write out what was printed."""
        with suppress(OSError):
            (getattr(self._own, "log", None) or self._rest).flush()


def main(connection: Connection, log: Path, slot: Slot, *, run: Run = _trial) -> None:
    """Run the tasks that come, by default as trials, and leave.

    Args:
        connection: the line to the controller.
        log: for what libraries print past Python.
        slot: where the tasks run.
        run: runs one task, with its member of the barrier.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the controller decides
    os.setsid()
    os.environ["CUDA_VISIBLE_DEVICES"] = slot.gpu or ""
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        child.redirect(log)
    worker = Worker(connection, run=run)
    signal.signal(signal.SIGTERM, worker.interrupt)
    sys.stdout = sys.stderr = worker.logs
    from rnnsweep.training.quiet import quiet

    with quiet():  # Python's warnings belong to the process: what one task sets back must be quiet too
        worker.listen()
        worker.wait(child.ALONE_S)
    os._exit(0)
