"""A corpus as token ids, made once and mapped into memory by every process that trains on it.

N rows; S tokens of all rows together.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data import tokens
from rnnsweep.data.config import DataConfig
from rnnsweep.data.corpora import Corpus, read_corpus
from rnnsweep.data.cut_once import count_once
from rnnsweep.data.groups import Hashes, are_independent, decides_group, group_rows
from rnnsweep.data.rows import PARTS, TextRows, choose_rows, digest, tested_rows
from rnnsweep.data.store import find_cache, key_of, made_once, map_array, read_json, write_array, write_json
from rnnsweep.data.summary.description import describe
from rnnsweep.data.summary.remarks import CorpusFacts, Remark
from rnnsweep.errors import refuse_unknown

NO_TARGET = -100  # cross-entropy ignores it
SETTINGS = (  # that the token ids depend on, beside the corpus itself
    "skip_empty",
    "sample",
    "limit",
    "validation_share",
    "test_share",
    "split_seed",
    "tokens",
    "vocabulary",
    "fit_rows",
    "pad_is_unknown",
    "max_length",
    "cut",
    "subwords",
)
VERSION = 14  # of what lies in a folder of the cache


@dataclass(frozen=True)
class EncodedPart:
    """Rows of token ids, laid end to end; row n is ``ids[offsets_N1[n]:offsets_N1[n + 1]]``."""

    ids: NDArray[np.int32]  # (S,)
    offsets_N1: NDArray[np.int64]
    targets_N: NDArray[Any]  # classes (int64) or numbers (float64)

    def __len__(self) -> int:
        return int(self.targets_N.shape[0])

    @cached_property
    def lengths_N(self) -> NDArray[np.int64]:
        """Tokens of each row, 1 or more."""
        return np.diff(self.offsets_N1)

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of the rows as ids and targets: parts that are alike may lie on a device once."""
        sha256 = hashlib.sha256()
        for array in (self.ids, self.offsets_N1, self.targets_N):
            sha256.update(np.ascontiguousarray(array).data)
        return sha256.hexdigest()


def encode(texts: Sequence[str], known: dict[str, int], tokeniser: tokens.Tokeniser) -> EncodedPart:
    """Turn texts into ids by a vocabulary that stands; each has one or more, and no target."""
    ids, lengths_N = tokens.encode(texts, known, tokeniser)
    return EncodedPart(ids, tokens.offsets(lengths_N), np.full(len(texts), NO_TARGET, np.int64))


