"""Which settings decide which rows are tested, and what makes several runs test the same ones."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from rnnsweep.config.overrides import quote, read_overrides
from rnnsweep.data.config import source_keys
from rnnsweep.data.written import columns_of

TEXT, _SPLIT = "data.text", "data.split_text"
_DRAWN = ("corpus", "skip_empty", "sample", "test_share", "folds")


@cache
def row_keys() -> frozenset[str]:
    """Return the keys that may decide which rows there are, and which of them are tested."""
    return frozenset({"data", *(f"data.{name}" for name in (*source_keys(), *_DRAWN))})


def row_settings(overrides: Iterable[str]) -> dict[str, Any]:
    """Return those of a run's overrides that may decide which rows are tested, by their keys."""
    theirs = [text for text in overrides if text.partition("=")[0] in row_keys()]
    return {one.key: one.value for one in read_overrides(theirs)}


def say_same_rows(settings: Iterable[Mapping[str, Any]]) -> str:
    """Return what to write so that runs with different settings of the rows are tested on the same ones.

    Args:
        settings: of each run, those that the others do not have.
    """
    runs = list(settings)
    keys = dict.fromkeys(key for own in runs for key in own)
    ways = []
    if TEXT in keys:
        read = [columns_of(own[TEXT]) if own.get(TEXT) else None for own in runs]
        every = dict.fromkeys(name for columns in read for name in columns or ())
        common = [name for name in every if all(name in (columns or ()) for columns in read)]
        known = common or list(every)  # fewer columns join fewer rows
        named = (
            quote(_SPLIT, known[0] if len(known) == 1 else known)
            if None not in read
            else f"{_SPLIT}=[COLUMN,COLUMN]"
        )
        ways.append(f"{named} under `overrides:` draws the same rows for all")
    others = [key for key in keys if key not in (TEXT, _SPLIT)]
    if others:
        ways.append(f"give all architectures one value of {', '.join(others)}")
    return "; ".join(ways)
