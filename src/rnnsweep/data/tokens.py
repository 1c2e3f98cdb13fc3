"""Texts to tokens, and tokens to ids: one object that trains, encodes, and is saved with a model.

All text is brought to Unicode's form NFC first. Tokens of ``words``: lower-cased runs of letters, combining
marks, digits and underscores, and each other visible character (grapheme) by itself; characters of scripts
without blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) stand alone, as Unicode's word
boundaries (UAX 29) have them. Of ``characters``: the text's characters. Of ``subwords``: pieces of words that
byte pair encoding or a unigram model finds on the training part (Hugging Face's tokenizers). Of
``basic_english``: the rules of torchtext's tokeniser of that name (words keep ``-``, ``$`` and ``#``; quotes,
colons and semicolons are dropped). Of ``keras``: the rules of its TextVectorization (punctuation is dropped,
words are what is between blanks). Of ``list``: what a column of lists of tokens holds.

A text without any token is one unknown token, so that every row has a length of 1 or more.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.config import TOKENS, DataConfig
from rnnsweep.errors import UserError
from rnnsweep.safety.subword_model import load_subwords

PADDING, UNKNOWN = 0, 1
SPECIAL = ("<padding>", "<unknown>")
CHUNK = 4096  # texts whose tokens are held as Python strings at one time
RULES = 2  # of cutting: 1 cut words at combining marks and read text in whatever form it came
LIST = "list"
KINDS = (*TOKENS, LIST)
SEPARATOR = "\x1f"  # between the tokens of a text that came as a list

Ids: TypeAlias = NDArray[np.int32]
Offsets: TypeAlias = NDArray[np.int64]
Cut: TypeAlias = Callable[[str], list[str]]

_KERAS_DROPS = str.maketrans("", "", "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'")
_first_rules = re.compile(r"\w+|[^\w\s]").findall
# the same of lower-case ASCII: sets of characters take two thirds of the time of Unicode's classes
_ascii_words = re.compile(r"[a-z0-9_]+|[!-/:-@\[-^`{-~\x00-\x08\x0e-\x1b\x7f]").findall
_basic_english = re.compile(r"[.,()!?']|[^\s.,()!?';:]+").findall
_ALONE = r"[\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}--\p{Nd}]"


@cache
def _unicode_words() -> Cut:
    import regex  # its \w has combining marks, its \X is a grapheme; Python's re has neither

    word = rf"[\w\p{{M}}\p{{Join_Control}}--{_ALONE}]+"
    return regex.compile(rf"(?V1){_ALONE}\p{{M}}*|{word}|(?!\s)\X").findall  # type: ignore[no-any-return]


def join_tokens(tokens: Sequence[str]) -> str:
    """Write a list of tokens as one text, which `LIST` cuts into the same tokens again."""
    return SEPARATOR.join(token.replace(SEPARATOR, " ") for token in tokens if token)


def _cut_list(text: str) -> list[str]:
    return text.split(SEPARATOR) if SEPARATOR in text else text.split()


def _cut_words(text: str) -> list[str]:
    lower = text.lower()
    return _ascii_words(lower) if lower.isascii() else _unicode_words()(lower)


def _cut_basic_english(text: str) -> list[str]:
    return _basic_english(text.lower().replace('"', "").replace("<br />", " "))


def _cut_keras(text: str) -> list[str]:
    return text.lower().translate(_KERAS_DROPS).split()


_CUTTERS: dict[str, Cut] = {
    "words": _cut_words,
    "basic_english": _cut_basic_english,
    "keras": _cut_keras,
    "characters": list,
    LIST: _cut_list,
}


@dataclass(frozen=True)
class Tokeniser:
    """How a text becomes tokens; its fields, which a model's folder and its ONNX file hold, decide it.

    Defaults are those of folders that do not say more: rules 1.
    """

    tokens: str = "words"
    max_length: int = 100
    pad_is_unknown: bool = False
    cut: str = "head"  # which tokens of a longer text are read: head | tail | both
    rules: int = 1
    subwords: str | None = field(default=None, repr=False)  # the trained model of `subwords`, as JSON

    @classmethod
    def of(cls, config: DataConfig, *, tokenised: bool = False) -> "Tokeniser":
        """Take it from the settings of a corpus; `tokenised` texts came as lists of tokens."""
        kind = LIST if tokenised else config.tokens
        return cls(kind, config.max_length, config.pad_is_unknown, config.cut, RULES)

    def trained(self, texts: Sequence[str], *, vocabulary: int, kind: str = "bpe") -> "Tokeniser":
        """Return it with the pieces of words that `texts` hold most; itself where nothing is learnt."""
        if self.tokens != "subwords":
            return self
        return replace(self, subwords=_train_subwords(map(self.normal, texts), vocabulary, kind))

    @property
    def unknown(self) -> int:
        """The id of a word that the vocabulary does not have."""
        return PADDING if self.pad_is_unknown else UNKNOWN

    def normal(self, text: str) -> str:
        """Return the text in form NFC."""
        if self.rules == 1 or text.isascii():
            return text
        return unicodedata.normalize("NFC", text)

    def pieces(self, text: str) -> list[str]:
        """Return all tokens of a text, however many."""
        return self._pieces(self.normal(text))

    def all_pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return all tokens of each text, as `pieces`; plain words need no call for each."""
        if self.tokens != "words":
            return [self.pieces(text) for text in texts]
        return [_ascii_words(text.lower()) if text.isascii() else self.pieces(text) for text in texts]

    def read(self, text: str) -> list[str]:
        """Return the tokens of a text that are read: `max_length` at most."""
        return self.shorten(self.pieces(text))

    def shorten(self, pieces: list[str]) -> list[str]:
        """Return the tokens that are read of a text's: the first, the last, or half of each."""
        if len(pieces) <= self.max_length:
            return pieces
        if self.cut == "head":
            return pieces[: self.max_length]
        if self.cut == "tail":
            return pieces[-self.max_length :]
        last = self.max_length // 2
        return pieces[: self.max_length - last] + pieces[len(pieces) - last :]

    @cached_property
    def _pieces(self) -> Cut:
        if self.tokens == "subwords":
            return _subword_cutter(self.subwords)
        if self.tokens == "words" and self.rules == 1:
            return lambda text: _first_rules(text.lower())
        return _CUTTERS[self.tokens]


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise UserError(
            "data.tokens='subwords': tokenizers is not installed: pip install tokenizers"
        ) from error
    return tokenizers


