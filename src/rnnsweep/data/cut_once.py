"""The tokens of a corpus's rows, cut once for all splits of them: replicates with their own splits share it.

N rows, of all parts together, in the order of the corpus; S tokens of all of them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rnnsweep.data.rows import Rows, TextRows
from rnnsweep.data.store import key_of, made_once, map_array, read_json, write_array, write_json
from rnnsweep.data.tokens import CountedWords, Tokeniser, count, offsets

VERSION = 1  # of what lies in a folder of the cache
_ARRAYS = ("ids", "lengths", "whole")
_ALL = "all"  # the one part of what is kept


def count_once(
    rows: TextRows, chosen: Mapping[str, Rows], tokeniser: Tokeniser, *, digest: str, cache: Path
) -> CountedWords:
    """Return what `count` returns of the parts; the words may be numbered otherwise.

    Args:
        rows: of the corpus.
        chosen: part -> numbers of its rows.
        tokeniser: one that learns nothing from the training part, which each split has another of.
        digest: of the corpus.
        cache: folder.
    """
    numbers_N = np.sort(np.concatenate(list(chosen.values())))
    which = hashlib.sha256(numbers_N.astype("<i8").tobytes()).hexdigest()

    def build(folder: Path) -> None:
        counted = count({_ALL: [rows.texts[n] for n in numbers_N.tolist()]}, tokeniser)
        write_json(folder / "words.json", counted.words)
        for name in _ARRAYS:
            write_array(folder / f"{name}.npy", getattr(counted, name)[_ALL])

    folder = made_once(cache / "cut" / key_of([VERSION, digest, asdict(tokeniser), which]), build)
    ids_S, lengths_N, whole_N = (map_array(folder / f"{name}.npy") for name in _ARRAYS)
    places = {part: np.searchsorted(numbers_N, numbers) for part, numbers in chosen.items()}
    starts_N = offsets(lengths_N)[:-1]
    ids = {}
    for part, at in places.items():
        lengths = lengths_N[at]
        # a token's place in ids_S: where its row starts there, and how far it is from the start of its row
        ids[part] = ids_S[np.repeat(starts_N[at] - offsets(lengths)[:-1], lengths) + np.arange(lengths.sum())]
    return CountedWords(
        words=tuple(read_json(folder / "words.json")),
        ids=ids,
        lengths={part: lengths_N[at] for part, at in places.items()},
        whole={part: whole_N[at] for part, at in places.items()},
    )
