"""The settings of a corpus, its tokens and its batches."""

from dataclasses import dataclass, field
from typing import Any

from rnnsweep.errors import refuse_unknown, refuse_unless

CORPORA = ("ag_news", "docstrings", "files")
TOKENS = ("characters", "words")


@dataclass
class DataConfig:
    """Which text, cut how, in what batches."""

    corpus: str = "docstrings"  # docstrings | ag_news | files
    dir: str | None = None  # ag_news: folder of train.csv and test.csv; null downloads once
    train: str | None = None  # files: CSV, TSV, JSON Lines or Parquet
    validation: str | None = None  # files: null splits it off the training part
    test: str | None = None  # files: null splits it off the training part
    text: Any = None  # column or list of columns; null finds it by name
    label: str | None = None  # column; null finds it by name
    libraries: list[str] = field(default_factory=list)  # docstrings: empty takes the default nine
    sample: int | None = None  # rows of the whole corpus to keep, balanced, fixed; null keeps all
    validation_share: float = 0.1  # of the training part, where no validation part is given
    test_share: float = 0.1  # of the whole, where no test part is given
    split_seed: int = 0  # changes which rows are validation rows; never touches the test part
    tokens: str = "words"  # words | characters
    vocabulary: int = 20000  # entries at most, padding and unknown included
    max_length: int = 100  # tokens of a text; the rest is cut
    batch_size: int = 64

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        refuse_unknown("data.corpus", self.corpus, CORPORA)
        refuse_unknown("data.tokens", self.tokens, TOKENS)
        refuse_unless(self.vocabulary >= 3, "data.vocabulary", self.vocabulary, "3 or more")
        for name in ("max_length", "batch_size"):
            value = getattr(self, name)
            refuse_unless(value >= 1, f"data.{name}", value, "1 or more")
        refuse_unless(
            self.sample is None or self.sample >= 1, "data.sample", self.sample, "1 or more, or null"
        )
        for name in ("validation_share", "test_share"):
            value = getattr(self, name)
            refuse_unless(0 < value < 1, f"data.{name}", value, "above 0 and below 1")
