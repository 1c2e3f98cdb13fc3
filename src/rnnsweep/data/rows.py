"""Labelled texts before they are cut into tokens, and how rows are drawn into parts.

A row belongs to a *group* (a source file, or all rows with one text): groups never straddle two parts. Which
groups go where follows from 64-bit hashes of their names alone, so that every machine draws the same.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.config import DataConfig
from rnnsweep.data.groups import Hashes, find_apart, hash_names
from rnnsweep.data.summary.remarks import Remark
from rnnsweep.data.written import columns_of
from rnnsweep.errors import UserError

PARTS = ("train", "validation", "test")
Rows: TypeAlias = NDArray[np.int64]
DRAWN = "drawn-"  # begins the digest of test rows that are drawn; earlier versions wrote the file into it


@dataclass(frozen=True)
class TextRows:
    """Texts with their labels, as read; N rows."""

    name: str
    labels: tuple[str, ...]
    texts: Sequence[str]
    targets_N: NDArray[Any]  # index into labels; numbers where there are no labels
    groups_N: Hashes
    parts_N: NDArray[np.int8]  # index into PARTS: the part that the source gives the row
    given: tuple[str, ...]  # parts that the source gives; the others are split off the training part
    spans_N: Rows | None = None  # lines of the file that each row takes; None: the source has no lines
    tokenised: bool = False  # each text is a list of tokens, joined by `tokens.join_tokens`
    remarks: tuple[Remark, ...] = ()  # on the files and labels
    notes: tuple[str, ...] = ()  # on what was guessed while reading
    group_names: Sequence[str] | None = None  # what rows of one group have in common, as an author
    group_column: str | None = None
    text_columns: tuple[str, ...] = ()  # that the texts are read from
    blank_N: NDArray[np.bool_] | None = None  # rows that data.skip_empty leaves out; None: those without text
    joined_by: tuple[str, int] | None = None  # column that joins most rows, "": the text; its values
    files: Mapping[str, str] = field(default_factory=dict)  # part that is given -> digest of its files

    @property
    def without_text_N(self) -> NDArray[np.bool_]:
        """Whether each row lacks what data.skip_empty asks for."""
        if self.blank_N is not None:
            return self.blank_N
        return np.array([not text.strip() for text in self.texts], dtype=np.bool_)


def mixed(hashes: Hashes, *, salt: str) -> Hashes:
    """Draw new 64-bit values from hashes, one draw for each salt (finaliser of splitmix64, Steele 2014)."""
    x = hashes + hash_names([salt])
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def draw_groups(targets_N: NDArray[Any], groups_N: Hashes, *, share: float, salt: str) -> NDArray[np.bool_]:
    """Return which rows are drawn: whole groups, until each label has about `share` of its rows.

    Args:
        targets_N: a class, or a number, for each row.
        groups_N: digest of each row's group.
        share: of each label's rows.
        salt: another one draws other groups.
    """
    groups_G, first_G, group_of_N, sizes_G = np.unique(
        groups_N, return_index=True, return_inverse=True, return_counts=True
    )
    labels_G = _strata(targets_N)[first_G]
    order_G = np.lexsort((mixed(groups_G, salt=salt), labels_G))
    drawn_G = np.zeros(groups_G.size, dtype=np.bool_)
    owed = 0.0  # rows that rounding kept back or overdrew; many tiny labels share a part fairly so
    for of_label in np.split(order_G, np.flatnonzero(np.diff(labels_G[order_G])) + 1):
        sizes = sizes_G[of_label]
        owed += share * sizes.sum()
        drawn = (sizes.cumsum() - sizes / 2 <= owed) & (np.arange(sizes.size) < sizes.size - 1)
        drawn_G[of_label[drawn]] = True
        owed -= sizes[drawn].sum()
    return drawn_G[group_of_N]


def draw_folds(targets_N: NDArray[Any], groups_N: Hashes, *, folds: int) -> NDArray[np.int64]:
    """Draw whole groups into folds of like size and like labels; return the fold of each row, 1 to `folds`.

    Large groups go first, each into the fold with the fewest rows of its label. A label's only group is in
    no fold (0): in a fold it would be tested where nothing of it is trained on.
    """
    groups_G, first_G, group_of_N, sizes_G = np.unique(
        groups_N, return_index=True, return_inverse=True, return_counts=True
    )
    labels_G = _strata(targets_N)[first_G]
    alone = np.bincount(labels_G) == 1
    rows = np.zeros((int(labels_G.max()) + 1, folds), dtype=np.int64).tolist()
    total = [0] * folds
    fold_G = np.zeros(groups_G.size, dtype=np.int64)
    for group in np.lexsort((mixed(groups_G, salt="folds"), -sizes_G)).tolist():
        label, size = int(labels_G[group]), int(sizes_G[group])
        if alone[label]:
            continue
        of_label = rows[label]
        fold = min(range(folds), key=lambda k: (of_label[k], total[k]))
        of_label[fold] += size
        total[fold] += size
        fold_G[group] = fold + 1
    return fold_G[group_of_N]


def keep_balanced(targets_N: NDArray[Any], hashes_N: Hashes, *, rows: int) -> Rows:
    """Choose `rows` rows, as evenly over the labels as they allow, in order of hash; the result ascends."""
    targets_N = _strata(targets_N)
    counts = np.bincount(targets_N)
    quota = _even_quota(counts, rows)
    order = np.lexsort((hashes_N, targets_N))
    starts = counts.cumsum() - counts
    rank_of_order = np.arange(targets_N.size) - np.repeat(starts, counts)
    return np.sort(order[rank_of_order < np.repeat(quota, counts)])


def _strata(targets_N: NDArray[Any]) -> Rows:
    """Return the class of each row; numbers make one class of all."""
    return np.zeros(targets_N.size, dtype=np.int64) if targets_N.dtype.kind == "f" else targets_N


def _even_quota(counts: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Share `rows` among labels evenly; what a small label cannot give, the larger ones do."""
    quota = np.zeros_like(counts)
    for place, label in enumerate(np.argsort(counts, kind="stable")):
        left = rows - int(quota.sum())
        quota[label] = min(int(counts[label]), -(-left // (counts.size - place)))
    return quota


def split(
    rows: TextRows,
    *,
    validation_share: float,
    test_share: float,
    split_seed: int,
    folds: int | None = None,
    fold: int = 1,
) -> dict[str, Rows]:
    """Return the row numbers of the three parts, ascending.

    A part that the source gives is taken as it is. The test part is drawn first and does not depend on
    `split_seed`; the validation part is drawn from what is left.

    Args:
        rows: with their groups, and the parts that the source gives.
        validation_share: of the training rows, where the source gives no validation part.
        test_share: of all rows, where the source gives no test part and there are no folds.
        split_seed: changes the validation rows.
        folds: the test part is one of so many folds of the rows; None: it is drawn by its share.
        fold: which of them.
    """
    parts_N = rows.parts_N.copy()
    if folds is not None:
        free = np.flatnonzero(parts_N == 0)
        parts_N[free[draw_folds(rows.targets_N[free], rows.groups_N[free], folds=folds) == fold]] = 2
    shares = {"test": (test_share, "test"), "validation": (validation_share, f"validation {split_seed}")}
    for part, (share, salt) in shares.items():
        if part in rows.given or (part == "test" and folds is not None):
            continue
        free = np.flatnonzero(parts_N == 0)
        drawn = draw_groups(rows.targets_N[free], rows.groups_N[free], share=share, salt=salt)
        parts_N[free[drawn]] = PARTS.index(part)
    return {part: np.flatnonzero(parts_N == number) for number, part in enumerate(PARTS)}


def choose_rows(rows: TextRows, config: DataConfig) -> dict[str, Rows]:
    """Draw the sample, then the three parts, then the training rows that ``data.limit`` keeps.

    Raises:
        UserError: a part has no rows, or rows of one text could be in two parts.
    """
    numbers = _with_text(rows) if config.skip_empty else np.arange(len(rows.texts))
    _refuse_apart(rows, numbers, config)
    if config.sample is not None:
        draws = _draws(rows, numbers, config, "sample")
        numbers = numbers[keep_balanced(rows.targets_N[numbers], draws, rows=config.sample)]
    chosen = split(
        _taken(rows, numbers),
        validation_share=config.validation_share,
        test_share=config.test_share,
        split_seed=config.split_seed,
        folds=config.folds,
        fold=config.fold,
    )
    chosen = {part: numbers[places] for part, places in chosen.items()}
    if config.limit is not None:
        train = chosen["train"]
        draws = _draws(rows, train, config, "limit")
        chosen["train"] = train[keep_balanced(rows.targets_N[train], draws, rows=config.limit)]
    _refuse_empty(rows, chosen)
    return chosen


def _with_text(rows: TextRows) -> Rows:
    numbers = np.flatnonzero(~rows.without_text_N)
    if not numbers.size:
        raise UserError(f"{rows.name}: data.skip_empty=true leaves no row: every text is empty")
    return numbers


def _refuse_apart(rows: TextRows, numbers: Rows, config: DataConfig) -> None:
    """Refuse equal texts in two groups, where a column is read that draws no rows into parts.

    Texts that share a column of data.split_text are equal in it, too, unless it is empty in both, or the
    words of one text are divided otherwise among its columns.
    """
    drawing = columns_of(config.split_text)
    other = next((name for name in rows.text_columns if drawing and name not in drawing), None)
    row = None if other is None else find_apart([rows.texts[n] for n in numbers], rows.groups_N[numbers])
    if row is None:
        return
    empty = rows.blank_N is not None and bool(rows.blank_N[numbers[row]])
    leaving = ", or data.skip_empty=true leaves out rows without text in its columns" if empty else ""
    raise UserError(
        f"data.split_text={config.split_text!r}: must name {other!r} too{leaving}: rows with the text"
        f" {rows.texts[numbers[row]][:40]!r} could be in two parts"
    )


def _draws(rows: TextRows, numbers: Rows, config: DataConfig, salt: str) -> Hashes:
    """Draw by the texts, or by what does not depend on which column is read."""
    if config.split_text is not None:
        return mixed(rows.groups_N[numbers], salt=salt)
    return mixed(hash_names(rows.texts[n] for n in numbers.tolist()), salt=salt)


def _taken(rows: TextRows, numbers: Rows) -> TextRows:
    return TextRows(
        rows.name,
        rows.labels,
        (),
        rows.targets_N[numbers],
        rows.groups_N[numbers],
        rows.parts_N[numbers],
        rows.given,
    )


def _refuse_empty(rows: TextRows, chosen: dict[str, Rows]) -> None:
    sizes = {part: len(numbers) for part, numbers in chosen.items()}
    part = next((part for part, size in sizes.items() if not size), None)
    if part is not None:
        total, groups = sum(sizes.values()), np.unique(rows.groups_N).size
        why = "".join(f"{each.code}: {each.message}; " for each in rows.remarks)
        right = "give more rows, a larger data.sample, or larger data.validation_share and data.test_share"
        if groups < len(PARTS):
            why += f"near-duplicates: equal texts and groups stay in one part, and there are {groups}; "
        elif rows.labels and 2 * len(rows.labels) > groups:
            of = f"{total:,} rows" if groups == total else f"{groups:,} different texts"
            why = f"rare-label: {len(rows.labels):,} labels for {of}; {why}"
            right = "name another column of labels (data.label), or give more rows of each label"
        raise UserError(f"{rows.name}: {why}no rows are left for the {part} part ({sizes}); {right}")
    if rows.labels and np.unique(rows.targets_N[chosen["train"]]).size < 2:
        raise UserError(f"{rows.name}: {sizes['train']} training rows hold one label only; keep more rows")


def digest(texts: Sequence[str], *numbers: NDArray[Any]) -> str:
    """Return the SHA-256 of texts, in order, and of the numbers that belong to them."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    sha = hashlib.sha256(np.fromiter(map(len, encoded), "<i8", len(encoded)).tobytes())
    for array in numbers:
        sha.update(array.astype(f"<{array.dtype.kind}8").tobytes())
    for text in encoded:
        sha.update(text)
    return sha.hexdigest()


def tested_rows(rows: TextRows, numbers: Rows, *, source: str) -> str:
    """Return the digest of which rows are tested, and their labels, whatever text is read.

    Two runs with one digest are tested on the same rows, so that their scores are paired row by row.
    Rows that are drawn are told by their numbers and the targets of all rows: a table has the same rows
    when a column is added to it. A test part that is given is told by its file.

    Args:
        rows: all that were read.
        numbers: of the test rows.
        source: digest of what was read, where no files are known.
    """
    part = "test" if "test" in rows.given else "train"
    own = np.flatnonzero(rows.parts_N == PARTS.index(part))
    if part == "train" and rows.files:
        return DRAWN + digest(rows.labels, rows.targets_N[own], numbers - own[0])
    return digest([rows.files.get(part, source), *rows.labels], rows.targets_N[own], numbers - own[0])