@dataclass(frozen=True)
class EncodedCorpus:
    """A corpus cut into tokens, in three parts. The test part is read through `test()` and nowhere else."""

    name: str
    digest: str  # sha256 of all rows that were read, whatever the split
    labels: tuple[str, ...]
    sizes: dict[str, int]  # part -> rows
    part_digests: dict[str, str]  # part -> sha256 of its texts and targets
    empty: dict[str, int]  # part -> rows without any token; each is one unknown token
    tested: str  # which rows of which files are tested, whatever text is read
    config: DataConfig = field(repr=False)
    folder: Path = field(repr=False)
    corpus: Path = field(repr=False)
    group_decided: bool = False  # by the user: that a column may group rows is not said any more

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The words by their ids: padding, unknown, then by falling frequency in the training part."""
        return tuple(read_json(self.folder / "vocabulary.json"))

    @cached_property
    def tokeniser(self) -> tokens.Tokeniser:
        """What cuts texts into the corpus's tokens."""
        return tokens.Tokeniser(**read_json(self.folder / "tokeniser.json"))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that the texts were read from, whether or not a setting names them."""
        return Corpus(self.corpus).text_columns

    @property
    def files(self) -> dict[str, str]:
        """The digest of the files of each part that is given; empty where rows are of no file."""
        return Corpus(self.corpus).files

    @cached_property
    def facts(self) -> CorpusFacts:
        """What was read, with remarks on it."""
        facts = CorpusFacts.from_json(read_json(self.folder / "facts.json"))
        corpus = Corpus(self.corpus)
        lines = corpus.lines({part: self.rows(part) for part in PARTS})
        return replace(
            facts,
            parts={part: {**counts, "lines": lines[part]} for part, counts in facts.parts.items()},
            remarks=(
                *corpus.remarks,
                *_remark_on_empty(self.sizes, self.empty, self.config),
                *filter(self._is_said, facts.remarks),
            ),
            notes=(*corpus.notes, *_notes(self.config, facts.left_out)),
        )

    def _is_said(self, remark: Remark) -> bool:
        return remark.code != "groups" or self.config.group is not None or not self.group_decided

    @cached_property
    def train(self) -> EncodedPart:
        """The training part."""
        return self._part("train")

    @cached_property
    def validation(self) -> EncodedPart:
        """The validation part."""
        return self._part("validation")

    def test(self) -> EncodedPart:
        """Open the test part: for the last word on chosen configurations, never for choosing them."""
        return self._part("test")

    def texts(self, part: str, *, rows: NDArray[np.int64] | None = None) -> list[str]:
        """Return the raw texts of a part, in the order of its rows, or of `rows` of it alone."""
        numbers = self.rows(part)
        return Corpus(self.corpus).texts(numbers if rows is None else numbers[rows])

    def columns(self, part: str, *, rows: NDArray[np.int64] | None = None) -> dict[str, list[str]]:
        """Return `text` of a part, or of `rows` of it alone, and `group` where a column groups rows."""
        corpus, numbers = Corpus(self.corpus), self.rows(part)
        numbers = numbers if rows is None else numbers[rows]
        groups = corpus.group_names(numbers)
        return {**({} if groups is None else {"group": groups}), "text": corpus.texts(numbers)}

    def rows(self, part: str) -> NDArray[np.int64]:
        """Return the numbers of a part's rows among all rows of the corpus."""
        refuse_unknown("part", part, PARTS)
        return map_array(self.folder / f"{part}.rows.npy")

    def groups(self, part: str) -> Hashes:
        """Return the group of each row of a part as a number: of `data.group`, else of the text's words."""
        if self.config.group is None:
            return group_rows(self.texts(part))
        return Corpus(self.corpus).groups(self.rows(part))

    def units(self, groups_N: Hashes) -> Hashes | None:
        """Return the groups of rows as units of evidence: of `data.group`, or of texts that are repeated.

        None where each row is a unit, as hardly a text is repeated.
        """
        return None if self.config.group is None and are_independent(groups_N) else groups_N

    def encode(self, texts: Sequence[str]) -> EncodedPart:
        """Turn any texts into ids by this corpus's vocabulary; their targets are -100 (none)."""
        return encode(texts, self._known, self.tokeniser)

    @cached_property
    def _known(self) -> dict[str, int]:
        return tokens.word_ids(self.vocabulary)

    def _part(self, part: str) -> EncodedPart:
        names = ("ids", "offsets", "targets")
        return EncodedPart(*(map_array(self.folder / f"{part}.{name}.npy") for name in names))


def prepare(config: DataConfig, cache: Path | None = None, *, overrides: Sequence[str] = ()) -> EncodedCorpus:
    """Return the corpus of the settings, cut into tokens: done once, by one process, and kept in the cache.

    Args:
        config: which text, cut how.
        cache: folder; None takes ``RNNSWEEP_CACHE`` or the user's cache folder.
        overrides: of the run that reads it; they tell ``data.group=null`` from no word on groups.

    Raises:
        UserError: the source is missing, cannot be read, or is not what it should be.
    """
    place = find_cache(cache)
    corpus = read_corpus(config, place)
    folder = made_once(
        place / "tokens" / _key(config, corpus), lambda into: _encode(corpus, config, into, cache=place)
    )
    meta = read_json(folder / "meta.json")
    return EncodedCorpus(
        name=corpus.name,
        digest=corpus.digest,
        labels=corpus.labels,
        config=config,
        folder=folder,
        corpus=corpus.folder,
        group_decided=decides_group(overrides),
        **meta,
    )


