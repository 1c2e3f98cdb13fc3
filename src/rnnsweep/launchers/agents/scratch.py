"""The folder of one attempt on its node: a folder of answers of its own, of which the agent carries home."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rnnsweep.errors import UserError
from rnnsweep.files import read_json, write_whole
from rnnsweep.json_text import parse_json
from rnnsweep.launchers.agents.messages import (
    BEST,
    FILES,
    LAST,
    PIECE,
    PREDICTIONS,
    AgentSettings,
    Lines,
    Log,
    Piece,
)
from rnnsweep.launchers.agents.pieces import Pieces, pieces_of
from rnnsweep.process import ProcessIdentity
from rnnsweep.tracking.spool.note import Note, write_note
from rnnsweep.tracking.spool.spool import spool_folder
from rnnsweep.trial import TrialTask

CARRY_S = 60.0  # between two times that a running task's checkpoint is carried home
LOG_BYTES = 64 << 10  # of the end of a log
_ARTIFACT = b'{"op":"artifact"'  # how the line of one begins

_PREFIX, _HOLDER = "rnnsweep-agent-", "agent.json"

News = Lines | Log | Piece


class Scratch:
    """What one attempt has on its node.

    Attributes:
        task: as the node's launcher gets it: its folders are here.
    """

    def __init__(self, root: Path, attempt: int, task: TrialTask, steps: Mapping[str, int]) -> None:
        """Make the folder.

        Args:
            root: the agent's folder.
            attempt: its number.
            task: as the controller has it.
            steps: metric -> highest step that the controller's machine has: those are not recorded again.
        """
        self.attempt = attempt
        self._root = root / str(attempt)
        mlruns = self._root / "mlruns"
        folder = mlruns / task.folder.relative_to(task.mlruns)
        self.task = replace(task, mlruns=mlruns, folder=folder, attempt=attempt)
        folder.mkdir(parents=True)
        write_note(mlruns, task.key, Note(steps=dict(steps)))
        self._spool = spool_folder(mlruns) / f"{task.key}.jsonl"
        self._offset = 0
        self._pieces = Pieces()
        self._carried: tuple[int, int] | None = None  # state of the checkpoint that was carried last
        self._carried_at = time.monotonic()

    def receive(self, piece: Piece) -> None:
        """Take a piece of a file that the task goes on from."""
        data = self._pieces.take(piece)
        if data is not None and piece.name in FILES:
            path = self.task.folder / piece.name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data, durable=False)
            self._carried = self._state() if piece.name == LAST else self._carried

    def news(self) -> Iterator[News]:
        """Yield what is new, and a checkpoint where one is due: never before the lines that belong to it."""
        due = time.monotonic() - self._carried_at > CARRY_S
        yield from self._checkpoint() if due and self._state() != self._carried else self._lines()

    def last_news(self) -> Iterator[News]:
        """Yield what is left once the task's process is gone."""
        yield from self._checkpoint()
        yield from self._file(PREDICTIONS)
        yield from self._log()

    def files(self) -> tuple[str, ...]:
        """List the files that travel and are here now."""
        return tuple(name for name in FILES if (self.task.folder / name).is_file())

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _state(self) -> tuple[int, int] | None:
        try:
            state = (self.task.folder / LAST).stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_ino

    def _checkpoint(self) -> Iterator[News]:
        """Yield the checkpoint, read before the lines, so that it is never ahead of the record.

        The best weights are read after it: those of a later validation do no harm, earlier ones would.
        """
        state = self._state()
        last = [] if state == self._carried else list(self._file(LAST))
        best = list(self._file(BEST)) if last or state is None else []
        yield from self._lines()
        yield from best
        yield from last
        self._carried, self._carried_at = state, time.monotonic()

    def _lines(self) -> Iterator[News]:
        """Yield the whole lines of the spool that are new; the file of an artifact comes before its line."""
        while data := self._read():
            for line in data.splitlines(keepends=True):
                if line.startswith(_ARTIFACT):
                    yield from self._artifact(line)
            yield Lines(self.attempt, data)

    def _read(self) -> bytes:
        try:
            with self._spool.open("rb") as file:
                file.seek(self._offset)
                data = file.read(PIECE)
                while data and b"\n" not in data and (more := file.read(PIECE)):
                    data += more
        except FileNotFoundError:
            return b""
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole

    def _artifact(self, line: bytes) -> Iterator[Piece]:
        name = str(parse_json(line)["file"])
        path = self._spool.with_suffix(".files") / name
        yield from pieces_of(path, self.attempt, name, is_artifact=True)

    def _file(self, name: str) -> Iterator[Piece]:
        yield from pieces_of(self.task.folder / name, self.attempt, name)

    def _log(self) -> Iterator[Log]:
        try:
            with self.task.files.log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
                data = file.read(LOG_BYTES)
        except FileNotFoundError:
            return
        if data:
            yield Log(self.attempt, data)


def make_root(folder: str | None) -> Path:
    """Make an agent's folder, and remove those of agents of this machine that were killed.

    Args:
        folder: where; None is the folder of temporary files.
    """
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    write_whole(root / _HOLDER, json.dumps(ProcessIdentity.current().record()), durable=False)
    for other in root.parent.glob(f"{_PREFIX}*"):
        with suppress(OSError, UserError):  # of another user, who may have put anything there
            holder = ProcessIdentity.read(read_json(other / _HOLDER))
            if holder is not None and not holder.may_live():
                shutil.rmtree(other, ignore_errors=True)
    return root


def enter_project(settings: AgentSettings) -> None:
    """Make the controller's current folder this process's too, where the node has it."""
    if settings.project is not None and os.path.isdir(settings.project):
        os.chdir(settings.project)
