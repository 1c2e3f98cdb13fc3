"""The folder of one attempt on its node: a folder of results of its own, of which the agent carries home."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rnnsweep.errors import UserError
from rnnsweep.files import read_json, write_whole
from rnnsweep.json_text import parse_json
from rnnsweep.launchers.agents.messages import (
    BEST,
    CHECKPOINTS,
    FILES,
    LAST,
    PIECE,
    AgentSettings,
    Lines,
    Log,
    Piece,
    Prepare,
    Stored,
)
from rnnsweep.launchers.agents.pieces import Pieces, pieces_of
from rnnsweep.launchers.agents.store import Store
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.state import task_folder
from rnnsweep.tracking.spool.note import Note, write_note
from rnnsweep.tracking.spool.spool import spool_folder

CARRY_S = 60.0  # between two times that a running task's checkpoint is carried home
LOG_BYTES = 64 << 10  # of the end of a log
_ARTIFACT = b'{"op":"artifact"'  # how the line of one begins

_PREFIX, _HOLDER = "rnnsweep-agent-", "agent.json"

News = Lines | Log | Piece | Stored
_State = tuple[int, int] | None  # of a checkpoint: when it was written, and which file it is


class Scratch:
    """What one attempt has on its node.

    Attributes:
        task: as the node's launcher gets it: its folders are here.
    """

    def __init__(self, root: Path, prepare: Prepare, store: Store | None = None) -> None:
        """Make the folder.

        Args:
            root: the agent's folder.
            prepare: what the controller says of the attempt.
            store: keeps the checkpoints of a running task; without one they are carried home in pieces.
        """
        task = prepare.task
        self.attempt = prepare.attempt
        self._root = root / str(prepare.attempt)
        mlruns = self._root / "mlruns"
        folder = mlruns / task.folder.relative_to(task.mlruns)
        self.task = replace(task, mlruns=mlruns, folder=folder, attempt=prepare.attempt)
        folder.mkdir(parents=True)
        write_note(mlruns, task.key, Note(steps=dict(prepare.steps)))
        self._spool = spool_folder(mlruns) / f"{task.key}.jsonl"
        self._offset = 0
        self._pieces = Pieces()
        self._carried: _State = None  # of the checkpoint that was carried last
        self._carried_at = time.monotonic()
        self._store = store if prepare.stored is not None else None
        self._place, self._stored = prepare.stored, 0  # times that checkpoints were stored
        self._storing: tuple[_State, Future[dict[str, Path]]] | None = None  # under way

    def receive(self, file: Piece | Stored) -> None:
        """Take a piece of a file that the task goes on from, or fetch one from the locker.

        Raises:
            UserError: the locker has it no more, or cannot be reached.
        """
        if file.name not in FILES:
            return
        path = self.task.folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(file, Stored):
            self._fetch(file.where, path)
        elif (data := self._pieces.take(file)) is not None:
            write_whole(path, data, durable=False)
        else:
            return
        self._carried = self._state() if file.name == LAST else self._carried

    def _fetch(self, where: str, into: Path) -> None:
        if self._store is None:
            raise UserError("its checkpoint is in the locker, which this node cannot use")
        try:
            self._store.get(where, into)
        except FileNotFoundError:  # it does again what it lost: slower, and with the same scores
            print(f"agent: its locker has no {where}; the task resumes from an older state", flush=True)

    def news(self) -> Iterator[News]:
        """Yield what is new, and a checkpoint where one is due: never before the lines that belong to it."""
        due = time.monotonic() - self._carried_at > CARRY_S and self._state() != self._carried
        if self._storing is None and due and self._store is not None:
            self._begin_to_store()
        if self._storing is None:
            yield from self._checkpoint() if due else self._lines()
        elif self._storing[1].done():
            yield from self._settled()
        else:
            yield from self._lines()

    def last_news(self) -> Iterator[News]:
        """Yield what is left once the task's process is gone."""
        if self._storing is not None:
            yield from self._settled()
        if self._store is not None and self._state() not in (None, self._carried):
            self._begin_to_store()
            yield from self._settled()
        yield from self._checkpoint()
        yield from self._file(task_folder.PREDICTIONS)
        yield from self._log()

    def _begin_to_store(self) -> None:
        """Store the checkpoint, then the best weights: those of a later validation do no harm."""
        assert self._store is not None
        self._stored += 1  # the controller may still name the files before these
        files = {f"{self._place}/{self._stored}/{Path(n).name}": self.task.folder / n for n in CHECKPOINTS}
        self._storing = self._state(), self._store.put(files)

    def _settled(self) -> Iterator[News]:
        """Yield what was stored, after the lines of before; where it was not, the files themselves."""
        assert self._store is not None
        assert self._storing is not None
        (state, future), self._storing = self._storing, None
        files = self._store.settle(future)
        if files is None:
            yield from self._checkpoint()
            return
        yield from self._lines()
        for where, path in reversed(files.items()):
            yield Stored(self.attempt, path.relative_to(self.task.folder).as_posix(), where)
        self._carried, self._carried_at = state, time.monotonic()

    def files(self) -> tuple[str, ...]:
        """List the files that travel and are here now."""
        return tuple(name for name in FILES if (self.task.folder / name).is_file())

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _state(self) -> _State:
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
