"""How much of a corpus a file of word vectors speaks of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnsweep.config import compose
from rnnsweep.config.overrides import quote
from rnnsweep.errors import UserError

if TYPE_CHECKING:
    from rnnsweep.data.word_vectors.files import Coverage


def vectors(file: str, overrides: Sequence[str] = ()) -> "tuple[Coverage, int]":
    """Count which words of a run's corpus a file of vectors has.

    Args:
        file: GloVe text, word2vec text or binary; ``own`` computes vectors from the training texts.
        overrides: say which corpus, as ``["data=ag_news"]``.

    Returns:
        the coverage, and how many numbers a vector has.

    Raises:
        UserError: the file or the corpus cannot be read.
    """
    from rnnsweep.data import prepare
    from rnnsweep.data.word_vectors.files import corpus_vectors, coverage

    run = compose([*overrides, quote("data.vectors", file)])
    corpus = prepare(run.data)
    word_vectors = corpus_vectors(run.data, corpus, width=run.model.embedding_size)
    if word_vectors is None:
        raise UserError(f"{file!r}: must be the path of a file of vectors, or own")
    return coverage(word_vectors, corpus.vocabulary, corpus.train.ids), word_vectors.width
