"""What an attempt brings home, written on the controller's machine: the one that writes to mlruns/."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from rnnsweep.errors import UserError
from rnnsweep.files import append, is_full_disk, open_append, own_folder, own_name, read_json, write_whole
from rnnsweep.launchers.agents.controller.fleet import RemoteAgent
from rnnsweep.launchers.agents.messages import CHECKPOINTS, FILES, LAST, Lines, Log, Piece, Prepare, Stored
from rnnsweep.launchers.agents.pieces import Pieces, pieces_of
from rnnsweep.launchers.agents.store import Store, is_of, new_place
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.tracking.spool.note import highest_steps
from rnnsweep.tracking.spool.spool import SpoolWriter, parse_line, spool_folder
from rnnsweep.trial import Outcome, TrialTask
from rnnsweep.trial.causes import FULL_DISK

_FINAL = ("complete", "pruned")  # what failed may be tried again: the controller decides
_NAMES = "stored.json"  # in a task's folder: file -> its name in the locker, where that one is the newer


class Home:
    """Writes what one attempt sends; whoever calls it has seen that it is the newest attempt of its task."""

    def __init__(self, task: TrialTask, attempt: int, store: Store | None = None) -> None:
        self.task, self._attempt, self._store = task, attempt, store
        self._writer: SpoolWriter | None = None
        self._pieces = Pieces()
        self._missing = 0  # files that a full disk refused

    def prepare(self) -> Iterator[Prepare | Stored | Piece]:
        """Yield what the node needs before the task starts there."""
        stored = None if self._store is None else new_place(self.task.key)
        steps = highest_steps(self.task.mlruns, self.task.key)
        yield Prepare(self._attempt, self.task, steps, stored)
        yield from self.files()

    def files(self) -> Iterator[Stored | Piece]:
        """Yield the files that the task goes on from, by name or in pieces; the checkpoint comes last."""
        stored = self.stored()
        for name in reversed(FILES) if self.task.resume else ():
            path = self.task.folder / name
            if name in stored:
                yield Stored(self._attempt, name, stored[name])
            elif path.is_file() and not path.is_symlink():
                yield from pieces_of(path, self._attempt, name)

    def take(self, news: Lines | Log | Piece | Stored) -> None:
        """Write what a running attempt sends."""
        match news:
            case Lines(data=data):
                self.lines(data)
            case Log(data=data):
                self.log(data)
            case Piece():
                self.piece(news)
            case Stored():
                self._take_stored(news)

    def stored(self) -> dict[str, str]:
        """Return the names in the locker of the files that are newer there than here."""
        if self._store is None:
            return {}
        try:
            names = read_json(self.task.folder / _NAMES)
        except (OSError, UserError, ValueError):
            return {}
        known = names.items() if isinstance(names, dict) else ()
        return {n: w for n, w in known if n in CHECKPOINTS and isinstance(w, str) and is_of(w, self.task.key)}

    def _take_stored(self, stored: Stored) -> None:
        """Note where a file lies; the one that it replaces is not needed any more."""
        if self._store is None or stored.name not in CHECKPOINTS or not is_of(stored.where, self.task.key):
            return
        names = self.stored()
        before = names.get(stored.name)
        try:
            self._note({**names, stored.name: stored.where})
        except OSError as error:
            if not is_full_disk(error):
                raise
            return  # the older one is named still
        if before is not None:
            self._store.drop(before)

    def _note(self, names: dict[str, str]) -> None:
        path = self.task.folder / _NAMES
        if names:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(names))
        else:
            path.unlink(missing_ok=True)

    def _forget(self, *files: str) -> None:
        """Remove files from the locker, of which there are newer ones here, or none are needed."""
        names = self.stored()
        dropped = [names.pop(name) for name in files if name in names]
        if dropped and self._store is not None:
            self._note(names)
            for where in dropped:
                self._store.drop(where)

    def bring(self) -> None:
        """Fetch what lies in the locker alone, so that all that a task needs is on this machine again.

        Raises:
            UserError, OSError: the locker cannot be reached, or the disk is full: all stays as it is.
        """
        for name, where in self.stored().items():
            assert self._store is not None
            self._store.get(where, self.task.folder / name)
            self._forget(name)

    def lines(self, data: bytes) -> None:
        """Append lines to the run's spool. The run belongs to the controller, who knows how it ends."""
        if self._writer is None:
            self._writer = SpoolWriter(self.task.mlruns, self.task.key)
        records = []
        for record in map(parse_line, data.splitlines()):
            if record["op"] == "start":
                record["owner"] = ProcessIdentity.current().record()
            if record["op"] not in ("file", "torn"):  # the node's file has an identity of its own
                records.append(record)
        self._writer.append(*records)

    def piece(self, piece: Piece) -> None:
        """Take a piece of a file; the file is there once its last piece has arrived."""
        data = self._pieces.take(piece)
        if data is None:
            return
        try:
            self._write(piece, data)
        except OSError as error:
            if not is_full_disk(error):
                raise
            self._missing += piece.is_artifact or piece.name != LAST  # an older checkpoint is there still

    def _write(self, piece: Piece, data: bytes) -> None:
        if piece.is_artifact:
            folder, _, name = piece.name.partition("/")
            spools = spool_folder(self.task.mlruns)
            above = own_folder(spools, f"{self.task.key}.files", folder, make=True)
            write_whole(above / own_name(name, above), data, durable=False)
        elif piece.name in FILES:
            path = self.task.folder / piece.name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
            self._forget(piece.name)

    def log(self, data: bytes) -> None:
        """Append to the task's log."""
        self.task.folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # a full disk: a log is not worth a training
            descriptor = open_append(self.task.files.log)
            try:
                append(descriptor, data)
            finally:
                os.close(descriptor)

    def over(self, outcome: Outcome, files: tuple[str, ...]) -> Outcome:
        """Write how the attempt ended, and remove what its folder holds no more; return the outcome."""
        unwritten = self._writer.flush() if self._writer is not None else 0
        self.close()
        if unwritten or self._missing:
            return Outcome("failed", FULL_DISK, "its records did not fit on the disk", outcome.scores)
        if outcome.state in _FINAL:
            with suppress(OSError):  # a full disk: the controller writes it as soon as there is room
                outcome.write(self.task.folder)
                self._remove(files)
        return outcome

    def _remove(self, files: tuple[str, ...]) -> None:
        self._forget(*CHECKPOINTS)
        if LAST not in files:  # nothing to resume any more
            (self.task.folder / LAST).unlink(missing_ok=True)

    def close(self) -> None:
        """Let the spool go."""
        if self._writer is not None:
            self._writer.close()


@dataclass
class Attempt:
    """The newest attempt of a task."""

    number: int
    task: TrialTask
    home: Home
    node: str | None  # where its slot is
    agent: RemoteAgent | None = None  # None while it waits for room
    deadline: float | None = None  # when it is given up, whatever its agent does
