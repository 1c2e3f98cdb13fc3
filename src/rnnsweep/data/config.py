"""The settings of a corpus, its tokens and its batches."""

import json
from dataclasses import dataclass, field
from typing import Any

from rnnsweep.errors import refuse_unknown, refuse_unless

CORPORA = ("ag_news", "docstrings", "files")
TOKENS = ("basic_english", "characters", "keras", "words")
GROUPINGS = ("length", "none")
_SOURCE = ("corpus", "dir", "url", "train", "validation", "test", "text", "label", "libraries", "sample")


@dataclass
class DataConfig:
    """Which text, cut how, in what batches."""

    corpus: str = "docstrings"  # docstrings | ag_news | files
    dir: str | None = None  # ag_news: folder of train.csv and test.csv; null downloads once
    url: str | None = None  # ag_news: a mirror's folder to download from; null takes upstream's
    train: str | None = None  # files: CSV, TSV, JSON Lines or Parquet
    validation: str | None = None  # files: null splits it off the training part
    test: str | None = None  # files: null splits it off the training part
    text: Any = None  # column or list of columns, joined by a space; null finds it by name
    label: str | None = None  # column; null finds it by name
    libraries: list[str] = field(default_factory=list)  # docstrings: empty takes the default nine
    skip_empty: bool = False  # leave out rows whose text is empty, as where a title is missing
    sample: int | None = None  # rows of the whole corpus to keep, balanced, fixed; null keeps all
    limit: int | None = None  # training rows to keep, balanced, fixed; validation and test stay whole
    validation_share: float = 0.1  # of the training part, where no validation part is given
    test_share: float = 0.1  # of the whole, where no test part is given
    split_seed: int = 0  # changes which rows are validation rows; never touches the test part
    tokens: str = "words"  # words | characters | basic_english (torchtext's rules) | keras (its rules)
    vocabulary: int = 20000  # entries at most, padding and unknown included
    fit_rows: int | None = None  # the vocabulary is counted on the first n training rows; null: on all
    pad_is_unknown: bool = False  # true: unknown words get the id of padding (a known mistake, to show it)
    max_length: int = 100  # tokens of a text; the rest is cut
    batch_size: int = 64
    grouping: str = "length"  # length: batches of nearly equal lengths | none: as the rows are drawn
    vectors: str | None = None  # start of the embedding: GloVe or word2vec file | own (counted on the texts)

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        refuse_unknown("data.corpus", self.corpus, CORPORA)
        refuse_unknown("data.tokens", self.tokens, TOKENS)
        refuse_unknown("data.grouping", self.grouping, GROUPINGS)
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
        refuse_unless(_is_text(self.text), "data.text", self.text, "a column, a list of columns, or null")

    @property
    def source(self) -> str:
        """What decides which rows are read, before any is left out, split off or cut into tokens."""
        return json.dumps([getattr(self, name) for name in _SOURCE])

    @property
    def text_columns(self) -> tuple[str, ...] | None:
        """The columns that ``data.text`` names, in order; None where they are to be found by name."""
        if self.text is None:
            return None
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)


def _is_text(value: object) -> bool:
    if value is None or isinstance(value, str):
        return value != ""
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(v, str) for v in value)
