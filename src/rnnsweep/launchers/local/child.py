"""What runs in a trial's process: its slot, its log, its lease, and its end of the pipe to the controller."""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, BinaryIO, cast

from rnnsweep.files import open_append, own_folder
from rnnsweep.hardware import gpus
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import (
    Channel,
    Ended,
    Event,
    Outcome,
    ReadsTest,
    Report,
    Reported,
    Started,
    TrialTask,
    run_trial,
)
from rnnsweep.trial.causes import explain, print_trace
from rnnsweep.trial.messages import ControllerSilent

if TYPE_CHECKING:
    from typing_extensions import Buffer

ANSWER_S = 5.0  # how long a report waits for its answer before the trial continues
ALONE_S = 30.0  # how long a trial may take to end once its controller is gone

NOTED_S = 60.0  # how long a trial of an agent waits before it reads the test part

GO_ON, STOP, INTERRUPT, NOTED = "go on", "stop", "interrupt", "noted"


class PipeChannel:
    """The line to the controller. A thread listens, so that a controller that is gone is noticed at once."""

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection, self._key = connection, key
        self._answers: SimpleQueue[str] = SimpleQueue()
        self._interrupted = threading.Event()
        self._noted = threading.Event()
        threading.Thread(target=self._listen, name="controller", daemon=True).start()

    def report(self, report: Report) -> str:
        """Report, and wait a while for the answer; one that comes too late counts for the next report."""
        late = STOP if STOP in self._drain() else None
        self.send(Reported(self._key, report))
        if late or self._interrupted.is_set():
            return late or GO_ON
        try:
            return self._answers.get(timeout=ANSWER_S)
        except Empty:
            return GO_ON

    def interrupted(self) -> bool:
        """Return whether the controller asked for an end, or is gone."""
        return self._interrupted.is_set()

    def note_test_read(self) -> None:
        """Wait until the controller has noted that the task is about to read the test part."""
        self.send(ReadsTest(self._key))
        if not self._noted.wait(NOTED_S):
            raise ControllerSilent(
                f"the controller did not note within {NOTED_S:g} s that the test part is read"
            )

    def send(self, event: Event) -> None:
        """Tell the controller of an event; nothing where it is gone."""
        try:
            self._connection.send(event)
        except OSError:
            self._interrupted.set()

    def hear(self, word: str) -> None:
        """Take what the controller said: an answer, or the request to end."""
        if word == NOTED:
            self._noted.set()
            return
        if word == INTERRUPT:
            self._interrupted.set()
        self._answers.put(GO_ON if word == INTERRUPT else word)

    def _drain(self) -> list[str]:
        words = []
        while not self._answers.empty():
            words.append(self._answers.get())
        return words

    def _listen(self) -> None:
        while True:
            try:
                word = self._connection.recv()
            except (EOFError, OSError):
                break
            self.hear(word)
        self.hear(INTERRUPT)
        time.sleep(ALONE_S)
        os._exit(1)


Run = Callable[[TrialTask, Channel], Outcome]


def main(connection: Connection, task: TrialTask, slot: Slot, *, run: Run = run_trial) -> None:
    """Run one task in this process, and end the process.

    Args:
        connection: to the controller.
        task: what to run.
        slot: where.
        run: the function that runs a task.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the controller decides
    os.setsid()
    os.environ["CUDA_VISIBLE_DEVICES"] = slot.gpu or ""
    channel = PipeChannel(connection, task.key)
    outcome = _guarded(run, task, channel, slot)
    if outcome.state in ("complete", "pruned"):  # what failed may be tried again: the controller decides
        with suppress(OSError):  # a full disk: the controller writes it as soon as there is room
            outcome.write(task.folder)
    channel.send(Ended(task.key, outcome))
    _flush()
    os._exit(0)  # an interpreter that takes its modules down one by one would keep the slot


def _guarded(run: Run, task: TrialTask, channel: PipeChannel, slot: Slot) -> Outcome:
    try:
        make_folder(task)
        redirect(task.files.log)
        task.files.write_lease()
        channel.send(Started(task.key))
        if slot.memory is not None and task.role != "baseline":  # which computes on the processor
            gpus.limit_memory(slot.memory)
        return run(task, channel)
    except BaseException as error:
        print_trace()
        return explain(error)


def make_folder(task: TrialTask) -> None:
    """Make a task's folder, if it is not there; none of those between it and mlruns/ may be a link."""
    names = task.folder.relative_to(task.mlruns).parts if task.folder.is_relative_to(task.mlruns) else ()
    own_folder(task.mlruns, *names)
    task.folder.mkdir(parents=True, exist_ok=True)


def redirect(log: Path) -> None:
    """Send all that this process and its libraries print to the task's log."""
    _flush()
    file = open_append(log)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    for stream in (1, 2):
        lossy = cast(BinaryIO, _Lossy(stream))
        printed = io.TextIOWrapper(lossy, errors="backslashreplace", write_through=True)
        setattr(sys, "stdout" if stream == 1 else "stderr", printed)


class _Lossy(io.RawIOBase):
    """A stream into a log on a disk that may be full: what does not fit is lost, and no training with it."""

    def __init__(self, stream: int) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream

    def write(self, data: "Buffer") -> int:
        with suppress(OSError):
            os.write(self._stream, data)
        return memoryview(data).nbytes


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.flush()
