"""Word vectors that others trained: GloVe's text, word2vec's text and binary files.

A file is mapped into memory and read once from end to end; numbers are parsed for the words of the
vocabulary alone. What a file claims of itself is checked against its size before anything is allocated.

V words of the vocabulary; E numbers of a vector.
"""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.config import DataConfig
from rnnsweep.data.encoded import EncodedCorpus
from rnnsweep.data.store import find_cache, key_of, made_once, map_array, write_array
from rnnsweep.data.tables import file_state
from rnnsweep.data.word_vectors.places import OWN, find_vectors
from rnnsweep.errors import UserError

LONGEST_WORD = 1000  # bytes
WIDEST = 8192  # numbers of a vector
_LARGEST = 1e6  # a number of a vector; real ones are below 100
_PACKED = {b"\x1f\x8b": "gzip", b"PK": "zip", b"BZ": "bzip2", b"\xfd7": "xz"}


@dataclass(frozen=True)
class Vectors:
    """Vectors of the words of a vocabulary; rows of words that the file does not have are zero."""

    vectors_VE: NDArray[np.float32]
    found_V: NDArray[np.int8]  # 0 not there, 1 as written, 2 with other capitals

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.vectors_VE.shape[1])


def read_vectors(path: Path, vocabulary: Sequence[str]) -> Vectors:
    """Read the vectors of the words of a vocabulary; the first two entries are padding and unknown.

    A word is found as it is written, else under the first spelling in the file that differs in capitals
    alone (files stand in order of frequency). Of a word that comes twice the first counts.

    Raises:
        UserError: no such file, or not the whole of a GloVe or word2vec file.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _collect(path, data, vocabulary)
    except OSError as error:
        raise UserError(f"data.vectors={str(path)!r}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"data.vectors={str(path)!r}: the file is empty") from error


@dataclass(frozen=True)
class _Layout:
    start: int  # byte of the first word
    width: int
    words: int | None  # as the header says; None without a header
    binary: bool


def _collect(path: Path, data: mmap.mmap, vocabulary: Sequence[str]) -> Vectors:
    layout = _layout(path, data)
    row_of_word = {word.encode("utf-8", "surrogatepass"): n for n, word in enumerate(vocabulary) if n > 1}
    vectors = Vectors(
        np.zeros((len(vocabulary), layout.width), np.float32), np.zeros(len(vocabulary), np.int8)
    )
    entries = _binary(path, data, layout) if layout.binary else _lines(path, data, layout)
    for word, start, end in entries:
        exact = row_of_word.get(word)
        row = exact if exact is not None else row_of_word.get(_lowered(word))
        kind = 1 if exact is not None else 2
        if row is None or vectors.found_V[row] in (1, kind):
            continue
        numbers = _numbers(path, data[start:end], word, layout)
        if numbers is not None:
            vectors.vectors_VE[row], vectors.found_V[row] = numbers, kind
    return vectors


def _lowered(word: bytes) -> bytes:
    return word.lower() if word.isascii() else word.decode("utf-8", "replace").lower().encode()


def _layout(path: Path, data: mmap.mmap) -> _Layout:
    """Tell the kind of file from its first line, and refuse what its size cannot hold."""
    for magic, name in _PACKED.items():
        if data[:2] == magic:
            raise _refusal(path, f"is packed with {name}; unpack it first, it is mapped into memory")
    end = data.find(b"\n", 0, LONGEST_WORD + WIDEST * 32)
    first = data[: end if end >= 0 else min(len(data), LONGEST_WORD + WIDEST * 32)].split()
    if len(first) == 2 and all(part.isdigit() for part in first):
        return _with_header(path, data, end + 1, words=int(first[0]), width=int(first[1]))
    width = len(first) - 1
    if not 2 <= width <= WIDEST:
        raise _refusal(path, "line 1 is neither 'words width' nor a word and its numbers")
    return _Layout(0, width, None, binary=False)


def _with_header(path: Path, data: mmap.mmap, start: int, *, words: int, width: int) -> _Layout:
    room = len(data) - start
    if not (words >= 1 and 1 <= width <= WIDEST):
        raise _refusal(path, f"its first line says {words} words of {width} numbers; widths go to {WIDEST}")
    if words * (2 * width + 1) > room:  # the shortest text: a letter, and a blank and a digit for each number
        raise _refusal(path, f"its first line says {words} words of {width} numbers, it has {room} bytes")
    binary = not _reads_as_text(data, start, width)
    if binary and words * (4 * width + 2) > room:
        raise _refusal(path, f"its first line says {words} words of {width} numbers, it has {room} bytes")
    return _Layout(start, width, words, binary)


def _reads_as_text(data: mmap.mmap, start: int, width: int) -> bool:
    end = data.find(b"\n", start, start + LONGEST_WORD + width * 32)
    fields = data[start:end].split() if end >= 0 else data[start:].split()
    try:
        return len(fields) > width and all(np.isfinite(float(field)) for field in fields[-width:])
    except ValueError:
        return False


def _lines(path: Path, data: mmap.mmap, layout: _Layout) -> Iterator[tuple[bytes, int, int]]:
    """Yield each line's first word and where the rest of it is."""
    at, count = layout.start, 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        if data[at:end].strip():
            count += 1
            blank = data.find(b" ", at, end)
            if blank < 0 or blank - at > LONGEST_WORD:
                raise _refusal(path, f"entry {count} is no word with {layout.width} numbers")
            last = end == len(data) or end + 1 == len(data)
            if last:  # a file that was cut off ends in half a line
                _numbers(path, data[blank + 1 : end], data[at:blank], layout)
            yield data[at:blank], blank + 1, end
        at = end + 1
    if layout.words is not None and count != layout.words:
        raise _refusal(path, f"its first line says {layout.words} words, it has {count}")


