"""What is in a corpus, once its rows are drawn into parts and cut into tokens.

N rows; part arrays carry the rows of one part.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.config import DataConfig
from rnnsweep.data.groups import words_alone
from rnnsweep.data.rows import PARTS, Rows, TextRows
from rnnsweep.data.summary.group_remarks import remark_on_few_groups, remark_on_groups, remark_on_repeated
from rnnsweep.data.summary.label_shares import remark_on_absent, remark_on_shares
from rnnsweep.data.summary.number_remarks import remark_on_numbers
from rnnsweep.data.summary.remarks import CorpusFacts, Remark
from rnnsweep.data.summary.token_remarks import remarks_on_tokens
from rnnsweep.data.tokens import CountedWords
from rnnsweep.errors import UserError

MAJORITY = 0.8  # share of one label
FEW_ROWS = 30  # of a part: a score of 30 rows is known to about 15 points
RARE = 2  # rows of a label


@dataclass(frozen=True)
class _Read:
    """What the remarks are drawn from."""

    rows: TextRows
    chosen: Mapping[str, Rows]
    texts: Mapping[str, Sequence[str]]
    counted: CountedWords
    config: DataConfig
    unknown: Mapping[str, float]  # part -> share of its tokens
    exact: Mapping[str, NDArray[np.int64]]  # part -> hash of each text
    words: Mapping[str, NDArray[np.int64]]  # part -> hash of each text's words alone

    def labels(self, part: str) -> list[str]:
        if not self.rows.labels:
            return []  # the targets are numbers
        return [self.rows.labels[n] for n in self.rows.targets_N[self.chosen[part]].tolist()]


def describe(
    rows: TextRows,
    chosen: Mapping[str, Rows],
    texts: Mapping[str, Sequence[str]],
    counted: CountedWords,
    vocabulary: set[str],
    config: DataConfig,
) -> CorpusFacts:
    """Describe a corpus, and remark on what a person should know before training on it.

    What was noticed while its files were read is kept with the corpus and is not among the remarks.

    Args:
        rows: all rows, as read.
        chosen: part -> numbers of its rows.
        texts: part -> its texts.
        counted: the tokens of all parts.
        vocabulary: the known tokens.
        config: the settings of the corpus.

    Returns:
        What the corpus is, with the remarks.

    Raises:
        UserError: every row of a given part is a training row.
    """
    known = np.array([word in vocabulary for word in counted.words], dtype=np.bool_)
    read = _Read(
        rows,
        chosen,
        texts,
        counted,
        config,
        {part: float(1 - known[ids].mean()) for part, ids in counted.ids.items()},
        {part: _hashed(part, texts[part]) for part in PARTS},
        _by_words(rows, chosen, texts, config),
    )
    left_out = int(rows.without_text_N.sum()) if config.skip_empty else 0
    counts = Counter({label: 0 for label in rows.labels})
    for part in PARTS:
        counts.update(read.labels(part))
    other = np.concatenate([counted.ids[part] for part in ("validation", "test")])
    return CorpusFacts(
        parts={part: {"rows": len(texts[part]), "lines": None} for part in PARTS},
        labels=dict(counts),
        majority=max(counts.values()) / sum(counts.values()) if counts else None,
        targets=None if rows.labels else _targets(read),
        lengths=_lengths(read),
        unknown=float(1 - known[other].mean()),
        remarks=tuple(_remarks(read, counts)),
        left_out=left_out,
        drawn_from=_drawn_from(len(rows.texts) - left_out, chosen, config),
    )


def _drawn_from(available: int, chosen: Mapping[str, Rows], config: DataConfig) -> dict[str, int]:
    """Return of how many rows `data.sample` and `data.limit` keep some, where they leave rows out.

    Args:
        available: rows that may be kept.
        chosen: part -> numbers of its rows.
        config: the settings of the corpus.
    """
    sampled = available if config.sample is None else min(config.sample, available)
    trained = sampled - len(chosen["validation"]) - len(chosen["test"])
    return {
        **({"sample": available} if sampled < available else {}),
        **({"limit": trained} if len(chosen["train"]) < trained else {}),
    }


def _by_words(
    rows: TextRows, chosen: Mapping[str, Rows], texts: Mapping[str, Sequence[str]], config: DataConfig
) -> dict[str, NDArray[np.int64]]:
    """Return for each row a number that is equal where the words are; those of files are grouped so."""
    if config.corpus == "files" and config.group is None and config.split_text is None:
        return {part: rows.groups_N[chosen[part]].view(np.int64) for part in PARTS}
    return {part: _hashed(part, [words_alone(text) or text for text in texts[part]]) for part in PARTS}


def _hashed(part: str, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return numbers that are equal where texts are, in this process alone; no empty text is like another."""
    hashes = (hash(text) if text else hash((part, row)) for row, text in enumerate(texts))
    return np.fromiter(hashes, np.int64, len(texts))


