"""Word vectors counted from a corpus's own texts."""

from dataclasses import replace

import numpy as np
import pytest

from rnnsweep.data import DataConfig, prepare
from rnnsweep.data.word_vectors.counted import counted_vectors
from rnnsweep.data.word_vectors.files import corpus_vectors


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Texts of two worlds that never meet: animals and machines."""
    folder = tmp_path_factory.mktemp("counted")
    draw = np.random.default_rng(0)
    worlds = (["cat", "dog", "horse", "cow", "sheep"], ["bolt", "gear", "motor", "valve", "pump"])
    rows = [f"{' '.join(draw.choice(worlds[n % 2], size=8))},{n % 2}" for n in range(200)]
    (folder / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    return prepare(DataConfig(corpus="files", train=str(folder / "rows.csv")), folder)


def test_words_that_come_in_like_company_get_like_vectors(corpus):
    vectors_VE = counted_vectors(corpus.train, vocabulary=len(corpus.vocabulary), width=2)
    unit_VE = vectors_VE[2:] / np.linalg.norm(vectors_VE[2:], axis=1, keepdims=True)
    animal_V = np.array([word in "cat dog horse cow sheep" for word in corpus.vocabulary[2:]])
    alike_VV = unit_VE @ unit_VE.T
    assert alike_VV[np.ix_(animal_V, animal_V)].min() > 0.7
    assert alike_VV[np.ix_(~animal_V, ~animal_V)].min() > 0.7
    assert np.abs(alike_VV[np.ix_(animal_V, ~animal_V)]).max() < 0.3


def test_each_word_of_the_training_part_has_a_vector_of_its_own_and_padding_has_none(corpus, tmp_path):
    config = replace(corpus.config, vectors="own")
    found, again = (corpus_vectors(config, corpus, width=3, cache=tmp_path) for _ in range(2))
    expected_VE = counted_vectors(corpus.train, vocabulary=len(corpus.vocabulary), width=3)
    assert found.found_V.tolist() == [0, 0] + [1] * 10
    np.testing.assert_array_equal(found.vectors_VE, expected_VE)
    np.testing.assert_array_equal(again.vectors_VE, expected_VE)
    assert found.vectors_VE[2:].std() == pytest.approx(1, abs=0.1)


def test_the_same_texts_give_the_same_vectors(corpus):
    one, two = (counted_vectors(corpus.train, vocabulary=len(corpus.vocabulary), width=2) for _ in range(2))
    np.testing.assert_array_equal(one, two)