def _train_subwords(texts: Iterator[str], vocabulary: int, kind: str) -> str:
    library = _library()
    size = max(vocabulary - 1, 2)  # padding is ours
    if kind == "unigram":
        made = library.Tokenizer(library.models.Unigram())
        trainer = library.trainers.UnigramTrainer(
            vocab_size=size,
            unk_token=SPECIAL[UNKNOWN],
            special_tokens=[SPECIAL[UNKNOWN]],
            show_progress=False,
        )
    else:
        made = library.Tokenizer(library.models.BPE(unk_token=SPECIAL[UNKNOWN]))
        trainer = library.trainers.BpeTrainer(
            vocab_size=size, special_tokens=[SPECIAL[UNKNOWN]], show_progress=False
        )
    made.normalizer = library.normalizers.Lowercase()
    made.pre_tokenizer = library.pre_tokenizers.Metaspace()
    made.train_from_iterator(texts, trainer)
    return str(made.to_str())


def _subword_cutter(model: str | None) -> Cut:
    if model is None:
        raise ValueError("subwords are cut by a model that was trained")
    cut = load_subwords(_library(), model)
    return lambda text: cut(text) if text.strip() else []


@dataclass(frozen=True)
class CountedWords:
    """Texts as provisional ids, numbered as the words came, and how often the training rows have each."""

    words: tuple[str, ...]
    ids: dict[str, Ids]  # part -> flat provisional ids
    lengths: dict[str, Offsets]  # part -> tokens of each row that are read
    whole: dict[str, Offsets]  # part -> tokens of each row before it is cut


