"""JSON of somebody else: what does not read is an error of one kind, however deep it is nested."""

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """Parse JSON of somebody else.

    Raises:
        ValueError: it is none, or nested too deeply, for which `json` has an error of another kind.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_texts(text: str | bytes) -> tuple[str, ...]:
    """Parse a JSON list of texts, as a run's overrides are recorded.

    Raises:
        ValueError: it is none.
    """
    found = parse_json(text)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError("must be a list of texts")
    return tuple(found)
