"""Labels as they stand in files, to names of classes.

Numbers compare as numbers (1, 1.0 and "1" are one class), text in Unicode's form NFC without blanks or
zero-width characters around it. What reads as "no value" is no class unless it is asked for.
"""

import ast
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnsweep.data.classes.numbers import number_name
from rnnsweep.data.classes.variants import tell_joined, tell_variants, variants_of
from rnnsweep.data.config import DataConfig
from rnnsweep.data.summary.remarks import Remark
from rnnsweep.data.tables.table import place
from rnnsweep.errors import UserError

MISSING = {  # what pandas, R, spreadsheets and databases write for no value
    *("", "nan", "-nan", "na", "n/a", "n.a.", "<na>", "none", "null", "<null>", "(null)", "nil", "?", "nat"),
    *("#n/a", "#n/a n/a", "#na", "#null!", "#value!", "#ref!", "#div/0!", "#name?", "#num!", "\\n", "--"),
    *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
}
NAMELESS = "(missing)"  # the class of rows whose label is empty or null, where such are a class
# anywhere: zero-width characters and marks of direction; joiners are part of emoji and of scripts
_ZERO_WIDTH = re.compile("[\u200b\u2060\ufeff\u00ad\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_AROUND = "\u200c\u200d"
_COMMA = re.compile(r"""['"]\s*,""")
_BESIDE = re.compile(r"""(['"])\s+(?=['"])""")


class NoLabel(UserError):
    """Some rows have no label, and no setting says what becomes of them."""


@dataclass(frozen=True)
class RawLabels:
    """The labels of one file as they stand in it."""

    path: Path
    column: str
    values: Sequence[Any]
    class_names: tuple[str, ...] = ()  # of numbers, where the file says them
    lines: Sequence[int] | None = None  # of the file at which each row begins


def clean_text(text: str) -> str:
    """Return a label in form NFC without zero-width characters and without blanks around it."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", _ZERO_WIDTH.sub("", text)).strip().strip(_AROUND).strip()


class _Names(dict[tuple[type, Any], str]):
    """Names of classes by the values of a file, worked out once for each distinct value."""

    def __init__(self, raw: RawLabels, truth: Mapping[bool, str]) -> None:
        super().__init__()
        self._raw = raw
        self._truth = truth

    def __missing__(self, key: tuple[type, Any]) -> str:
        name = self[key] = self._name(key[1])
        return name

    def _name(self, value: Any) -> str:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, bool):
            return self._truth[value]
        names = self._raw.class_names
        if names and isinstance(value, int):
            return names[value] if 0 <= value < len(names) else ""  # -1: no label
        if isinstance(value, float):
            return number_name(format(value, "f") if value == int(value) else repr(value))
        return number_name(clean_text(str(value)))


@dataclass(frozen=True)
class ReadLabels:
    """The class of each row of each file; None where a row has none and is to be left out."""

    names: list[list[str | None]]
    remarks: tuple[Remark, ...]


def read_labels(files: Sequence[RawLabels], config: DataConfig) -> ReadLabels:
    """Turn the labels of all files into names of classes, as the settings of the corpus say.

    Raises:
        UserError: a row has several labels, or none where the settings do not leave such rows out.
    """
    for raw in files:
        _refuse_lists(raw)
    truth = _truth(files)
    names = [_names_of(raw, truth) for raw in files]
    missing = None if config.missing_is_class else _missing(files, names, config)
    remarks = [missing] if missing else []
    labels: list[list[str | None]] = [
        [
            name or NAMELESS if config.missing_is_class else None if _is_missing(name) else name
            for name in of_file
        ]
        for of_file in names
    ]
    counts = Counter(name for of_file in labels for name in of_file if name is not None)
    variants = variants_of(counts) if config.targets == "classes" else []
    if variants:
        remarks.append(tell_variants(variants, counts, folded=config.fold_labels))
    joined = tell_joined(counts) if config.targets == "classes" else None
    remarks += [joined] if joined else []
    if variants and config.fold_labels:
        spelled = {name: group[0] for group in variants for name in group}
        labels = [[spelled.get(n, n) if n is not None else None for n in of_file] for of_file in labels]
    return ReadLabels(labels, tuple(remarks))


def _names_of(raw: RawLabels, truth: Mapping[bool, str]) -> list[str]:
    names = _Names(raw, truth)
    return [names[type(value), value] for value in raw.values]


def _refuse_lists(raw: RawLabels) -> None:
    for row, value in enumerate(raw.values):
        if isinstance(value, bytes):
            raise UserError(
                f"{raw.path}: {place(row, raw.lines)} has bytes in column {raw.column!r} ({str(value)[:40]});"
                f" write the labels as text"
            )
        if isinstance(value, list | tuple | dict | set) or (
            isinstance(value, str) and value.lstrip()[:1] in ("[", "{") and written_list(value) is not None
        ):
            what = "an object" if isinstance(value, dict) else "a list of labels"
            raise UserError(
                f"{raw.path}: {place(row, raw.lines)} has {what} in column {raw.column!r}"
                f" ({str(value)[:40]}): several labels a text (multi-label) is no task here; keep one"
                f" label a row, or train one column of 0 and 1 for each label with data.label=COLUMN"
            )


def written_list(text: str) -> list[Any] | None:
    """Return the list that a text is, as ``['a', 'b']`` in a CSV file, or ``['a' 'b']`` as NumPy writes it.

    Sets and the keys of dictionaries are taken for lists. None where it is none.
    """
    text = text.strip()
    if not _COMMA.search(text):  # Python joins texts that stand beside each other
        text = _BESIDE.sub(r"\1, ", text)
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return list(value) if isinstance(value, list | tuple | set | dict) else None
    return None


def _truth(files: Sequence[RawLabels]) -> dict[bool, str]:
    """Call true and false 1 and 0 where they stand among numbers."""
    kinds = {type(value) for raw in files for value in raw.values}
    among_numbers = bool in kinds and kinds & {int, float}
    return {True: "1", False: "0"} if among_numbers else {True: "true", False: "false"}


def _is_missing(name: str) -> bool:
    return name.lower() in MISSING


def _missing(files: Sequence[RawLabels], names: list[list[str]], config: DataConfig) -> Remark | None:
    counts: Counter[str] = Counter()
    first = ""
    for raw, of_file in zip(files, names, strict=True):
        places = [row for row, name in enumerate(of_file) if _is_missing(name)]
        if places and len(places) == len(of_file) and not config.skip_unlabelled:
            raise UserError(
                f"{raw.path}: missing-like-label: no row has a label in column {raw.column!r}; rows without"
                f" labels are for rnnsweep predict --file"
            )
        counts.update(_shown(raw.values[row]) for row in places)
        if places and not first:
            first = f"{raw.path}: {place(places[0], raw.lines)} has no label in column {raw.column!r}"
    if not counts:
        return None
    total = sum(counts.values())
    listed = ", ".join(f"{name} {rows}" for name, rows in counts.most_common(6))
    if config.skip_unlabelled:
        rows = "1 row" if total == 1 else f"{total:,} rows"
        return Remark("missing-like-label", f"{rows} without a label left out ({listed})")
    raise NoLabel(
        f"{first}; missing-like-label: {total:,} in all ({listed}); data.skip_unlabelled=true leaves them"
        f" out, data.missing_is_class=true takes such names as classes"
    )


def _shown(value: Any) -> str:
    return "empty" if value is None or str(value).strip() == "" else str(value).strip()[:20]
