"""Texts to token ids.

Tokens of ``words``: lower-cased runs of letters, digits and underscores, and each other visible character by
itself. Of ``basic_english``: the rules of torchtext's tokeniser of that name (words keep ``-``, ``$`` and
``#``; quotes, colons and semicolons are dropped). Of ``keras``: the rules of its TextVectorization
(punctuation is dropped, words are what stands between blanks). Of ``characters``: the text's characters.

A text without any token is one unknown token, so that every row has a length of 1 or more.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PADDING, UNKNOWN = 0, 1
SPECIAL = ("<padding>", "<unknown>")
CHUNK = 4096  # texts whose tokens are held as Python strings at one time

Ids: TypeAlias = NDArray[np.int32]
Offsets: TypeAlias = NDArray[np.int64]
Cut: TypeAlias = Callable[[str], list[str]]

_KERAS_DROPS = str.maketrans("", "", "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'")
_words = re.compile(r"\w+|[^\w\s]").findall
_basic_english = re.compile(r"[.,()!?']|[^\s.,()!?';:]+").findall


def cutter(tokens: str) -> Cut:
    """Give the function that cuts one text into tokens, by its name in ``data.tokens``."""
    cutters: dict[str, Cut] = {
        "words": _cut_words,
        "basic_english": _cut_basic_english,
        "keras": _cut_keras,
        "characters": list,
    }
    return cutters[tokens]


def _cut_words(text: str) -> list[str]:
    return _words(text.lower())


def _cut_basic_english(text: str) -> list[str]:
    return _basic_english(text.lower().replace('"', "").replace("<br />", " "))


def _cut_keras(text: str) -> list[str]:
    return text.lower().translate(_KERAS_DROPS).split()


@dataclass(frozen=True)
class Counted:
    """Texts as provisional ids, numbered as the words came, and how often the training rows have each."""

    words: tuple[str, ...]
    ids: dict[str, Ids]  # part -> flat provisional ids
    lengths: dict[str, Offsets]  # part -> tokens of each row


class _Numbering(dict[str, int]):
    """Words to numbers; a new word gets the next one."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def count(parts: Mapping[str, Sequence[str]], *, cut: Cut, max_length: int) -> Counted:
    """Cut all texts of all parts once, numbering the words as they come."""
    numbering = _Numbering()
    flat = {part: _numbered(texts, numbering, cut, max_length) for part, texts in parts.items()}
    return Counted(
        words=tuple(numbering),
        ids={part: ids for part, (ids, _) in flat.items()},
        lengths={part: lengths for part, (_, lengths) in flat.items()},
    )


def _numbered(
    texts: Sequence[str], numbering: dict[str, int], cut: Cut, max_length: int
) -> tuple[Ids, Offsets]:
    ids, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for chunk_ids, chunk_lengths in _chunks(texts, numbering.__getitem__, cut, max_length):
        ids.append(chunk_ids)
        lengths.append(chunk_lengths)
    return np.concatenate(ids), np.concatenate(lengths)


def _chunks(
    texts: Sequence[str], number: Callable[[str], int], cut: Cut, max_length: int
) -> Iterator[tuple[Ids, Offsets]]:
    for start in range(0, len(texts), CHUNK):
        # no token is the empty string: it stands for "no token" and is unknown to every vocabulary
        rows = [cut(text)[:max_length] or [""] for text in texts[start : start + CHUNK]]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        numbers = map(number, chain.from_iterable(rows))
        yield np.fromiter(numbers, np.int32, int(lengths.sum())), lengths


def most_frequent(counted: Counted, *, size: int, fit_rows: int | None) -> tuple[str, ...]:
    """Choose the vocabulary: padding, unknown, then the words of the training rows by falling frequency.

    Words of equal frequency stand in the order of their characters. `fit_rows` counts the first n rows alone.
    """
    fitted = int(counted.lengths["train"][:fit_rows].sum())
    counts = np.bincount(counted.ids["train"][:fitted], minlength=len(counted.words)).tolist()
    seen = [i for i, n in enumerate(counts) if n and counted.words[i]]
    seen.sort(key=lambda i: (-counts[i], counted.words[i]))
    return SPECIAL + tuple(counted.words[i] for i in seen[: size - len(SPECIAL)])


def word_ids(vocabulary: Sequence[str]) -> dict[str, int]:
    """Give the id of each word; the names of padding and unknown are no words."""
    return {word: number for number, word in enumerate(vocabulary) if number >= len(SPECIAL)}


def final_ids(counted: Counted, vocabulary: Sequence[str], *, unknown: int) -> dict[str, Ids]:
    """Renumber the provisional ids of every part by the vocabulary."""
    known = word_ids(vocabulary)
    renumber = np.array([known.get(word, unknown) for word in counted.words], dtype=np.int32)
    return {part: renumber[ids] for part, ids in counted.ids.items()}


def encode(
    texts: Sequence[str], known: dict[str, int], *, cut: Cut, max_length: int, unknown: int
) -> tuple[Ids, Offsets]:
    """Turn texts into flat ids and the length of each row, by a vocabulary that stands."""

    class _Known(dict[str, int]):
        def __missing__(self, word: str) -> int:
            return unknown

    return _numbered(texts, _Known(known), cut, max_length)


def offsets(lengths_N: Offsets) -> Offsets:
    """Give where each row starts in the flat ids, and where the last one ends (N + 1 numbers)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths_N)])
