"""What keeps rows together: their texts, or a name that they share, as 64-bit hashes."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Hashes: TypeAlias = NDArray[np.uint64]
INDEPENDENT = 0.95  # share of the rows that a mean must be as certain as, for rows to be independent


def decides_group(overrides: Iterable[str]) -> bool:
    """Return whether a run's overrides set `data.group`: to null, too, which says that no column groups."""
    return any(text.partition("=")[0] == "data.group" for text in overrides)


def hash_names(names: Iterable[str]) -> Hashes:
    """Hash names to 64 bits, the same on every machine (BLAKE2b)."""
    digests = b"".join(
        hashlib.blake2b(n.encode("utf-8", "surrogatepass"), digest_size=8).digest() for n in names
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def group_by_text(texts: Sequence[str]) -> Hashes:
    """Put rows of the same text into one group; rows without text stand alone."""
    return hash_names(text or f"\0{number}" for number, text in enumerate(texts))


def are_independent(groups_N: NDArray[Any]) -> bool:
    """Return whether hardly any rows share a group."""
    return not groups_N.size or equal_groups(group_shares(groups_N)) >= INDEPENDENT * groups_N.size


def group_shares(groups_N: ArrayLike) -> NDArray[np.float64]:
    """Return the share of the rows that each group has."""
    shares_G: NDArray[np.float64] = np.unique(np.asarray(groups_N), return_counts=True)[1] / np.size(groups_N)
    return shares_G


def equal_groups(share_G: NDArray[np.float64]) -> float:
    """Return how many groups of equal size have a mean as uncertain, where rows of a group are alike.

    It is (sum of sizes)^2 / (sum of squared sizes) (Kish 1965).
    """
    return 1 / float(share_G @ share_G)


def group_rows(*texts: Sequence[str], names: Sequence[str] | None = None) -> Hashes:
    """Put rows into one group whose words are the same, or that share a name; return a hash for each row.

    Case, blanks and punctuation do not count. A group is called by its first row (its text, or its name), so
    that rows which are like no other get the hash that `group_by_text` gives them.

    Args:
        texts: a text of each row; of several columns, rows with the same words in any of them go together.
        names: what rows have in common, as an author.
    """
    rows = enumerate(zip(*texts, strict=True))
    called = [" ".join(row) if any(row) else f"\0{n}" for n, row in rows]
    keys = [[words_alone(text) or text or f"\0{n}" for n, text in enumerate(column)] for column in texts]
    if names is not None:
        called = [name or f"\0{n}" for n, name in enumerate(names)]
        keys.append(called)
    if len(keys) > 1:
        return hash_names(_connected(keys, called))
    first: dict[str, str] = {}
    return hash_names([first.setdefault(key, name) for key, name in zip(keys[0], called, strict=True)])


def find_apart(texts: Sequence[str], groups_N: Hashes) -> int | None:
    """Return the first row whose words are those of a row of another group; None where there is none."""
    first: dict[str, int] = {}
    for row, (text, group) in enumerate(zip(texts, groups_N.tolist(), strict=True)):
        if text and first.setdefault(words_alone(text) or text, group) != group:
            return row
    return None


def most_joining(columns: Mapping[str, Sequence[str]]) -> tuple[str, int]:
    """Return the column of which most pairs of rows share a value, and how many values it has."""
    rows_of = {name: Counter(filter(None, values)) for name, values in columns.items()}
    name = max(rows_of, key=lambda one: sum(rows * rows for rows in rows_of[one].values()))
    return name, len(rows_of[name])


def _connected(columns: Sequence[Sequence[str]], called: Sequence[str]) -> list[str]:
    """Return for each row what the first of all rows is called that are connected by equal values."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers: dict[tuple[int, str], int] = {}
    places = [
        [numbers.setdefault((n, value), len(numbers)) for value in own] for n, own in enumerate(columns)
    ]
    rows = [row for _ in places[1:] for row in places[0]]
    others = [row for own in places[1:] for row in own]
    size = (len(numbers), len(numbers))
    _, component_V = connected_components(coo_array((np.ones(len(rows)), (rows, others)), shape=size))
    first: dict[int, str] = {}
    of_row = component_V[np.array(places[0], dtype=np.int64)].tolist()
    return [first.setdefault(component, name) for component, name in zip(of_row, called, strict=True)]


_LOWER_WORDS = bytes(  # of each byte: itself in lower case where it is of a word, else a blank
    ord(chr(byte).lower()) if chr(byte).isalnum() or byte == ord("_") else ord(" ") for byte in range(128)
) + bytes(128)


def words_alone(text: str) -> str:
    """Return a text's words in one form: no case, no punctuation, one blank between two."""
    if text.isascii():
        return b" ".join(text.encode("ascii").translate(_LOWER_WORDS).split()).decode("ascii")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(c if _is_of_word(c) else " " for c in folded).split())


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"
