"""A run that differs from a composed one in plain values, made without reading a file again."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from rnnsweep.config.composing import compose
from rnnsweep.config.overrides import COMMAND_LINE, Assignment, read_overrides
from rnnsweep.config.schema import RunConfig, known_keys
from rnnsweep.data.config import path_keys
from rnnsweep.errors import UserError

_DECIDE_OTHERS = ("task", "data.corpus", "data.targets", "objective")  # keys and sections


class _NeedsFiles(Exception):
    """An override that only composing from the files of conf/ can follow."""


def vary(
    base: RunConfig, overrides: Sequence[str], *, conf: Path | None = None, where: str = COMMAND_LINE
) -> RunConfig:
    """Return the run that `compose` returns for overrides, from a run that was composed with most of them.

    Args:
        base: a composed run.
        overrides: all of the new run. Where one does more than set a plain value, the run is composed.
        conf: as in `compose`, from which `base` comes.
        where: as in `compose`.

    Raises:
        UserError: as `compose`.
    """
    try:
        return _varied(base, overrides, where)
    except (_NeedsFiles, UserError):  # whose message names the place of the value
        return compose(overrides, conf=conf, where=where)


def _varied(base: RunConfig, overrides: Sequence[str], where: str) -> RunConfig:
    texts: dict[str, str] = {}
    changed: dict[str, Any] = {}
    of_base = set(base.overrides)
    for key, text, assignment in _read(overrides, of_base, where):
        texts.pop(key, None)  # of two with one key the last holds, in its place
        texts[key] = text
        changed.pop(key, None)
        if assignment:
            changed[key] = _value(assignment)
    if {text.partition("=")[0] for text in of_base} - set(texts):
        raise _NeedsFiles
    sections: dict[str, dict[str, Any]] = {}
    for key, value in changed.items():
        section, _, name = key.rpartition(".")
        sections.setdefault(section, {})[name] = value
    parts = {name: replace(getattr(base, name), **values) for name, values in sections.items() if name}
    return replace(base, **parts, **sections.get("", {}), overrides=tuple(texts.values()))


def _read(
    overrides: Sequence[str], of_base: set[str], where: str
) -> Iterator[tuple[str, str, Assignment | None]]:
    """Return the key and the text of each override, and its value where the base does not have it."""
    for text in overrides:
        if text in of_base:
            yield text.partition("=")[0], text, None
        else:
            (one,) = read_overrides([text], where=where)
            yield one.key, one.text, None if one.text in of_base else one


def _value(assignment: Assignment) -> Any:
    """Return the value as its setting has it, where it has the setting's type already."""
    key, value = assignment.key, assignment.value
    hint = known_keys().get(key)
    kinds = get_args(hint) or (hint,)
    decides = key.startswith(_DECIDE_OTHERS) or key.removeprefix("data.") in path_keys()
    if hint is None or decides or (isinstance(value, str) and "${" in value):
        raise _NeedsFiles
    if value is None and NoneType in kinds:
        return None
    if type(value) in (bool, int, str) and type(value) in kinds:
        return value
    if float in kinds and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    raise _NeedsFiles
