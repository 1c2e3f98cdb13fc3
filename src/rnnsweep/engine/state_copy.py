"""A copy of a sweep's state in PostgreSQL, for a controller whose disk does not last.

The files of the sweep's folder stay what is read. What is appended to them, and how each task ended, is
copied before the next task starts; on a new disk they are written again from the copy, and the sweep
continues. So a task that started is in the copy, with the values that it tries.

A file that only grows is copied in pieces; a piece is named by the byte of the file at which it starts. Two
controllers would write different pieces at one byte: the second is refused.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rnnsweep.engine.copy_table import CopyTable, driver
from rnnsweep.errors import UserError, first_line
from rnnsweep.files import own_name, read_own, write_whole
from rnnsweep.state.copied import (
    GROWING,
    files_of_end,
    files_of_start,
    is_of_task,
    outcome_of,
)
from rnnsweep.state.folder import START, SweepFolder

PAUSE_S, LONGEST_PAUSE_S = 1.0, 15.0  # between two tries while it does not
LAST_TRY_S = 10.0


class NoCopy:
    """No copy: the disk lasts."""

    is_behind = False  # the copy lacks something, as its server does not answer

    def note_end(self, task: str) -> None:
        """Take note that a task's outcome is written."""

    def send(self, *, now: bool = False) -> bool:
        """Copy what is new; return False where the server does not answer: it is tried again later.

        Args:
            now: do not wait between two tries.

        Raises:
            UserError: another controller has taken the copy over.
        """
        return True


