"""Which words of a corpus a file of word vectors has."""

from collections.abc import Sequence

from rnnsweep.config import compose
from rnnsweep.config.overrides import quote
from rnnsweep.data.word_vectors.files import Coverage, corpus_vectors, coverage
from rnnsweep.errors import UserError


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

    run = compose([*overrides, quote("data.vectors", file)])
    corpus = prepare(run.data)
    word_vectors = corpus_vectors(run.data, corpus, width=run.model.embedding_size)
    if word_vectors is None:
        raise UserError(f"{file!r}: must be the path of a file of vectors, or own")
    return coverage(word_vectors, corpus.vocabulary, corpus.train.ids), word_vectors.width
