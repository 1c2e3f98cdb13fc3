"""Columns, paths and characters of a table as users write them in a configuration."""

from collections.abc import Mapping
from typing import Any

DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "blank": " "}
QUOTES = {"none": "", "double": '"', "single": "'"}


def as_columns(value: Any) -> Any:
    """Take column numbers, as ``data.text=6``, for their names."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple):
        return [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value]
    return value


def character_of(value: str | None, words: Mapping[str, str]) -> str | None:
    """Return the character that a value names, by a word or itself; None where it is to be found out."""
    return None if value is None else words.get(value, value)


def columns_of(value: Any) -> tuple[str, ...] | None:
    """Return the columns that a setting names, in order; None where it names none."""
    return value if value is None else (value,) if isinstance(value, str) else tuple(value)


def is_text(value: object) -> bool:
    """Return whether a value is None, a text or a list of texts, none of them empty."""
    if value is None or isinstance(value, str):
        return value != ""
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(v, str) for v in value)
