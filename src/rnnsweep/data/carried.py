"""Corpora that came from another machine: as they were read there, by the digest of their rows.

A node that lacks the files of a corpus reads one that was carried to its cache. Which one is right, the
sweep's controller says: it knows the digest.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rnnsweep.data.config import DataConfig
from rnnsweep.data.corpora import Corpus, carried_folder, expected, read_corpus, source_state
from rnnsweep.data.store import find_cache, is_intact, made_once
from rnnsweep.errors import UserError

FILES = ("rows.parquet", "meta.json")  # of a corpus in the cache; the seal is the cache's own


def expect(digests: Mapping[str, str]) -> None:
    """Let this process read carried corpora where the files of a source are not there.

    Args:
        digests: source of rows -> the digest that its rows must have.
    """
    expected.update(digests)


def lacks(config: DataConfig, digest: str, cache: Path | None = None) -> bool:
    """Return whether this machine has neither the files of a source nor a carried corpus of the digest."""
    place = find_cache(cache)
    if is_intact(carried_folder(digest, place)):
        return False
    try:
        source_state(config, place)
    except UserError:
        return True
    return False


def files_of(config: DataConfig, digest: str, cache: Path | None = None) -> dict[str, Path]:
    """Return the files of a corpus of this machine, to be carried to another one.

    Raises:
        UserError: it is not there, or has other rows.
    """
    corpus = read_corpus(config, find_cache(cache))
    if corpus.digest != digest:
        raise UserError(
            f"the corpus changed while the sweep ran: its digest is {corpus.digest[:8]}, it was {digest[:8]}"
        )
    return {name: corpus.folder / name for name in FILES}


def install(folder: Path, digest: str, cache: Path | None = None) -> None:
    """Take a corpus that was carried here into the cache.

    Args:
        folder: has its files.
        digest: of its rows.
        cache: folder; None takes ``RNNSWEEP_CACHE`` or the user's cache folder.

    Raises:
        UserError: the files are of another corpus, or the cache cannot be written.
    """
    if Corpus(folder).digest != digest:
        raise UserError(f"a corpus with the digest {digest[:8]} was asked for, and another one came")

    def copy(into: Path) -> None:
        for name in FILES:
            shutil.copyfile(folder / name, into / name)

    made_once(carried_folder(digest, find_cache(cache)), copy)
