"""The settings of a corpus, its tokens and its batches."""

import json
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from rnnsweep.errors import refuse_unknown, refuse_unless

CORPORA = ("ag_news", "docstrings", "files")
TOKENS = ("basic_english", "characters", "keras", "subwords", "words")
CUTS = ("both", "head", "tail")
SUBWORDS = ("bpe", "unigram")
GROUPINGS = ("length", "none")
TARGETS = ("classes", "numbers")
_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "blank": " "}
_QUOTES = {"none": "", "double": '"', "single": "'"}


def _of(*corpora: str, path: bool = False) -> dict[str, Any]:
    """Return a field's metadata: the corpora that read it, and whether it names files."""
    return {"corpora": corpora, "path": path}


@dataclass
class DataConfig:
    """Which text, cut how, in what batches."""

    corpus: str = "docstrings"  # docstrings | ag_news | files
    # ag_news: folder of train.csv and test.csv; null downloads once
    dir: str | None = field(default=None, metadata=_of("ag_news", path=True))
    # ag_news: a mirror's folder to download from; null takes upstream's
    url: str | None = field(default=None, metadata=_of("ag_news"))
    # files: a path, a pattern, a folder, or a list of paths
    train: Any = field(default=None, metadata=_of("files", path=True))
    # files: as train; null splits it off the training part
    validation: Any = field(default=None, metadata=_of("files", path=True))
    # files: as train; null splits it off the training part
    test: Any = field(default=None, metadata=_of("files", path=True))
    # column or list of columns, joined by a space; null finds it by name
    text: Any = field(default=None, metadata=_of("files", "ag_news"))
    # files: column; null finds it by name
    label: str | None = field(default=None, metadata=_of("files"))
    targets: str = "classes"  # classes | numbers: what that column holds; the task decides it
    # files: column whose values never straddle two parts, as an author
    group: str | None = field(default=None, metadata=_of("files"))
    # files: one character, or tab; null finds it out
    delimiter: str | None = field(default=None, metadata=_of("files"))
    # files: one character, or none where quote marks are characters; null finds it out
    quote: str | None = field(default=None, metadata=_of("files"))
    # files: false: the first line is a row, and columns are called 1, 2, ...
    header: bool = field(default=True, metadata=_of("files"))
    # files: as cp1252; null finds it out
    encoding: str | None = field(default=None, metadata=_of("files"))
    # files: rows at most that cannot be read and are left out
    skip_bad: int = field(default=0, metadata=_of("files"))
    # files: leave out rows without a label
    skip_unlabelled: bool = field(default=False, metadata=_of("files"))
    # files: true: labels as NA, None and ? are classes
    missing_is_class: bool = field(default=False, metadata=_of("files"))
    # files: true: labels that differ by case or blanks alone are one class
    fold_labels: bool = field(default=False, metadata=_of("files"))
    # docstrings: empty takes the default nine
    libraries: list[str] = field(default_factory=list, metadata=_of("docstrings"))
    skip_empty: bool = False  # leave out rows whose text is empty, as where a title is missing
    sample: int | None = None  # rows of the whole corpus to keep, balanced, fixed; null keeps all
    limit: int | None = None  # training rows to keep, balanced, fixed; validation and test stay whole
    validation_share: float = 0.1  # of the training part, where no validation part is given
    test_share: float = 0.1  # of the whole, where no test part is given
    split_seed: int = 0  # changes which rows are validation rows; never touches the test part
    tokens: str = "words"  # words | characters | subwords | basic_english (torchtext's rules) | keras
    subwords: str = "bpe"  # bpe | unigram: what data.tokens=subwords trains on the training part
    vocabulary: int = 20000  # entries at most, padding and unknown included
    fit_rows: int | None = None  # the vocabulary is counted on the first n training rows; null: on all
    pad_is_unknown: bool = False  # true: unknown words get the id of padding (a known mistake, to show it)
    max_length: int = 100  # tokens of a text; the rest is cut
    cut: str = "head"  # which tokens of a longer text are read: head | tail | both (half of each)
    batch_size: int = 64
    grouping: str = "length"  # length: batches of nearly equal lengths | none: as the rows are drawn
    vectors: str | None = None  # start of the embedding: GloVe or word2vec file | own (counted on the texts)

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        refuse_unknown("data.corpus", self.corpus, CORPORA)
        refuse_unknown("data.tokens", self.tokens, TOKENS)
        refuse_unknown("data.targets", self.targets, TARGETS)
        refuse_unknown("data.grouping", self.grouping, GROUPINGS)
        refuse_unknown("data.cut", self.cut, CUTS)
        refuse_unknown("data.subwords", self.subwords, SUBWORDS)
        refuse_unless(self.vocabulary >= 3, "data.vocabulary", self.vocabulary, "3 or more")
        for name in ("max_length", "batch_size"):
            value = getattr(self, name)
            refuse_unless(value >= 1, f"data.{name}", value, "1 or more")
        for name in ("sample", "limit", "fit_rows"):
            value = getattr(self, name)
            refuse_unless(value is None or value >= 1, f"data.{name}", value, "1 or more, or null")
        for name in ("validation_share", "test_share"):
            value = getattr(self, name)
            refuse_unless(0 < value < 1, f"data.{name}", value, "above 0 and below 1")
        refuse_unless(self.skip_bad >= 0, "data.skip_bad", self.skip_bad, "0 or more")
        self._refuse_columns_and_paths()

    def _refuse_columns_and_paths(self) -> None:
        self.text = _as_columns(self.text)
        refuse_unless(_is_text(self.text), "data.text", self.text, "a column, a list of columns, or null")
        for name in ("train", "validation", "test"):
            value = getattr(self, name)
            refuse_unless(
                _is_text(value), f"data.{name}", value, "a path, a pattern, a list of paths, or null"
            )
        for name, words in (("delimiter", _DELIMITERS), ("quote", _QUOTES)):
            value = getattr(self, name)
            fits = value is None or value in words or (len(value) == 1 and value not in "\r\n")
            refuse_unless(
                fits, f"data.{name}", value, f"one character, or one of {', '.join(words)}, or null"
            )

    @property
    def source(self) -> str:
        """What decides which rows are read, before any is left out, split off or cut into tokens."""
        numbers = [self.targets] if self.targets != "classes" else []  # older records know classes alone
        settings = (getattr(self, name) for name in keys_of(self.corpus))
        return json.dumps([self.corpus, self.sample, *settings, *numbers])

    @property
    def delimiter_char(self) -> str | None:
        """The delimiter as a character; None where it is to be found out."""
        return None if self.delimiter is None else _DELIMITERS.get(self.delimiter, self.delimiter)

    @property
    def quote_char(self) -> str | None:
        """The quote mark, "" where quote marks are characters; None where that is to be found out."""
        return None if self.quote is None else _QUOTES.get(self.quote, self.quote)

    @property
    def text_columns(self) -> tuple[str, ...] | None:
        """The columns that ``data.text`` names, in order; None where they are to be found by name."""
        if self.text is None:
            return None
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)


@cache
def keys_of(corpus: str) -> tuple[str, ...]:
    """Return the keys that decide what rows a corpus has; those of other corpora are not among them."""
    return tuple(each.name for each in fields(DataConfig) if corpus in each.metadata.get("corpora", ()))


@cache
def source_keys() -> dict[str, tuple[str, ...]]:
    """Return each key that some corpora alone read, with these corpora."""
    return {each.name: each.metadata["corpora"] for each in fields(DataConfig) if "corpora" in each.metadata}


@cache
def path_keys() -> tuple[str, ...]:
    """Return the keys that name files or folders."""
    return tuple(each.name for each in fields(DataConfig) if each.metadata.get("path"))


def _as_columns(value: Any) -> Any:
    """Take column numbers, as ``data.text=6``, for their names."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple):
        return [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value]
    return value


def _is_text(value: object) -> bool:
    if value is None or isinstance(value, str):
        return value != ""
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(v, str) for v in value)
