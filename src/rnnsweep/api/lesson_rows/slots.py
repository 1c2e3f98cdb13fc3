"""Rows of the lesson side by side: one in each slot, each in a process of its own."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from rnnsweep.config import RunConfig
from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.local import child, server
from rnnsweep.lesson import LessonRow, Outcome, find_rows
from rnnsweep.paths import find_paths
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Channel, Ended, TrialTask
from rnnsweep.trial import Outcome as End
from rnnsweep.trial.causes import explain

HEARS_S = 0.2  # how soon a row hears of an interruption
LOG_END = 2000  # characters of a log that are shown
PRELOAD = (*server.PRELOAD, "rnnsweep.api.lesson_rows.slots")


@dataclass(frozen=True)
class Work:
    """One row to do."""

    row: LessonRow
    run: RunConfig

    @property
    def size(self) -> int:
        """A rough measure of its time, to begin with the longest: one that is left alone wastes a core."""
        model = self.run.model
        width = model.hidden_size * (model.hidden_size + model.embedding_size)
        return self.run.trainer.max_epochs * model.num_layers * (1 + model.bidirectional) * width


def side_by_side(
    works: Sequence[Work], slots: Sequence[Slot], *, on_row: Callable[[LessonRow, RunConfig], None] | None
) -> Iterator[Outcome]:
    """Train rows, as many at a time as there are slots, the longest first; give each as it is done.

    Raises:
        UserError: the configuration or the data of a row cannot be used.
        RuntimeError: a row's process broke; the message has the end of its log.
        KeyboardInterrupt: Ctrl-C, after the rows that were training have ended.
    """
    waiting = sorted(works, key=lambda work: -work.size)
    with TemporaryDirectory() as folder:
        launcher = LocalLauncher(slots, entry=main, preload=PRELOAD)
        try:
            yield from _Crew(launcher, Path(folder), on_row).work(waiting)
        finally:
            launcher.close()


class _Crew:
    """What trains where."""

    def __init__(
        self,
        launcher: LocalLauncher,
        folder: Path,
        on_row: Callable[[LessonRow, RunConfig], None] | None,
    ) -> None:
        self._launcher, self._folder, self._on_row = launcher, folder, on_row
        self._slots: dict[str, Slot] = {}  # of the rows that train, by name
        self._logs: dict[str, Path] = {}

    def work(self, waiting: list[Work]) -> Iterator[Outcome]:
        """Fill the slots as they become free."""
        free = list(self._launcher.slots)
        try:
            while waiting or self._slots:
                while waiting and free:
                    self._begin(waiting.pop(0), free.pop(0))
                for key, end in self._ended():
                    free.append(self._slots.pop(key))
                    yield self._outcome(key, end)
        except BaseException:
            self._stop()
            raise

    def _begin(self, work: Work, slot: Slot) -> None:
        if self._on_row:
            self._on_row(work.row, work.run)
        task = _task(work, self._folder / str(len(self._logs)), slot)
        self._logs[task.key] = task.files.log
        self._slots[task.key] = slot
        self._launcher.start(task, slot)

    def _ended(self) -> list[tuple[str, End]]:
        return [(e.key, e.outcome) for e in self._launcher.events(1.0) if isinstance(e, Ended)]

    def _outcome(self, key: str, end: End) -> Outcome:
        if end.state == "complete":
            return Outcome(**end.scores)
        if end.cause == "configuration":
            raise UserError(end.reason or "the row cannot be trained")
        log = self._logs[key].read_text(errors="replace")[-LOG_END:]
        raise RuntimeError(f"{key}: {end.cause or end.state}: {end.reason}\n{log}")

    def _stop(self) -> None:
        """Let the rows that train end in order, so that their runs are recorded as interrupted."""
        for key in self._slots:
            self._launcher.stop(key)
        while self._slots:
            for key, _ in self._ended():
                self._slots.pop(key)


def _task(work: Work, folder: Path, slot: Slot) -> TrialTask:
    threads = () if work.run.trainer.threads == slot.threads else (f"trainer.threads={slot.threads}",)
    return TrialTask(
        key=work.row.name,
        role="single",
        architecture=work.run.architecture,
        overrides=(*work.run.overrides, *threads),
        folder=folder,
        mlruns=find_paths().mlruns,
        experiment="lesson",
        name=work.row.name,
        origin={"folder": str(Path.cwd())},
    )


def main(connection: Connection, task: TrialTask, slot: Slot) -> None:
    """Train the row that a task names, in a process of its own."""
    os.environ["RNNSWEEP_HOME"] = str(task.mlruns.parent)
    os.chdir(task.origin["folder"])
    child.main(connection, task, slot, run=_run)


def _run(task: TrialTask, channel: Channel) -> End:
    from rnnsweep.api.lesson_rows.row import train_row

    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_listen, args=(channel,), daemon=True).start()
    row = next(row for row in find_rows() if row.name == task.name)
    try:
        return End("complete", scores=train_row(row, task.overrides).to_json())
    except KeyboardInterrupt:
        return End("interrupted")
    except Exception as error:
        traceback.print_exc()
        return explain(error)


def _listen(channel: Channel) -> None:
    while not channel.interrupted():
        time.sleep(HEARS_S)
    os.kill(os.getpid(), signal.SIGINT)
