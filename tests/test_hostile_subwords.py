"""A model of subwords from somebody else: it pads nothing, matches nothing at length, and does not panic."""

import json

import pytest
import tokenizers

from rnnsweep.data.tokens import _train_subwords
from rnnsweep.safety.subword_model import load_subwords

TEXT = "more words of text"
PADDING = {
    **{"strategy": {"Fixed": 10**9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0},
    **{"pad_type_id": 0, "pad_token": "x"},
}
REPLACE = {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def made(request):
    """A model as a training leaves it."""
    texts = iter(["a text of words", "more words of text", "the last words"] * 20)
    return json.loads(_train_subwords(texts, 60, request.param))


def test_a_model_of_our_own_cuts_as_the_library_does(made):
    text = json.dumps(made)
    assert load_subwords(tokenizers, text)(TEXT) == tokenizers.Tokenizer.from_str(text).encode(TEXT).tokens


@pytest.mark.parametrize("padding", [PADDING, PADDING | {"strategy": {"Fixed": 50}}])
def test_no_text_is_padded(made, padding):
    own = load_subwords(tokenizers, json.dumps(made))(TEXT)
    assert load_subwords(tokenizers, json.dumps(made | {"padding": padding}))(TEXT) == own


@pytest.mark.parametrize(
    "change",
    [
        *({"normalizer": REPLACE}, {"pre_tokenizer": {"type": "Split"}}, {"normalizer": None}),
        *({"model": {"type": "BPE"}}, {"model": 5}, {"added_tokens": 5}),
    ],
)
def test_what_cuts_otherwise_is_refused(made, change):
    with pytest.raises(Exception, match="."):
        load_subwords(tokenizers, json.dumps(made | change))


def test_a_panic_of_the_library_is_an_error_that_can_be_caught():
    class Library:
        class Tokenizer:
            @staticmethod
            def from_str(text):
                raise type("PanicException", (BaseException,), {})("range end index")

    sound = json.dumps(
        {name: {"type": kind} for name, kind in (("normalizer", "Lowercase"), ("pre_tokenizer", "Metaspace"))}
    )
    with pytest.raises(ValueError, match="its parts do not fit"):
        load_subwords(Library, sound)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, "null"])
def test_what_is_no_model_is_a_value_error(text):
    with pytest.raises(ValueError, match="."):
        load_subwords(tokenizers, text)
