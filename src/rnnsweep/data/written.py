"""Columns, paths and characters of a table as users write them in a configuration."""

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


def is_text(value: object) -> bool:
    """Return whether a value is None, a text or a list of texts, none of them empty."""
    if value is None or isinstance(value, str):
        return value != ""
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(v, str) for v in value)
