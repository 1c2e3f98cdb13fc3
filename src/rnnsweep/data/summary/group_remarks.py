"""Remarks on rows that belong together: by a column whose values keep them so, or by one text."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.config import DataConfig
from rnnsweep.data.groups import are_independent, equal_groups, group_shares
from rnnsweep.data.large_groups import are_uneven, large_groups
from rnnsweep.data.rows import PARTS, Rows, TextRows
from rnnsweep.data.summary.remarks import FEW_GROUPS, UNEVEN_GROUPS, Remark, listed
from rnnsweep.data.written import columns_of

FEW = 20  # groups of a test part, below which its scores say little of new ones
NAMED = 4  # values of the largest set that is kept together


def remark_on_groups(rows: TextRows, chosen: Mapping[str, Rows], config: DataConfig) -> Iterator[Remark]:
    """Yield how many rows of validation and test share a group, as an author, with training rows.

    Args:
        rows: all rows, as read.
        chosen: part -> numbers of its rows.
        config: the settings of the corpus.
    """
    names, column = rows.group_names, rows.group_column
    if names is None or column is None:
        return
    of_part = {part: [names[n] for n in chosen[part].tolist()] for part in PARTS}
    if not 1 < len(set(names)) < 0.9 * len(names) and not config.group:
        return  # a group for each row, or one for all, groups nothing
    trained = set(of_part["train"]) - {""}
    shared = {part: sum(name in trained for name in of_part[part]) for part in ("validation", "test")}
    if any(shared.values()):
        counted = " and ".join(f"{n:,} of {len(of_part[part]):,} {part} rows" for part, n in shared.items())
        keeps = f"data.group={column} keeps each on one side"
        way = "the files that are given have it so" if config.group else keeps
        yield Remark("groups", f"column {column!r} groups rows: {counted} are of a group that trains; {way}")
    elif config.group:
        both = len({*of_part["validation"]} & {*of_part["test"]} - {""})
        kept = f"{both:,} in validation and test rows of the files, the others" if both else "each"
        all_names = [name for part in PARTS for name in of_part[part]]
        together = _say_together(rows, chosen, all_names, config)
        values = len(set(all_names) - {""})
        yield Remark("groups", f"data.group={column}: {values:,} values, {kept} in one part{together}")


def _say_together(
    rows: TextRows, chosen: Mapping[str, Rows], names: Sequence[str], config: DataConfig
) -> str:
    """Return what equal texts keep together beside the values, and how many groups that makes.

    Args:
        rows: all rows, as read.
        chosen: part -> numbers of its rows.
        names: the value of each row of the parts, in the order of `PARTS`.
        config: with folds each row is tested in turn, and no test part is counted.
    """
    groups = np.concatenate([rows.groups_N[chosen[part]] for part in PARTS]).tolist()
    rows_of = Counter(groups)
    values_of: dict[int, dict[str, None]] = {}
    for group, name in zip(groups, names, strict=True):
        if name:
            values_of.setdefault(group, {})[name] = None
    joined = {group: list(values) for group, values in values_of.items() if len(values) > 1}
    alone = [group for group, name in zip(groups, names, strict=True) if not name]
    by_text = any(rows_of[group] > 1 for group in alone)
    said = ""
    if joined:
        largest = max(joined, key=lambda group: rows_of[group])
        said += (
            f"; {sum(map(len, joined.values())):,} of them share {_a_text(config)} with another and stay"
            f" together ({listed(joined[largest], NAMED)} are one group of {rows_of[largest]:,} rows)"
        )
    if by_text:
        have = "1 row has none: it" if len(alone) == 1 else f"{len(alone):,} rows have none: each"
        said += f"; {have} goes with rows that share {_a_text(config)} with it, or is a group of its own"
    elif alone:
        each = "1 row without one is" if len(alone) == 1 else f"of {len(alone):,} rows without one each is"
        said += f"; {each} a group of its own"
    if joined or by_text:
        tested = np.unique(rows.groups_N[chosen["test"]]).size
        of_test = "" if config.folds else f", {tested:,} of them in the test part"
        said += f"; that makes {len(rows_of):,} groups in all{of_test}"
    return said


def _a_text(config: DataConfig) -> str:
    """Return what rows share that go together: a text, or a value of a column that draws them."""
    columns = columns_of(config.split_text)
    return "a text" if columns is None else f"a {' or '.join(map(repr, columns))}"


def remark_on_few_groups(rows: TextRows, chosen: Mapping[str, Rows], config: DataConfig) -> Iterator[Remark]:
    """Yield that one group has most rows, or that few are tested; else the largest, where they are uneven.

    Args:
        rows: all rows, as read.
        chosen: part -> numbers of its rows.
        config: the settings of the corpus.
    """
    if rows.joined_by is None:
        return
    sizes = np.unique(np.concatenate([rows.groups_N[chosen[part]] for part in PARTS]), return_counts=True)[1]
    total, largest, groups = int(sizes.sum()), int(sizes.max()), len(sizes)
    tested = np.unique(rows.groups_N[chosen["test"]]).size
    counted, among = (groups, total) if config.folds else (tested, len(chosen["test"]))
    few = counted < FEW and 2 * counted <= among  # a small table has few groups, as it has few rows
    most = 2 * largest > total
    if not few and not most:
        yield from _remark_on_uneven(rows, chosen, config)
        return
    of_test = "" if config.folds else f", {tested:,} of them in the test part"
    column, values = rows.joined_by
    where = "text" if not column else f"{column!r} ({values:,} values)"
    yield Remark(
        FEW_GROUPS,
        f"rows of the same {where} go together: that makes {groups:,} groups in all{of_test}, and the largest"
        f" has {largest:,} of {total:,} rows: scores on such parts say little of new rows;"
        f" {_way_to_more(column, config, foldable=not most and 'test' not in rows.given)}",
    )


def _remark_on_uneven(rows: TextRows, chosen: Mapping[str, Rows], config: DataConfig) -> Iterator[Remark]:
    """Yield the largest groups by name, where those that are tested count like clearly fewer groups."""
    numbers = np.concatenate([chosen[part] for part in (PARTS if config.folds else ("test",))])
    groups_N = rows.groups_N[numbers]
    groups, counted = np.unique(groups_N).size, equal_groups(group_shares(groups_N))
    if not are_uneven(groups, counted):
        return
    column = config.group

    def names_of(places: NDArray[np.int64]) -> list[str]:
        named = rows.group_names if column and rows.group_names else rows.texts
        return [named[n] or rows.texts[n] for n in numbers[places].tolist()]

    large = large_groups(groups_N, names_of, column)
    yield Remark(
        UNEVEN_GROUPS,
        f"{len(numbers):,} {'' if config.folds else 'test '}rows in {groups:,} groups count like"
        f" {counted:.0f} groups of equal size; the largest: {large}; {large.way} makes them count like more",
    )


def _way_to_more(column: str, config: DataConfig, *, foldable: bool) -> str:
    """Return what makes more groups, or tests all of them where rows may be drawn into folds."""
    drawing = columns_of(config.split_text) or ()
    if column == config.group and foldable and config.folds is None:
        return "data.folds=5 tests each group in turn"
    if column == config.group:
        return f"name a column of more values than {column!r} in data.group, or set data.group=null"
    if len(drawing) > 1:
        return f"leave {column!r} out of data.split_text: it need not name each column that is read"
    if drawing:
        return f"name a column of more values than {column!r} in data.split_text"
    return "leave repeated texts out of the file"


def remark_on_repeated(
    words: Mapping[str, NDArray[np.int64]], labels: Mapping[str, Sequence[str]], given: Sequence[str]
) -> Iterator[Remark]:
    """Say that many rows have the text of another: they are no independent evidence.

    Args:
        words: part -> a number for each row, equal where the words are.
        labels: part -> the label of each row; empty where targets are numbers.
        given: parts that the source gives.
    """
    every = np.concatenate([words[part] for part in PARTS])
    rows_of_text = np.unique(every, return_counts=True)[1]
    if not are_independent(every):
        drawn = " and stay on one side of a split" if len(given) < len(PARTS) else ""
        yield Remark(
            "repeated",
            f"{int(rows_of_text[rows_of_text > 1].sum()):,} of {len(every):,} rows have the text of another"
            f" row ({len(rows_of_text):,} different texts, one in {int(rows_of_text.max()):,} rows"
            f"{_most_repeated(every, labels)}): rows of one text count as one in verdicts on new rows{drawn}",
        )


def _most_repeated(words_N: NDArray[np.int64], labels: Mapping[str, Sequence[str]]) -> str:
    """Return the label with the fewest different texts for its rows, where half of its rows repeat one."""
    rows, texts = Counter[str](), dict[str, set[int]]()
    for label, word in zip((one for part in labels for one in labels[part]), words_N.tolist(), strict=False):
        rows[label] += 1
        texts.setdefault(label, set()).add(word)
    most = min(rows, key=lambda one: len(texts[one]) / rows[one], default=None)
    if most is None or 2 * len(texts[most]) > rows[most]:
        return ""
    return f"; {most!r} has {len(texts[most]):,} in {rows[most]:,} rows"
