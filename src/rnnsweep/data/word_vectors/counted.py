"""Word vectors from a corpus's own training texts, without their labels: counts, not a network.

Words that come in like company get like vectors: the positive pointwise mutual information of words within a
window, reduced to its largest directions (Levy, Goldberg and Dagan 2015; context counts to the power .75,
singular values to the power .5).

V words, S tokens of all rows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.encoded import EncodedPart
from rnnsweep.data.tokens import SPECIAL

WINDOW = 5
SMOOTHING = 0.75


def counted_vectors(part: EncodedPart, *, vocabulary: int, width: int) -> NDArray[np.float32]:
    """Return vectors_VE whose numbers have variance 1; words that are not in the part have zeros."""
    from sklearn.utils.extmath import randomized_svd

    information_VV = _information(_together(part, vocabulary))
    components = min(width, vocabulary - 1)
    left_VE, values_E, _ = randomized_svd(information_VV, n_components=components, random_state=0)
    seen_V = np.flatnonzero(np.asarray(information_VV.sum(axis=1)).ravel())
    vectors_VE = np.zeros((vocabulary, width), np.float32)
    vectors_VE[seen_V, :components] = left_VE[seen_V] * np.sqrt(values_E)
    return vectors_VE / max(float(vectors_VE[seen_V].std()), 1e-12)


def _together(part: EncodedPart, vocabulary: int) -> Any:
    """Count how often two words stand within the window of one text, near ones more: 1 / distance."""
    from scipy.sparse import coo_array, csr_array

    ids, row_S = np.asarray(part.ids), np.repeat(np.arange(len(part)), part.lengths_N)
    counts_VV = csr_array((vocabulary, vocabulary), dtype=np.float64)
    for distance in range(1, WINDOW + 1):
        left, right = ids[:-distance], ids[distance:]
        words = (row_S[:-distance] == row_S[distance:]) & (left >= len(SPECIAL)) & (right >= len(SPECIAL))
        weights = np.full(int(words.sum()), 1 / distance)
        pairs = coo_array((weights, (left[words], right[words])), shape=counts_VV.shape)
        counts_VV = counts_VV + pairs.tocsr()
    return (counts_VV + counts_VV.T).tocoo()


def _information(counts_VV: Any) -> Any:
    """Return the positive pointwise mutual information; contexts are smoothed, or rare ones would rule."""
    from scipy.sparse import coo_array

    counts_V = np.asarray(counts_VV.sum(axis=1)).ravel()
    context_V = counts_V**SMOOTHING
    context_V = context_V / max(context_V.sum(), 1e-12)
    row_N, column_N = counts_VV.coords
    value_N = np.log(counts_VV.data / (counts_V[row_N] * context_V[column_N]))
    positive = value_N > 0
    places = (row_N[positive], column_N[positive])
    return coo_array((value_N[positive], places), shape=counts_VV.shape).tocsr()
