"""The journal of a sweep's studies, mended before it is opened."""

import json
import os
from bisect import insort
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from rnnsweep.errors import UserError
from rnnsweep.files import append, mend, open_own
from rnnsweep.json_text import parse_lines, parse_texts
from rnnsweep.runtime.collector import without_collector
from rnnsweep.search.replay import merged
from rnnsweep.state.disk import Disk
from rnnsweep.state.folder import SweepFolder

_LINE = json.JSONEncoder(separators=(",", ":")).encode  # as Optuna writes one


def read_journal(folder: SweepFolder) -> JournalStorage:
    """Open the studies' storage for reading, while a controller may write.

    Raises:
        UserError: a line of it is none of Optuna's.
    """
    with refusing_damage(folder.journal):
        return JournalStorage(JournalFileBackend(str(folder.journal)))


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn what comes of a damaged line into one line for the user.

    Raises:
        UserError: in place of whatever Optuna raises, which checks no line.
    """
    try:
        yield
    except (OSError, UserError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        raise UserError(
            f"{path}: a line of it is damaged or not Optuna's ({reason}); take it from a copy, or give the"
            " sweep another name and start it again"
        ) from error


def overrides_of(number: int, stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the overrides that a trial was given, from its user attributes.

    Raises:
        UserError: the journal holds something else there.
    """
    try:
        return parse_texts(stored["overrides"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"journal.log: trial {number}: its overrides do not read ({error})") from None


class WaitingBackend(BaseJournalBackend):
    """Optuna's file as its one writer uses it: what is known at once is one append, which waits for room.

    Within `together`, lines are applied to the studies in memory at once and written at its end. What this
    process wrote is not read back from the file. Optuna's lock of the file, several calls of the system for
    each append, is left out: the controller's lock is held, and nobody else writes.
    """

    def __init__(self, path: Path, *, disk: Disk) -> None:
        self._path, self._disk = path, disk
        self._held: list[str] = []  # lines that are not in the file yet
        self._unread: deque[str] | None = None  # lines that are not applied; None: read the file first
        self._depth = 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all that is appended within at once, at the end of the outermost of such blocks."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            self._write()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append whole lines."""
        lines = [_LINE(log) for log in logs]
        self._held += lines
        if self._unread is not None:
            self._unread += lines
        self._write()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield what was not applied yet: once the file, then what this process appended."""
        if self._unread is None:
            with open(open_own(self._path, os.O_RDONLY | os.O_CREAT), "rb") as file:
                yield from merged(parse_lines(file))
            self._unread = deque()
        while self._unread:
            yield json.loads(self._unread.popleft())  # as it will be read back

    def _write(self) -> None:
        if not self._depth:
            self.write_now()

    def write_now(self) -> None:
        """Write what is held, within `together` too: what follows relies on it."""
        if self._held:
            data = "".join(f"{line}\n" for line in self._held).encode()
            self._disk.patiently(lambda: self._append(data))
            self._held = []

    def _append(self, data: bytes) -> None:
        """Append whole lines and see them on the disk; where they do not fit, the file stays as it was."""
        descriptor = open_own(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            size = os.fstat(descriptor).st_size
            append(descriptor, data)
            try:
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


class Journal(JournalStorage):
    """The studies of a sweep under its controller's lock."""

    def __init__(self, backend: WaitingBackend) -> None:
        super().__init__(backend)
        self.together, self.write_now = backend.together, backend.write_now
        self._indices: dict[int, _Index] = {}  # study -> its trials by their states

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """See `BaseStorage.create_new_trial`."""
        trial_id = super().create_new_trial(study_id, template_trial)
        if study_id in self._indices:
            self._indices[study_id].take(trial_id, self.get_trial(trial_id))
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """See `BaseStorage.set_trial_state_values`."""
        is_set = super().set_trial_state_values(trial_id, state, values)
        for index in self._indices.values():
            if trial_id in index:
                index.take(trial_id, self.get_trial(trial_id))
        return is_set

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """See `BaseStorage.get_all_trials`; no trial that has ended is looked at again."""
        if deepcopy or states is None:
            return super().get_all_trials(study_id, deepcopy, states)
        if study_id not in self._indices:
            index = _Index()
            for trial in super().get_all_trials(study_id, deepcopy=False):
                index.take(trial._trial_id, trial)
            self._indices[study_id] = index
        return self._indices[study_id].of(states, self.get_trial)


class _Index:
    """The trials of one study by their states. Those that have ended never change."""

    def __init__(self) -> None:
        self._states: dict[int, TrialState] = {}  # of the trials that have not ended
        self._open: dict[TrialState, dict[int, None]] = {}  # the same by their states
        self._ended: dict[TrialState, list[FrozenTrial]] = {}

    def __contains__(self, trial_id: int) -> bool:
        """Return whether it has the trial, and the trial has not ended."""
        return trial_id in self._states

    def take(self, trial_id: int, trial: FrozenTrial) -> None:
        """Take note of a trial's state."""
        before = self._states.pop(trial_id, None)
        if before is not None:
            del self._open[before][trial_id]
        if trial.state.is_finished():
            insort(self._ended.setdefault(trial.state, []), trial, key=_number_of)
        else:
            self._states[trial_id] = trial.state
            self._open.setdefault(trial.state, {})[trial_id] = None

    def of(self, states: Container[TrialState], get: Callable[[int], FrozenTrial]) -> list[FrozenTrial]:
        """Return the trials of some states, by their numbers."""
        lists = [trials for state, trials in self._ended.items() if state in states]
        unended = [get(one) for state, ids in self._open.items() if state in states for one in ids]
        if not unended and len(lists) == 1:
            return list(lists[0])  # in order already
        return sorted((trial for each in (*lists, unended) for trial in each), key=_number_of)


def _number_of(trial: FrozenTrial) -> int:
    return trial.number


def together(storage: BaseStorage) -> AbstractContextManager[None]:
    """Return a context within which what is stored becomes one append, where the storage is a journal."""
    return storage.together() if isinstance(storage, Journal) else nullcontext()


def write_now(storage: BaseStorage) -> None:
    """Return when all that was stored is in the file, where the storage is a journal."""
    if isinstance(storage, Journal):
        storage.write_now()


def open_journal(folder: SweepFolder, *, disk: Disk | None = None) -> Journal:
    """Open the studies' storage under the controller's lock, its torn end mended.

    Raises:
        UserError: a line of it is none of Optuna's.
    """
    path = folder.journal
    mend(path)
    backend = WaitingBackend(path, disk=disk or Disk(folder.path))
    with refusing_damage(path), without_collector():
        return Journal(backend)