def _binary(path: Path, data: mmap.mmap, layout: _Layout) -> Iterator[tuple[bytes, int, int]]:
    """Yield each word and where its numbers stand: word, blank, numbers of 4 bytes, and maybe a line end."""
    at, size = layout.start, 4 * layout.width
    for count in range(1, (layout.words or 0) + 1):
        blank = data.find(b" ", at, at + LONGEST_WORD)
        if blank < 0 or blank + 1 + size > len(data):
            raise _refusal(path, f"ends, or is damaged, in word {count} of {layout.words}")
        yield data[at:blank].lstrip(b"\n"), blank + 1, blank + 1 + size
        at = blank + 1 + size


def _numbers(path: Path, raw: bytes, word: bytes, layout: _Layout) -> NDArray[np.float32] | None:
    """Read one vector; None where the line is of several words with blanks between (GloVe 840B has such)."""
    name = word.decode("utf-8", "replace")
    fields = [] if layout.binary else raw.split()
    if not layout.binary and len(fields) < layout.width:
        raise _refusal(path, f"{name!r} has {len(fields)} numbers in place of {layout.width}")
    try:
        numbers = (
            np.frombuffer(raw, "<f4") if layout.binary else np.array(fields[-layout.width :], np.float64)
        )
    except ValueError as error:
        raise _refusal(path, f"{name!r} is followed by something that is no number") from error
    if not (np.abs(numbers) < _LARGEST).all():
        raise _refusal(path, f"{name!r} has a number that is not finite, or past {_LARGEST:g}")
    return None if len(fields) > layout.width else numbers.astype(np.float32)


def _refusal(path: Path, problem: str) -> UserError:
    return UserError(
        f"data.vectors={str(path)!r}: {problem}. It must be GloVe text or a word2vec text or binary file."
    )


def corpus_vectors(
    config: DataConfig, corpus: EncodedCorpus, *, width: int, cache: Path | None = None
) -> Vectors | None:
    """Return the vectors of ``data.vectors`` for a corpus's words, or None where no file is named.

    A file is read once for each vocabulary; what was found is kept in the cache.

    Args:
        config: names the file; ``own`` makes vectors from the corpus's training texts.
        corpus: whose vocabulary is looked up.
        width: numbers of a vector that ``own`` makes.
        cache: folder; None takes ``RNNSWEEP_CACHE`` or the user's cache folder.

    Raises:
        UserError: as `read_vectors`.
    """
    if config.vectors is None:
        return None
    place = find_cache(cache)
    if config.vectors == OWN:
        folder = made_once(
            place / "own" / f"{corpus.folder.name}-{width}",
            lambda into: _keep(_counted(corpus, width), into),
        )
    else:
        path = find_vectors(config.vectors, place)
        key = key_of([file_state(path), corpus.vocabulary])
        folder = made_once(
            place / "vectors" / key, lambda into: _keep(read_vectors(path, corpus.vocabulary), into)
        )
    return Vectors(map_array(folder / "vectors.npy"), map_array(folder / "found.npy"))


def _counted(corpus: EncodedCorpus, width: int) -> Vectors:
    """Make vectors of the corpus's words; as in a file, words with a blank in them have none."""
    from rnnsweep.data.word_vectors.counted import counted_vectors

    vectors_VE = counted_vectors(corpus.train, vocabulary=len(corpus.vocabulary), width=width)
    vectors_VE[[n for n, word in enumerate(corpus.vocabulary) if any(map(str.isspace, word))]] = 0.0
    return Vectors(vectors_VE, np.asarray(vectors_VE.any(axis=1), dtype=np.int8))


def _keep(vectors: Vectors, folder: Path) -> None:
    write_array(folder / "vectors.npy", vectors.vectors_VE)
    write_array(folder / "found.npy", vectors.found_V)


@dataclass(frozen=True)
class Coverage:
    """How much of a corpus the vectors speak of."""

    words: int  # of the vocabulary, without padding and unknown
    as_written: int
    other_capitals: int
    running: float  # share of the running words of the training part that have a vector
    missing: tuple[str, ...]  # the most frequent words without one

    @property
    def table(self) -> list[tuple[str, str]]:
        """Return the rows of a table, name and value."""
        share = (self.as_written + self.other_capitals) / max(1, self.words)
        return [
            ("words of the vocabulary", f"{self.words:,}"),
            ("found as written", f"{self.as_written:,}"),
            ("found with other capitals", f"{self.other_capitals:,}"),
            ("found, share of the vocabulary", f"{share:.1%}"),
            ("found, share of running words", f"{self.running:.1%}"),
            ("most frequent without a vector", " ".join(self.missing) or "none"),
        ]


def coverage(
    vectors: Vectors, vocabulary: Sequence[str], ids: NDArray[np.int32], *, shown: int = 10
) -> Coverage:
    """Return how many words of a vocabulary have a vector.

    Args:
        vectors: of the vocabulary.
        vocabulary: in the order of the vectors.
        ids: token ids of the training part.
        shown: most missing words that are named, the most frequent first.
    """
    found_V = vectors.found_V
    counts_V = np.bincount(ids, minlength=len(vocabulary))
    running = float(counts_V[found_V > 0].sum() / max(1, counts_V[1:].sum()))
    missing = [word for n, word in enumerate(vocabulary) if n > 1 and not found_V[n]]
    return Coverage(
        words=len(vocabulary) - 2,
        as_written=int((found_V == 1).sum()),
        other_capitals=int((found_V == 2).sum()),
        running=running,
        missing=tuple(missing[:shown]),
    )