class StateCopy(NoCopy):
    """The copy of one sweep's state.

    Args:
        address: of the database, without a password: libpq takes it from PGPASSWORD or ~/.pgpass.
        sweep: its name.
        place: the file that names the address, for messages.
        tell: called with what a person should know.
    """

    def __init__(self, address: str, sweep: str, *, place: str, tell: Callable[[str], None]) -> None:
        self._address, self._sweep, self._place, self.tell = address, sweep, place, tell
        self.is_behind = False
        self._sent: dict[str, int] = {}  # bytes of each growing file that are copied
        self._has_start = False  # whether this process has copied what the sweep was started from
        self._ended: list[str] = []  # tasks whose outcome is not copied
        self._table = CopyTable(address, sweep)
        self._pause_s, self._next_try = PAUSE_S, 0.0

    def open(self, folder: SweepFolder) -> None:
        """Connect, and make the folder and the copy equal.

        Raises:
            UserError: the server does not answer, another controller uses the copy, or folder and copy
                are of two sweeps or differ.
        """
        self._folder, copied = folder, self._read()
        whole = {name: content for name, content in copied.items() if name not in GROWING}
        if folder.is_started:
            self._refuse_another_sweep(whole.get(START))
            for name in whole:
                if is_of_task(name) and not self._path(name).exists():
                    self._table.forget(name)  # of a task that is to be tried again
        for name in GROWING:
            self._make_equal(name, copied.get(name, b""))
        if not folder.is_started and START in whole:
            # the file whose presence makes the sweep a started one comes last
            for name in sorted(whole, key=lambda name: name == START):
                self._write(name, whole[name])
            self.tell(f"the sweep continues from its copy in {self._address}")
        self._ended = [task.name for task in folder.tasks() if outcome_of(task.name) not in whole]

    def _read(self) -> dict[str, bytes]:
        try:
            if not self._table.connect():
                raise UserError(
                    f"{self._place}: studies={self._address!r}: another controller runs sweep"
                    f" {self._sweep!r} there; stop it first"
                )
            return self._table.read()
        except driver().Error as error:
            raise UserError(
                f"{self._place}: studies={self._address!r} does not answer ({first_line(error)}); start the"
                " server, or take the key away: the state is in mlruns/ alone then"
            ) from error

    def note_end(self, task: str) -> None:
        """See `NoCopy.note_end`."""
        self._ended.append(task)

    def send(self, *, now: bool = False) -> bool:
        """See `NoCopy.send`."""
        if self.is_behind and not now and time.monotonic() < self._next_try:
            return False
        try:
            self._send()
        except driver().Error as error:
            self.close()
            self._next_try = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            if not self.is_behind:
                self.is_behind = True
                self.tell(
                    f"paused: {self._address} does not answer ({first_line(error)}); trials that run"
                    " continue, and nothing starts until it answers"
                )
            return False
        if self.is_behind:
            self.is_behind, self._pause_s = False, PAUSE_S
            self.tell(f"{self._address} answers again: resumed")
        return True

    def send_rest(self) -> None:
        """Copy the rest; where the server does not answer in time, say so."""
        end = time.monotonic() + LAST_TRY_S
        while not self.send(now=True):
            if time.monotonic() > end:
                self.tell(f"{self._address} lacks the last changes of the sweep: the same command sends them")
                return
            time.sleep(PAUSE_S)

    def close(self) -> None:
        """Disconnect."""
        self._table.close()

    def _make_equal(self, name: str, copied: bytes) -> None:
        """Write what only the copy has of a growing file; what only the disk has is sent later."""
        path = self._folder.path / name
        here = _whole_lines(path)
        if not here.startswith(copied):
            if not copied.startswith(here):
                raise UserError(
                    f"{path} and the copy in {self._address} differ: two controllers worked on sweep"
                    f" {self._sweep!r}; move the folder away to continue from the copy, or give the sweep"
                    " another name"
                )
            self._write(name, copied)
        self._sent[name] = len(copied)

    def _refuse_another_sweep(self, start: bytes | None) -> None:
        here = (self._folder.start() or {})["identity"]
        if start is not None and json.loads(start)["identity"] != here:
            raise UserError(
                f"{self._place}: studies={self._address!r}: holds another sweep with the name"
                f" {self._sweep!r}; take a database for each project, or give the sweep another name"
            )

    def _path(self, name: str) -> Path:
        """Return the path of a file of the folder; its name comes from a database."""
        path = self._folder.path
        for part in name.split("/"):
            path = path / own_name(part, path)
        return path

    def _write(self, name: str, content: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)

    def _send(self) -> None:
        for name, content in self._whole_files():
            self._table.replace(name, content)
        self._ended = []
        for name in GROWING:
            while content := _whole_lines(self._folder.path / name, self._sent[name]):
                there = self._table.append(name, self._sent[name], content)
                if not there or not content.startswith(there):
                    raise UserError(
                        f"{self._address}: another controller continues sweep {self._sweep!r} from the copy,"
                        " so this one stops"
                    )
                self._sent[name] += len(there)

    def _whole_files(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files that are new: what the sweep was started from, once, and how tasks ended."""
        if not self._has_start and self._folder.is_started:
            for name, path in files_of_start(self._folder):
                yield name, read_own(path)
            self._has_start = True
        for task in self._ended:
            for name, path in files_of_end(self._folder, task):
                with contextlib.suppress(FileNotFoundError):  # it has none, or is to be tried again
                    yield name, read_own(path)


@contextlib.contextmanager
def copied_state(
    address: str | None, folder: SweepFolder, *, place: str, tell: Callable[[str], None]
) -> Iterator[NoCopy]:
    """Keep a copy of a sweep's state within this context; what is new at its end is copied too.

    Args:
        address: of the database; None keeps no copy.
        folder: of the sweep; written from the copy where it is not there.
        place: the file that names the address, for messages.
        tell: called with what a person should know.

    Returns:
        A context with the copy; it does nothing without an address.

    Raises:
        UserError: as `StateCopy.open`.
    """
    if address is None:
        yield NoCopy()
        return
    copy = StateCopy(address, folder.name, place=place, tell=tell)
    try:
        copy.open(folder)
        yield copy
        copy.send_rest()
    finally:
        copy.close()


def _whole_lines(path: Path, start: int = 0) -> bytes:
    """Return the lines of a file from a byte on that are written whole."""
    try:
        if path.stat().st_size <= start:
            return b""
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
    except FileNotFoundError:
        return b""
    return content[: content.rfind(b"\n") + 1]
