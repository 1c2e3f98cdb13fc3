"""The largest groups of the rows of parts, as of all that are tested."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rnnsweep.data.encoded import EncodedCorpus
from rnnsweep.data.large_groups import LargeGroups, large_groups


def large_groups_of(parts: Sequence[tuple[EncodedCorpus, str]], groups_N: ArrayLike) -> LargeGroups:
    """Find the largest groups of the rows of some parts of corpora, one after the other.

    Args:
        parts: the corpora, each with the name of one of its parts.
        groups_N: the group of each row of them together.
    """
    ends_P = np.cumsum([corpus.sizes[part] for corpus, part in parts])
    column = parts[0][0].config.group

    def name_of(row: int) -> str:
        place = int(np.searchsorted(ends_P, row, side="right"))
        corpus, part = parts[place]
        own = np.array([row - (ends_P[place] - corpus.sizes[part])], dtype=np.int64)
        columns = corpus.columns(part, rows=own)
        return ("" if column is None else columns["group"][0]) or columns["text"][0]

    return large_groups(groups_N, lambda rows: [name_of(row) for row in rows.tolist()], column)
