"""Texts to token ids."""

import json
import unicodedata
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rnnsweep.data import tokens

texts = st.lists(st.text(max_size=30), min_size=1, max_size=20)


def tokeniser(kind, max_length=10):
    return tokens.Tokeniser(kind, max_length, rules=tokens.RULES)


def count(train, test=(), cut="words", max_length=10):
    return tokens.count({"train": train, "test": list(test)}, tokeniser(cut, max_length))


def vocabulary_of(train, size=100, fit_rows=None, **settings):
    return tokens.most_frequent(count(train, **settings), size=size, fit_rows=fit_rows)


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("words", "Don't use n_rows=3", ["don", "'", "t", "use", "n_rows", "=", "3"]),
        ("words", "Größe\t日本", ["größe", "日", "本"]),
        ("basic_english", "Don't say \"oil-price\"; $5: (yes)!", [
            "don", "'", "t", "say", "oil-price", "$5", "(", "yes", ")", "!"]),
        ("basic_english", 'a"b<br />c', ["ab", "c"]),
        ("characters", "Ab é", ["A", "b", " ", "é"]),
    ],
)  # fmt: skip
def test_a_text_is_cut(kind, text, wanted):
    assert tokens.Tokeniser(kind, rules=tokens.RULES).pieces(text) == wanted


def test_padding_and_unknown_are_two_ids_and_the_rest_goes_by_frequency():
    assert vocabulary_of(["b b a", "c b a", "d"]) == ("<padding>", "<unknown>", "b", "a", "c", "d")


def test_the_vocabulary_has_the_size_that_was_asked_for():
    assert vocabulary_of(["b b a", "c b a", "d"], size=4) == ("<padding>", "<unknown>", "b", "a")


def test_words_of_other_parts_do_not_get_into_the_vocabulary():
    counted = count(["a b"], test=["z z z z"])
    vocabulary = tokens.most_frequent(counted, size=50, fit_rows=None)
    assert vocabulary == ("<padding>", "<unknown>", "a", "b")
    ids = tokens.final_ids(counted, vocabulary, unknown=1)
    assert [part.tolist() for part in ids.values()] == [[2, 3], [1, 1, 1, 1]]


def test_the_vocabulary_can_be_fitted_on_the_first_rows():
    assert vocabulary_of(["a b", "c c c"], fit_rows=1) == ("<padding>", "<unknown>", "a", "b")


def test_texts_are_cut_at_the_maximum_length():
    assert count(["a b c d e f"], max_length=4).lengths["train"].tolist() == [4]


@pytest.mark.parametrize("kind", ["words", "basic_english"])
def test_a_text_without_tokens_is_one_unknown_token(kind):
    counted = count(["a", "", " \n"], cut=kind)
    ids = tokens.final_ids(counted, tokens.most_frequent(counted, size=9, fit_rows=None), unknown=1)
    assert counted.lengths["train"].tolist() == [1, 1, 1]
    assert ids["train"].tolist() == [2, 1, 1]


def test_a_word_that_is_called_like_padding_is_a_word():
    words = tokeniser(tokens.LIST)
    ids, _ = tokens.encode(["<padding>"], tokens.word_ids(("<padding>", "<unknown>")), words)
    assert ids.tolist() == [1]


@given(texts, st.integers(1, 12), st.sampled_from(["words", "basic_english", "characters"]))
@settings(deadline=None)
def test_texts_encoded_later_get_the_ids_that_the_cache_has(train, max_length, kind):
    cut = tokeniser(kind, max_length)
    counted = tokens.count({"train": train}, cut)
    vocabulary = tokens.most_frequent(counted, size=20, fit_rows=None)
    ids, lengths_N = tokens.encode(train, tokens.word_ids(vocabulary), cut)
    assert ids.tolist() == tokens.final_ids(counted, vocabulary, unknown=1)["train"].tolist()
    assert lengths_N.tolist() == counted.lengths["train"].tolist()
    assert lengths_N.min() >= 1
    assert (ids >= 1).all()
    assert (ids < len(vocabulary)).all()


def test_many_texts_come_in_chunks_and_keep_their_order():
    train = [f"w{n} x" for n in range(tokens.CHUNK * 2 + 3)]
    counted = count(train)
    words = np.array(counted.words)[counted.ids["train"]]
    assert words[::2].tolist() == [f"w{n}" for n in range(len(train))]
    assert counted.ids["train"].dtype == np.int32


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("कमरा साफ़ और सुंदर था", ["कमरा", "साफ़", "और", "सुंदर", "था"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("مُحَمَّد هنا", ["مُحَمَّد", "هنا"]),
        ("cafe\u0301 noir", ["café", "noir"]),
        ("İstanbul", ["i\u0307stanbul"]),
        ("ไทยดี", ["ไ", "ท", "ย", "ดี"]),
        ("データを見る", ["データ", "を", "見", "る"]),
        ("很好!", ["很", "好", "!"]),
        ("so 👍🏽 good", ["so", "👍🏽", "good"]),
    ],
)
def test_words_of_every_script_are_whole(text, wanted):
    assert tokens.Tokeniser(rules=tokens.RULES).pieces(text) == [
        unicodedata.normalize("NFC", word) for word in wanted
    ]


@given(st.text(max_size=60), st.sampled_from(["words", "basic_english", "keras", "characters"]))
@settings(deadline=None)
def test_both_normal_forms_of_a_text_are_the_same_tokens(text, kind):
    cut = tokens.Tokeniser(kind, rules=tokens.RULES).pieces
    assert cut(unicodedata.normalize("NFC", text)) == cut(unicodedata.normalize("NFD", text))


@given(st.text(st.characters(max_codepoint=127), max_size=80))
@settings(deadline=None)
def test_plain_english_is_cut_as_by_the_first_rules(text):
    assert tokens.Tokeniser(rules=1).pieces(text) == tokens.Tokeniser(rules=2).pieces(text)


@pytest.mark.parametrize(("cut", "wanted"), [("head", "ab"), ("tail", "de"), ("both", "ae")])
def test_of_a_longer_text_the_beginning_the_end_or_half_of_each_is_read(cut, wanted):
    assert tokens.Tokeniser("characters", 2, cut=cut).read("abcde") == list(wanted)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_subwords_are_learnt_from_texts_and_come_back_from_what_is_saved(kind):
    texts = [f"unhappily unhappy happiness {n}" for n in range(50)]
    trained = tokens.Tokeniser("subwords", rules=2).trained(texts, vocabulary=60, kind=kind)
    again = tokens.Tokeniser(**json.loads(json.dumps(asdict(trained))))
    assert again.pieces("Unhappiness") == trained.pieces("unhappiness")
    assert 1 < len(again.pieces("unhappiness")) < len("unhappiness")
    assert again.pieces(" ") == []