class _Numbering(dict[str, int]):
    """Words to numbers; a new word gets the next one."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def count(parts: Mapping[str, Sequence[str]], tokeniser: Tokeniser) -> CountedWords:
    """Cut all texts of all parts once, numbering the words as they come."""
    numbering = _Numbering()
    flat = {part: _numbered(texts, numbering, tokeniser) for part, texts in parts.items()}
    return CountedWords(
        words=tuple(numbering),
        ids={part: ids for part, (ids, _, _) in flat.items()},
        lengths={part: lengths for part, (_, lengths, _) in flat.items()},
        whole={part: whole for part, (_, _, whole) in flat.items()},
    )


def _numbered(
    texts: Sequence[str], numbering: dict[str, int], tokeniser: Tokeniser
) -> tuple[Ids, Offsets, Offsets]:
    ids, lengths, whole = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for chunk_ids, chunk_lengths, chunk_whole in _chunks(texts, numbering.__getitem__, tokeniser):
        ids.append(chunk_ids)
        lengths.append(chunk_lengths)
        whole.append(chunk_whole)
    return np.concatenate(ids), np.concatenate(lengths), np.concatenate(whole)


def _chunks(
    texts: Sequence[str], number: Callable[[str], int], tokeniser: Tokeniser
) -> Iterator[tuple[Ids, Offsets, Offsets]]:
    for start in range(0, len(texts), CHUNK):
        cut = tokeniser.all_pieces(texts[start : start + CHUNK])
        whole = np.fromiter(map(len, cut), np.int64, len(cut))
        # no token is the empty string: it stands for "no token" and is unknown to every vocabulary
        most, shorten = tokeniser.max_length, tokeniser.shorten
        rows = [(shorten(pieces) if len(pieces) > most else pieces) or [""] for pieces in cut]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        numbers = map(number, chain.from_iterable(rows))
        yield np.fromiter(numbers, np.int32, int(lengths.sum())), lengths, whole


def most_frequent(counted: CountedWords, *, size: int, fit_rows: int | None) -> tuple[str, ...]:
    """Choose the vocabulary: padding, unknown, then the words of the training rows by falling frequency.

    Words of equal frequency stand in the order of their characters. `fit_rows` counts the first n rows alone.
    """
    fitted = int(counted.lengths["train"][:fit_rows].sum())
    counts = np.bincount(counted.ids["train"][:fitted], minlength=len(counted.words)).tolist()
    ids = [i for i, n in enumerate(counts) if n and counted.words[i]]
    ids.sort(key=lambda i: (-counts[i], counted.words[i]))
    return SPECIAL + tuple(counted.words[i] for i in ids[: size - len(SPECIAL)])


def word_ids(vocabulary: Sequence[str]) -> dict[str, int]:
    """Return the id of each word; the names of padding and unknown are no words."""
    return {word: number for number, word in enumerate(vocabulary) if number >= len(SPECIAL)}


def final_ids(counted: CountedWords, vocabulary: Sequence[str], *, unknown: int) -> dict[str, Ids]:
    """Renumber the provisional ids of every part by the vocabulary."""
    known = word_ids(vocabulary)
    renumber = np.array([known.get(word, unknown) for word in counted.words], dtype=np.int32)
    return {part: renumber[ids] for part, ids in counted.ids.items()}


def encode(texts: Sequence[str], known: dict[str, int], tokeniser: Tokeniser) -> tuple[Ids, Offsets]:
    """Turn texts into flat ids and the length of each row, by a vocabulary that stands."""
    unknown = tokeniser.unknown

    class _Known(dict[str, int]):
        def __missing__(self, word: str) -> int:
            return unknown

    ids, lengths_N, _ = _numbered(texts, _Known(known), tokeniser)
    return ids, lengths_N


def offsets(lengths_N: Offsets) -> Offsets:
    """Return where each row starts in the flat ids, and where the last one ends (N + 1 numbers)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths_N)])