def read_texts(
    config: DataConfig, part: str, cache: Path | None = None
) -> tuple[list[str], NDArray[np.int64]]:
    """Return the raw texts and the targets of a part, as the linear baseline reads them."""
    corpus = prepare(config, cache)
    texts = corpus.texts(part)
    return texts, np.array(map_array(corpus.folder / f"{part}.targets.npy"))


def _notes(config: DataConfig, left_out: int) -> Iterator[str]:
    """Yield what the settings say of the test part and of rows without text."""
    if config.folds is not None:
        yield (
            f"the test part is fold {config.fold} of {config.folds} (data.folds); the replicates of a sweep"
            f" take each fold in turn"
        )
    if left_out:
        of = "" if config.split_text is None else " in a column of data.split_text"
        counted = f"1 row without text{of} is" if left_out == 1 else f"{left_out:,} rows without text{of} are"
        yield f"{counted} left out (data.skip_empty=true)"


def _remark_on_empty(
    sizes: Mapping[str, int], empty: Mapping[str, int], config: DataConfig
) -> tuple[Remark, ...]:
    rows, total = sum(empty.values()), sum(sizes.values())
    if not rows:
        return ()
    counted = "1 row has no token, and is" if rows == 1 else f"{rows:,} rows have no token, and each is"
    advice = "" if config.skip_empty else "; data.skip_empty=true leaves rows without text out"
    return (Remark("empty", f"{counted} read as one unknown word ({rows / total:.1%} of all){advice}"),)


def _key(config: DataConfig, corpus: Corpus) -> str:
    settings = {name: getattr(config, name) for name in SETTINGS}
    settings |= {"folds": [config.folds, config.fold]} if config.folds else {}  # older records know none
    # two tables may have the same rows, and a given test part is told by its file (`tested_rows`)
    return key_of([VERSION, corpus.digest, corpus.group_column, corpus.files.get("test"), settings])


def _encode(corpus: Corpus, config: DataConfig, folder: Path, *, cache: Path) -> None:
    rows = corpus.rows()
    chosen = choose_rows(rows, config)
    texts = {part: [rows.texts[n] for n in numbers.tolist()] for part, numbers in chosen.items()}
    tokeniser = tokens.Tokeniser.of(config, tokenised=rows.tokenised).trained(
        texts["train"][: config.fit_rows], vocabulary=config.vocabulary, kind=config.subwords
    )
    write_json(folder / "tokeniser.json", asdict(tokeniser))
    # with a limit, or pieces of words that the training part decides, each split has tokens of its own
    if config.limit is None and tokeniser.subwords is None:
        counted = count_once(rows, chosen, tokeniser, digest=corpus.digest, cache=cache)
    else:
        counted = tokens.count(texts, tokeniser)
    vocabulary = tokens.most_frequent(counted, size=config.vocabulary, fit_rows=config.fit_rows)
    write_json(folder / "vocabulary.json", vocabulary)
    ids = tokens.final_ids(counted, vocabulary, unknown=tokeniser.unknown)
    facts = describe(rows, chosen, texts, counted, set(vocabulary), config)
    write_json(folder / "facts.json", facts.to_json())
    for part, numbers in chosen.items():
        write_array(folder / f"{part}.ids.npy", ids[part])
        write_array(folder / f"{part}.offsets.npy", tokens.offsets(counted.lengths[part]))
        write_array(folder / f"{part}.targets.npy", rows.targets_N[numbers])
        write_array(folder / f"{part}.rows.npy", numbers)
    tested = tested_rows(rows, chosen["test"], source=corpus.digest)
    write_json(folder / "meta.json", {**_facts(rows, texts, chosen, counted), "tested": tested})


def _facts(
    rows: TextRows, texts: dict[str, list[str]], chosen: dict[str, Any], counted: tokens.CountedWords
) -> dict[str, Any]:
    nothing = counted.words.index("") if "" in counted.words else -1
    return {
        "sizes": {part: len(numbers) for part, numbers in chosen.items()},
        "part_digests": {part: digest(texts[part], rows.targets_N[chosen[part]]) for part in chosen},
        "empty": {part: int((ids == nothing).sum()) for part, ids in counted.ids.items()},
    }
