"""Remarks on the tokens of a corpus: what is cut, what is unknown, and what is no text of words."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rnnsweep.data.config import DataConfig
from rnnsweep.data.summary.remarks import Remark
from rnnsweep.data.tokens import LIST, CountedWords

CUT_SHARE = 0.05  # of the texts: where more are cut, it is told
UNKNOWN_SHARE = 0.3  # of the tokens of a part that the vocabulary does not have
LONG_TOKEN = 12  # characters a token; words of no language are so long on the average
SAMPLE = 2000  # rows that scripts are counted on
_FRACTION = r"[-+]?\d*\.\d+(e[-+]?\d+)?"
_FRACTIONS = re.compile(rf"[\s,;\[\]]*{_FRACTION}([\s,;\[\]]+{_FRACTION})*[\s,;\[\]]*", re.IGNORECASE)
_without_blanks = re.compile(  # runs of the scripts that set no blanks between words
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\U00020000-\U0002ffff]+"
).findall


def remarks_on_tokens(
    texts: Sequence[str],
    counted: CountedWords,
    unknown: Mapping[str, float],
    lengths: Mapping[str, float],
    config: DataConfig,
    tokenised: bool,
) -> Iterator[Remark]:
    """Yield remarks on texts that are cut, on words that are unknown, and on what is no text of words.

    Args:
        texts: of the training part.
        counted: the tokens of all parts.
        unknown: part -> share of its tokens that the vocabulary does not have.
        lengths: as `CorpusFacts.lengths`.
        config: the settings of the corpus.
        tokenised: whether the texts came as lists of tokens.
    """
    if lengths["cut"] > CUT_SHARE:
        yield Remark(
            "cut",
            f"{lengths['cut']:.1%} of the texts have more than data.max_length={config.max_length} tokens"
            f" (median {lengths['median']:g}, longest {lengths['longest']:,}): of these the"
            f" {_what_is_read(config)} are read; set data.max_length, or data.cut=head, tail or both",
        )
    for part in ("validation", "test"):
        if unknown[part] > UNKNOWN_SHARE:
            yield Remark(
                "unknown",
                f"{unknown[part]:.1%} of the tokens of the {part} part are in no training text or not in"
                f" data.vocabulary={config.vocabulary}; data.tokens=subwords or characters knows more",
            )
            break
    if tokenised:
        yield from _of_sentences(counted)
    elif config.tokens not in ("characters", "subwords", LIST):
        yield from _unsegmented(texts[:SAMPLE], int(counted.whole["train"][:SAMPLE].sum()))
        yield from _of_numbers(texts[:SAMPLE])


def _what_is_read(config: DataConfig) -> str:
    half = config.max_length // 2
    first = f"first {config.max_length}" if config.cut == "head" else f"last {config.max_length}"
    return f"first {config.max_length - half} and last {half}" if config.cut == "both" else first


def _of_sentences(counted: CountedWords) -> Iterator[Remark]:
    long = np.array([word.strip().count(" ") > 1 for word in counted.words], dtype=np.bool_)
    share = float(long[counted.ids["train"]].mean())
    if share > 0.5:
        yield Remark(
            "unsegmented",
            f"{share:.0%} of the tokens in the lists are of three words or more: lists of sentences are no"
            f" lists of tokens; join each to one text, or cut it into words",
        )


def _of_numbers(texts: Sequence[str]) -> Iterator[Remark]:
    """Yield where texts are readings: fractions alone, each different one of which would be a word."""
    share = sum(_FRACTIONS.fullmatch(text) is not None for text in texts) / max(len(texts), 1)
    if share > 0.9:
        yield Remark(
            "numbers",
            f"{share:.0%} of the texts are fractions alone: each different number is cut into words;"
            f" sequences of numbers are no texts, and data=files reads texts",
        )


def _unsegmented(texts: Sequence[str], tokens: int) -> Iterator[Remark]:
    """Yield where blanks do not part words: long tokens, or a script that sets none."""
    characters = "".join(texts)
    if tokens and len(characters) / tokens > LONG_TOKEN:
        yield Remark(
            "unsegmented",
            f"a token has {len(characters) / tokens:.0f} characters on average: blanks do not separate"
            " the words here; data.tokens=characters or data.tokens=subwords does",
        )
        return
    letters = sum(map(str.isalpha, characters))
    share = sum(map(str.isalpha, "".join(_without_blanks(characters)))) / max(letters, 1)
    if share > 0.5:
        yield Remark(
            "unsegmented",
            f"{share:.0%} of the letters are of a script without blanks between words: each is a token of its"
            f" own; data.tokens=subwords finds longer pieces",
        )