def _count_among(values: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """Count the values that are among others, which are one or more; `np.isin` takes ten times as long."""
    ordered = np.sort(others)
    places = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return int(np.count_nonzero(ordered[places] == values))


def _distinct(values: NDArray[np.int64]) -> int:
    """Count different values; `np.unique` without counts hashes each, in many times the time of a sort."""
    return int(np.count_nonzero(np.diff(np.sort(values)))) + 1


def _numbers(read: _Read) -> NDArray[np.float64]:
    return np.concatenate([read.rows.targets_N[read.chosen[part]] for part in PARTS])


def _targets(read: _Read) -> dict[str, float]:
    targets_N = _numbers(read)
    low, median, high = (float(value) for value in np.percentile(targets_N, [0, 50, 100]))
    return {
        "low": low,
        "median": median,
        "high": high,
        "mean": float(targets_N.mean()),
        "spread": float(targets_N.std()),
    }


def _lengths(read: _Read) -> dict[str, float]:
    whole = np.concatenate([read.counted.whole[part] for part in PARTS])
    return {
        "median": float(np.median(whole)),
        "p95": float(np.percentile(whole, 95)),
        "longest": int(whole.max()),
        "cut": float((whole > read.config.max_length).mean()),
    }


def _remarks(read: _Read, counts: Mapping[str, int]) -> Iterator[Remark]:
    yield from _overlaps(read)
    yield from _near_duplicates(read)
    labels = {part: read.labels(part) for part in PARTS} if counts else {}
    yield from remark_on_repeated(read.words, labels, read.rows.given)
    yield from remark_on_groups(read.rows, read.chosen, read.config)
    yield from remark_on_few_groups(read.rows, read.chosen, read.config)
    if counts:
        yield from _conflicting(read)
        yield from _of_labels(read, counts)
        yield from remark_on_absent(labels, read.rows.given, read.config, rare=RARE)
        yield from remark_on_shares(labels)
    else:
        yield from remark_on_numbers(_numbers(read), config=read.config)
    yield from _few_rows(read)
    yield from remarks_on_tokens(
        read.texts["train"], read.counted, read.unknown, _lengths(read), read.config, read.rows.tokenised
    )


def _overlaps(read: _Read) -> Iterator[Remark]:
    """Count the rows of each part that are training rows, by their text and by their words alone.

    A validation part that is drawn from the training rows counts among them for a given test part.
    """
    for part in ("validation", "test"):
        total = len(read.texts[part])
        trains = ["train"]
        if part == "test" and "test" in read.rows.given and "validation" not in read.rows.given:
            trains.append("validation")
        exact, words = (
            _count_among(hashes[part], np.concatenate([hashes[name] for name in trains]))
            for hashes in (read.exact, read.words)
        )
        if not words:
            continue
        message = f"{words:,} of {total:,} {part} rows are training rows"
        if words > exact:
            message += (
                f" ({exact:,} by every character, {words - exact:,} but for case, blanks, punctuation or"
                f" Unicode form)"
            )
        if exact == total and part in read.rows.given:
            raise UserError(
                f"{read.rows.name}: overlap: {message}: a score on them says nothing of new rows;"
                f" give other rows with data.{part}, or leave it out and rows are split off"
            )
        yield Remark("overlap", message)


def _near_duplicates(read: _Read) -> Iterator[Remark]:
    exact, words = (np.concatenate([hashes[part] for part in PARTS]) for hashes in (read.exact, read.words))
    different = _distinct(exact) - _distinct(words)  # equal texts have equal words
    if different:
        side = "they stay on one side of a split" if len(read.rows.given) < len(PARTS) else "see overlap"
        yield Remark(
            "near-duplicates",
            f"{_texts(different)} like another but for case, blanks or punctuation: {side}",
        )


def _texts(count: int) -> str:
    return "1 text" if count == 1 else f"{count:,} texts"


def _conflicting(read: _Read) -> Iterator[Remark]:
    words = np.concatenate([read.words[part] for part in PARTS])
    targets = np.concatenate([read.rows.targets_N[read.chosen[part]] for part in PARTS])
    _, text_N = np.unique(words, return_inverse=True)
    pairs, rows_of_pair = np.unique(text_N * len(read.rows.labels) + targets, return_counts=True)
    text_of_pair = pairs // len(read.rows.labels)
    conflicting = np.bincount(text_of_pair) > 1
    if conflicting.any():
        most_of_text = np.zeros(len(conflicting), np.int64)
        np.maximum.at(most_of_text, text_of_pair, rows_of_pair)
        most, rows = int(most_of_text.sum()), len(text_N)
        yield Remark(
            "conflicting",
            f"{_texts(int(conflicting.sum()))} ({int(conflicting[text_N].sum()):,} rows) with two labels or"
            f" more: no model can be right on more than {most:,} of the {rows:,} rows",
        )


def _of_labels(read: _Read, counts: Mapping[str, int]) -> Iterator[Remark]:
    rare = {label: rows for label, rows in counts.items() if rows <= RARE}
    tested = set(read.labels("test"))
    if rare:
        listed = ", ".join(f"{label!r} {rows}" for label, rows in list(rare.items())[:8])
        more = f" and {len(rare) - 8:,} more" if len(rare) > 8 else ""
        untested = sum(label not in tested for label in rare)
        yield Remark(
            "rare-label", f"labels of one or two rows: {listed}{more}; {untested:,} of them never tested"
        )
    label, most = max(counts.items(), key=lambda item: item[1])
    share = most / sum(counts.values())
    if share >= MAJORITY:
        yield Remark(
            "imbalanced",
            f"{share:.1%} of the rows are {label!r}: always answering so is right as often; read"
            f" macro F1 (the mean over labels), and weigh the labels with task.class_weights=balanced",
        )


def _few_rows(read: _Read) -> Iterator[Remark]:
    small = {
        part: len(read.texts[part]) for part in ("validation", "test") if len(read.texts[part]) < FEW_ROWS
    }
    if small:
        listed = ", ".join(f"{rows} {part} row{'s' * (rows != 1)}" for part, rows in small.items())
        yield Remark("few-rows", f"{listed}: too few for a reliable score: one row changes it much")
