"""Corpora and word vectors that came from another machine, by the digest of their rows or bytes.

A node that lacks the files of a corpus reads one that was carried to its cache, as it was read on the
controller's machine. Which one is right, the sweep's controller says: it knows the digest.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rnnsweep.data.config import DataConfig
from rnnsweep.data.corpora import Corpus, carried_folder, expected, read_corpus, source_state
from rnnsweep.data.store import find_cache, is_intact, made_once
from rnnsweep.data.word_vectors.places import VECTORS_FILE, carried_vectors, vectors_digest
from rnnsweep.errors import UserError

FILES = ("rows.parquet", "meta.json")  # of a corpus in the cache; the seal is the cache's own


def expect(digests: Mapping[str, str]) -> None:
    """Let this process read what was carried, where the files themselves are not there.

    Args:
        digests: source of rows -> the digest that its rows must have; name of a file of word vectors -> the
            digest of its bytes.
    """
    expected.update(digests)


def lacks(config: DataConfig, digest: str, *, vectors: bool = False) -> bool:
    """Return whether this machine has neither the files of a source nor a carried corpus of the digest.

    Args:
        config: names the source of the rows, and the file of word vectors.
        digest: of the rows, or of the file's bytes.
        vectors: ask for the file of word vectors instead of the corpus.
    """
    place = find_cache()
    if is_intact(carried_vectors(digest, place).parent if vectors else carried_folder(digest, place)):
        return False
    if vectors:
        return config.vectors is not None and not Path(config.vectors).expanduser().is_file()
    try:
        source_state(config, place)
    except UserError:
        return True
    return False


def files_of(config: DataConfig, digest: str, *, vectors: bool = False) -> dict[str, Path]:
    """Return the files of a corpus of this machine, or of word vectors, to be carried to another one.

    Args:
        config: names the source of the rows, and the file of word vectors.
        digest: of the rows, or of the file's bytes.
        vectors: the file of word vectors instead of the corpus.

    Raises:
        UserError: it is not there, or has other rows.
    """
    if vectors and config.vectors is not None:
        check_vectors_digest(config.vectors, digest)
        return {VECTORS_FILE: Path(config.vectors).expanduser().absolute()}
    corpus = read_corpus(config, find_cache())
    if corpus.digest != digest:
        raise UserError(
            f"the corpus changed while the sweep ran: its digest is {corpus.digest[:8]}, it was {digest[:8]}"
        )
    return {name: corpus.folder / name for name in FILES}


def check_vectors_digest(name: str, digest: str) -> None:
    """Refuse a file of word vectors that changed since the sweep started.

    Raises:
        UserError: it is not there, or has another digest.
    """
    if (now := vectors_digest(name)) != digest:
        raise UserError(
            f"data.vectors={name!r}: the file changed while the sweep ran: its digest is {now[:8]},"
            f" it was {digest[:8]}; put it back"
        )


def install(folder: Path, digest: str) -> None:
    """Take a corpus or a file of word vectors that was carried here into the cache.

    Args:
        folder: has its files.
        digest: of its rows, or of the file of word vectors.

    Raises:
        UserError: the files are of another corpus, or the cache cannot be written.
    """
    place, vectors = find_cache(), folder / VECTORS_FILE
    has_vectors = vectors.is_file()
    came = vectors_digest(str(vectors)) if has_vectors else Corpus(folder).digest
    if came != digest:
        what = "file of word vectors" if has_vectors else "corpus"
        raise UserError(f"a {what} with the digest {digest[:8]} was asked for, and another one came")

    def copy(into: Path) -> None:
        for name in (VECTORS_FILE,) if has_vectors else FILES:
            shutil.copyfile(folder / name, into / name)

    made_once(carried_vectors(digest, place).parent if has_vectors else carried_folder(digest, place), copy)
