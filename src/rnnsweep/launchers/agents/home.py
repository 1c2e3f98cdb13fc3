"""What an attempt brings home, written on the controller's machine: the one that writes to mlruns/."""

import os
from collections.abc import Iterator
from contextlib import suppress

from rnnsweep.files import append, is_full_disk, open_append, own_folder, own_name, write_whole
from rnnsweep.launchers.agents.messages import FILES, LAST, Lines, Log, Piece
from rnnsweep.launchers.agents.pieces import Pieces, pieces_of
from rnnsweep.process import ProcessIdentity
from rnnsweep.tracking.spool.note import highest_steps
from rnnsweep.tracking.spool.spool import SpoolWriter, parse_line, spool_folder
from rnnsweep.trial import Outcome, TrialTask
from rnnsweep.trial.causes import FULL_DISK

_FINAL = ("complete", "pruned")  # what failed may be tried again: the controller decides


class Home:
    """Writes what one attempt sends; whoever calls it has seen that it is the newest attempt of its task."""

    def __init__(self, task: TrialTask, attempt: int) -> None:
        self.task, self._attempt = task, attempt
        self._writer: SpoolWriter | None = None
        self._pieces = Pieces()
        self._missing = 0  # files that a full disk refused

    def steps(self) -> dict[str, int]:
        """Return the highest step of each metric that is recorded here."""
        return highest_steps(self.task.mlruns, self.task.key)

    def files(self) -> Iterator[Piece]:
        """Yield the files that the task goes on from, in pieces; the checkpoint comes last."""
        for name in reversed(FILES) if self.task.resume else ():
            path = self.task.folder / name
            if not path.is_file() or path.is_symlink():
                continue
            yield from pieces_of(path, self._attempt, name)

    def take(self, news: Lines | Log | Piece) -> None:
        """Write what a running attempt sends."""
        match news:
            case Lines(data=data):
                self.lines(data)
            case Log(data=data):
                self.log(data)
            case Piece():
                self.piece(news)

    def lines(self, data: bytes) -> None:
        """Append lines to the run's spool. The run belongs to the controller, who knows how it ends."""
        if self._writer is None:
            self._writer = SpoolWriter(self.task.mlruns, self.task.key)
        records = []
        for line in data.splitlines():
            record = parse_line(line)
            if record["op"] in ("file", "torn"):  # the node's file has an identity of its own
                continue
            if record["op"] == "start":
                record["owner"] = ProcessIdentity.current().record()
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

    def log(self, data: bytes) -> None:
        """Append to the task's log."""
        self.task.folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # a full disk: a log is not worth a training
            descriptor = open_append(self.task.files.log)
            try:
                append(descriptor, data)
            finally:
                os.close(descriptor)

    def note_test_read(self) -> None:
        """Note that the task is about to read the test part."""
        self.task.files.note_test_read()

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
        if LAST not in files:  # nothing to resume any more
            (self.task.files.checkpoints / "last.ckpt").unlink(missing_ok=True)

    def close(self) -> None:
        """Let the spool go."""
        if self._writer is not None:
            self._writer.close()
