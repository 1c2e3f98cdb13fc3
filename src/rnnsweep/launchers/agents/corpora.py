"""Corpora and word vectors that a node lacks: asked for once, carried there, and read by all of its tasks."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from rnnsweep.launchers.agents.messages import CorpusPiece, CorpusStored, Lacks
from rnnsweep.launchers.agents.pieces import read_pieces
from rnnsweep.launchers.agents.store import Store
from rnnsweep.trial import TrialTask


class NodeCorpora:
    """What a node has of the corpora that its tasks read. Not for several threads at once."""

    def __init__(self, root: Path, send: Callable[[Lacks], object], wake: Callable[[], object]) -> None:
        """Start with nothing known.

        Args:
            root: where files lie until they are whole.
            send: asks the controller for a corpus.
            wake: called, by any thread, when there may be news of a corpus.
        """
        self._root, self._send, self._wake = root, send, wake
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="corpora")
        self._lacks: dict[str, Future[bool]] = {}  # digest -> whether the corpus is lacking
        self._asked: set[str] = set()

    def is_ready(self, task: TrialTask) -> bool:
        """Return whether a task may start; what its data need for that is under way then.

        Raises:
            UserError, OSError: they could not be taken into the cache; the next task tries again.
        """
        if task.run is None:
            return True
        data = task.run.data
        rows, vectors = task.corpora.get(data.source), task.corpora.get(data.vectors or "")
        asked = [Lacks(data, digest) for digest in [rows] if digest]
        asked += [Lacks(data, digest, vectors=True) for digest in [vectors] if digest]
        return all([self._has(each) for each in asked])  # a list: both are under way at once

    def _has(self, lacking: Lacks) -> bool:
        digest = lacking.digest
        if digest not in self._lacks:
            self._begin(digest, _lacks, lacking)
        lacks = self._lacks[digest]
        if not lacks.done():
            return False
        if lacks.exception() is not None:
            del self._lacks[digest]
            self._asked.discard(digest)
        if not lacks.result():
            return True
        if digest not in self._asked:
            self._asked.add(digest)
            self._send(lacking)
        return False

    def take(self, news: CorpusPiece | CorpusStored, store: Store | None) -> None:
        """Take what came of a corpus."""
        folder = self._root / f"corpus-{news.digest[:32]}"
        folder.mkdir(exist_ok=True)
        if isinstance(news, CorpusStored):
            self._begin(news.digest, _fetch, folder, news, store)
            return
        with (folder / Path(news.name).name).open("ab") as file:
            file.write(news.data)
        if news.is_last:
            self._begin(news.digest, _install, folder, news.digest)

    def close(self) -> None:
        """Begin nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, digest: str, work: Callable[..., bool], *values: Any) -> None:
        self._lacks[digest] = future = self._pool.submit(work, *values)
        future.add_done_callback(lambda done: self._wake())


def _lacks(lacking: Lacks) -> bool:
    from rnnsweep.data.carried import lacks  # NumPy is imported where used

    return lacks(lacking.config, lacking.digest, vectors=lacking.vectors)


def _fetch(folder: Path, news: CorpusStored, store: Store | None) -> bool:
    assert store is not None
    for name, where in news.places.items():
        store.get(where, folder / Path(name).name)
    return _install(folder, news.digest)


def _install(folder: Path, digest: str) -> bool:
    from rnnsweep.data.carried import install

    try:
        install(folder, digest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # pieces that come again start a new file
    return False


class CorpusSender:
    """The controller's side: sends corpora in pieces, or through the locker, where each lies once."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._place = f"corpora/{uuid.uuid4().hex[:12]}"
        self._stored: dict[str, Future[dict[str, Path]]] = {}  # digest -> its files, in the locker

    def send(self, lacks: Lacks, uses_locker: bool) -> Iterator[CorpusPiece | CorpusStored | None]:
        """Yield what an agent needs, None while it is not there yet.

        Args:
            lacks: what the agent asked for.
            uses_locker: whether it can use the locker.

        Raises:
            UserError: the corpus is not there any more, or has other rows.
        """
        from rnnsweep.data.carried import files_of

        files = files_of(lacks.config, lacks.digest, vectors=lacks.vectors)
        if self._store is not None and uses_locker:
            places = {f"{self._place}/{lacks.digest[:32]}/{name}": path for name, path in files.items()}
            future = self._stored.setdefault(lacks.digest, self._store.put(places))
            while not future.done():
                yield None
            if future.exception() is None:
                named = {where.rpartition("/")[2]: where for where in future.result()}
                yield CorpusStored(lacks.digest, named)
                return
        for name, path in files.items():
            is_last = name == list(files)[-1]
            for data, ends in read_pieces(path):
                yield CorpusPiece(lacks.digest, name, data, is_last and ends)

    def close(self) -> None:
        """Remove from the locker what lies there."""
        for future in self._stored.values():
            with suppress(Exception):
                for where in future.result(0.0):
                    assert self._store is not None
                    self._store.drop(where)
