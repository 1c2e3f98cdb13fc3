"""JSON of somebody else, whose faults are errors of one kind however deep it is nested, and JSON of ours."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

_AT_ONCE = 1000  # lines


def parse_json(text: str | bytes) -> Any:
    """Parse JSON of somebody else.

    Raises:
        ValueError: it is none, or nested too deeply, for which `json` has an error of another kind.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_lines(lines: Iterable[bytes], *, skip_faulty: bool = False) -> Iterator[Any]:
    """Yield the value of each line, parsed many at a time, which takes half the time.

    Args:
        lines: of JSON in UTF-8.
        skip_faulty: leave out lines that do not read.

    Raises:
        ValueError: a line is no JSON, or nested too deeply.
    """
    rest = iter(lines)
    while some := list(islice(rest, _AT_ONCE)):
        yield from _values(some, skip_faulty=skip_faulty)


def _values(lines: Sequence[bytes], *, skip_faulty: bool) -> Iterator[Any]:
    with suppress(RecursionError, ValueError):
        values = json.loads(b"[%b]" % b",".join(lines))
        if len(values) == len(lines):  # else two of them are one value
            return iter(values)
    return _values_one_by_one(lines, skip_faulty=skip_faulty)


def _values_one_by_one(lines: Sequence[bytes], *, skip_faulty: bool) -> Iterator[Any]:
    for line in lines:
        try:
            yield parse_json(line)
        except ValueError:
            if not skip_faulty:
                raise


def parse_texts(text: str | bytes) -> tuple[str, ...]:
    """Parse a JSON list of texts, as a run's overrides are recorded.

    Raises:
        ValueError: it is none.
    """
    items = parse_json(text)
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be a list of texts")
    return tuple(items)


def read_list(text: str | bytes) -> list[Any]:
    """Return the list that a tag of a run holds as JSON; an empty one where somebody wrote another thing."""
    try:
        value = parse_json(text)
    except ValueError:
        return []
    return value if isinstance(value, list) else []


def plain(value: Any) -> Any:
    """Make a value JSON: NaN and infinities become null, numbers of other libraries become Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
