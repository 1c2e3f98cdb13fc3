"""The settings of a corpus, its tokens and its batches."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from rnnsweep.data.sources import source_names
from rnnsweep.data.written import DELIMITERS, QUOTES, as_columns, columns_of, is_text
from rnnsweep.errors import refuse_unless
from rnnsweep.settings import (
    ANY_NUMBER,
    INNER_SHARE,
    NOT_NEGATIVE,
    ONE_OR_MORE,
    Range,
    about_settings,
    check_settings,
    setting,
)

CUTS = ("both", "head", "tail")
TOKENS = ("basic_english", "characters", "keras", "subwords", "words")
TARGETS = ("classes", "numbers")

_FILES, _NEWS = ("files",), ("ag_news",)
_PATHS = "a path, a pattern, a folder, or a list of paths"


@dataclass
class DataConfig:
    """Which text, how it is cut into tokens, and in what batches it is read."""

    corpus: str = setting(
        "docstrings", "source of the rows; `data=NAME` sets it", choices=source_names(), example="files"
    )
    dir: str | None = setting(
        None,
        "folder of AG News: train.csv and test.csv",
        null="downloads it once",
        corpora=_NEWS,
        path=True,
        example="path/to/ag_news",
    )
    url: str | None = setting(
        None,
        "folder of a mirror from which AG News is downloaded",
        null="takes the original address",
        corpora=_NEWS,
        example="https://mirror.example/ag_news",
    )
    train: Any = setting(
        None,
        "your training rows: CSV, TSV, JSON Lines or Parquet",
        kind=_PATHS,
        null="names no file",
        corpora=_FILES,
        path=True,
        example="reviews.csv",
    )
    validation: Any = setting(
        None,
        "your validation rows",
        kind=_PATHS,
        null="splits them off the training rows",
        corpora=_FILES,
        path=True,
        example="validation.csv",
    )
    test: Any = setting(
        None,
        "your test rows",
        kind=_PATHS,
        null="splits them off the training rows",
        corpora=_FILES,
        path=True,
        example="test.csv",
    )
    text: Any = setting(
        None,
        "column of the text; several are joined by a space",
        kind="a column, or a list of columns",
        null="finds it by its name",
        corpora=("files", "ag_news"),
        example="[title,body]",
    )
    split_text: Any = setting(
        None,
        "columns by whose texts rows are drawn into parts: the same rows, whatever columns are read",
        kind="a column, or a list of columns",
        null="takes those that are read",
        corpora=_FILES,
        example="[title,body]",
    )
    label: str | None = setting(
        None,
        "column of the label, or of the number to predict",
        null="finds it by its name",
        corpora=_FILES,
        example="topic",
    )
    targets: str = setting(
        "classes", "what the column of labels holds; the task sets it", choices=TARGETS, example="classes"
    )
    group: str | None = setting(
        None,
        "column whose values never occur in two parts, such as an author; each row without a value is a group"
        " of its own",
        null="lets each row fall into any part",
        corpora=_FILES,
        example="author",
    )
    delimiter: str | None = setting(
        None,
        "character between columns",
        kind=f"one character, or one of {', '.join(DELIMITERS)}",
        null="detects it",
        corpora=_FILES,
        example="tab",
    )
    quote: str | None = setting(
        None,
        "quotation mark around values; none: quotation marks are text",
        kind=f"one character, or one of {', '.join(QUOTES)}",
        null="detects it",
        corpora=_FILES,
        example="double",
    )
    header: bool = setting(
        True,
        "whether the first line names the columns; if false, they are called 1, 2, ...",
        corpora=_FILES,
        example="false",
    )
    encoding: str | None = setting(
        None, "encoding of the files", null="detects it", corpora=_FILES, example="cp1252"
    )
    skip_bad: int = setting(
        0, "unreadable rows that may be left out", within=NOT_NEGATIVE, corpora=_FILES, example=10
    )
    skip_unlabelled: bool = setting(False, "leave out rows without a label", corpora=_FILES, example="true")
    missing_is_class: bool = setting(
        False, "take labels such as NA, None and ? as classes", corpora=_FILES, example="true"
    )
    fold_labels: bool = setting(
        False, "take labels that differ only by case, space or hyphen as one", corpora=_FILES, example="true"
    )
    libraries: list[str] = setting(
        [],
        "installed libraries whose docstrings are read; an empty list takes the default nine",
        corpora=("docstrings",),
        example="[numpy,scipy]",
    )
    skip_empty: bool = setting(False, "leave out rows whose text is empty", example="true")
    sample: int | None = setting(
        None,
        "rows of the whole corpus to keep, balanced, always the same",
        within=ONE_OR_MORE,
        null="keeps all",
        example=5000,
    )
    limit: int | None = setting(
        None,
        "training rows to keep, balanced; validation and test rows stay",
        within=ONE_OR_MORE,
        null="keeps all",
        example=2000,
    )
    validation_share: float = setting(
        0.1,
        "share of the training rows for validation, where no validation rows are given",
        within=INNER_SHARE,
        example=0.2,
    )
    test_share: float = setting(
        0.1, "share of all rows for the test, where no test rows are given", within=INNER_SHARE, example=0.2
    )
    folds: int | None = setting(
        None,
        "folds of a cross-validation, in place of data.test_share: each is tested in turn, by the replicates",
        within=Range("2 or more", lambda value: value >= 2),
        null="draws one test part",
        example=5,
    )
    fold: int = setting(1, "which of data.folds is the test part", within=ONE_OR_MORE, example=2)
    split_seed: int = setting(
        0, "which training rows become validation rows; the test rows stay", within=ANY_NUMBER, example=1
    )
    tokens: str = setting(
        "words",
        "what a token is, lower-cased but for characters; basic_english: torchtext's rules, keras: those of"
        " Keras",
        choices=TOKENS,
        example="subwords",
    )
    subwords: str = setting(
        "bpe", "algorithm of data.tokens=subwords", choices=("bpe", "unigram"), example="unigram"
    )
    vocabulary: int = setting(
        20000,
        "entries of the vocabulary at most, padding and unknown included",
        within=Range("3 or more", lambda value: value >= 3),
        example=50000,
    )
    fit_rows: int | None = setting(
        None,
        "first training rows that the vocabulary is counted on",
        within=ONE_OR_MORE,
        null="counts on all",
        example=10000,
    )
    pad_is_unknown: bool = setting(
        False, "give unknown words the id of padding (a known mistake, to measure its cost)", example="true"
    )
    max_length: int = setting(
        100, "tokens of a text that are read; data.cut says which", within=ONE_OR_MORE, example=200
    )
    cut: str = setting(
        "head", "which tokens of a longer text are read; both: half at each end", choices=CUTS, example="tail"
    )
    batch_size: int = setting(64, "rows of a batch", within=ONE_OR_MORE, example=128)
    grouping: str = setting(
        "length",
        "length: batches of nearly equal lengths; none: batches as the rows are drawn",
        choices=("length", "none"),
        example="none",
    )
    vectors: str | None = setting(
        None,
        "start of the embedding: a GloVe or word2vec file, or own (computed from the training texts)",
        suggestions=("own",),
        null="draws it at random",
        example="glove.6B.100d.txt",
    )

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        check_settings("data", self)
        self._refuse_folds()
        self._refuse_columns_and_paths()

    def _refuse_folds(self) -> None:
        last = self.folds or 1
        refuse_unless(self.fold <= last, "data.fold", self.fold, f"1 to {last} (data.folds={self.folds})")
        right = "null where data.test or data=ag_news gives a test part: folds take its place"
        refuse_unless(not (self.folds and self.gives_test_rows), "data.folds", self.folds, right)

    def _refuse_columns_and_paths(self) -> None:
        for name in ("text", "split_text"):
            value = as_columns(getattr(self, name))
            setattr(self, name, value)
            refuse_unless(is_text(value), f"data.{name}", value, "a column, a list of columns, or null")
        for name in ("train", "validation", "test"):
            value = getattr(self, name)
            refuse_unless(
                is_text(value), f"data.{name}", value, "a path, a pattern, a list of paths, or null"
            )
        for name, words in (("delimiter", DELIMITERS), ("quote", QUOTES)):
            value = getattr(self, name)
            fits = value is None or value in words or (len(value) == 1 and value not in "\r\n")
            refuse_unless(
                fits, f"data.{name}", value, f"one character, or one of {', '.join(words)}, or null"
            )

    @property
    def source(self) -> str:
        """What decides which rows are read, before any is left out, split off or cut into tokens."""
        numbers = [self.targets] if self.targets != "classes" else []  # older records know classes alone
        by = [self.split_text] if self.split_text is not None else []  # nor do they know this one
        settings = (getattr(self, name) for name in keys_of(self.corpus) if name != "split_text")
        return json.dumps([self.corpus, self.sample, *settings, *numbers, *by])

    @property
    def gives_test_rows(self) -> bool:
        """Whether the test rows are the source's own, so that none are drawn from the training rows."""
        return self.test is not None or self.corpus == "ag_news"

    @property
    def text_columns(self) -> tuple[str, ...] | None:
        """The columns that ``data.text`` names, in order; None where they are to be found by name."""
        return columns_of(self.text)


@cache
def keys_of(corpus: str) -> tuple[str, ...]:
    """Return the keys that decide what rows a corpus has; those of other corpora are not among them."""
    return tuple(name for name, about in about_settings(DataConfig).items() if corpus in about.corpora)


@cache
def source_keys() -> dict[str, tuple[str, ...]]:
    """Return each key that some corpora alone read, with these corpora."""
    return {name: about.corpora for name, about in about_settings(DataConfig).items() if about.corpora}


@cache
def path_keys() -> tuple[str, ...]:
    """Return the keys that name files or folders."""
    return tuple(name for name, about in about_settings(DataConfig).items() if about.path)
