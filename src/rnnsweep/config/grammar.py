"""Hydra's sweep grammar: ``model=lstm,gru optimizer.lr=interval(1e-3,1e-2)`` as the keys of a sweep file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
)
from hydra.errors import HydraException

from rnnsweep.config.overrides import COMMAND_LINE, read_overrides
from rnnsweep.config.schema import GROUPS, example_of, known_keys, refuse_unknown_key
from rnnsweep.errors import UserError

LOG = "log"
_FLAT = 1000  # values of a range at most that are written as a list


@dataclass
class AskedSpace:
    """What a command line asks: architectures, settings of every run, and entries of ``space:``."""

    architectures: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    space: dict[str, Any] = field(default_factory=dict)


def read_asked_space(texts: Sequence[str]) -> AskedSpace:
    """Read overrides of which some have several values.

    Commas and ``choice(...)`` list values, ``interval(low, high)`` is a range, ``tag(log, interval(...))``
    one on a logarithmic scale, ``range(start, stop, step)`` counts without its stop, as in Hydra.

    Raises:
        UserError: naming the override and what would be right.
    """
    asked, parser = AskedSpace(), OverridesParser.create()
    for text in texts:
        override = _parse(parser, text)
        key = override.key_or_group.replace("/", ".")
        if override.is_sweep_override():
            _take(asked, key, override, text)
        elif key == "model":
            asked.architectures = [str(override.value())]
        else:
            asked.overrides += [one.text for one in read_overrides([text])]
    return asked


def _parse(parser: OverridesParser, text: str) -> Override:
    try:
        return parser.parse_override(text)
    except HydraException:
        (one,) = read_overrides([text])  # refuses it in its own words, or reads a text without quotes
        return parser.parse_override(one.text)


def _take(asked: AskedSpace, key: str, override: Override, text: str) -> None:
    entry = _entry(key, override.value(), text)
    if key == "model":
        if not isinstance(entry, list):
            raise UserError(f"{text!r}: list the architectures, as model=lstm,gru")
        asked.architectures = [str(name) for name in entry]
        return
    if key in GROUPS:
        raise UserError(
            f"{text!r}: a sweep has one file of conf/{key}; start one sweep for each, or search single keys,"
            f" as {example_of(key)}"
        )
    refuse_unknown_key(key, text.partition("=")[2], COMMAND_LINE)
    asked.space[key] = entry


def _entry(key: str, value: Any, text: str) -> Any:
    match value:
        case ChoiceSweep():
            return [_plain(one) for one in value.list]
        case RangeSweep():
            return _counted(value, text)
        case IntervalSweep():
            return _interval(key, value, text)
        case Glob():
            raise UserError(f"{text!r}: glob() is not read here; list the names, as {key}=a,b")
    raise UserError(f"{text!r}: must be a list, choice(...), range(...) or interval(low,high)")


def _plain(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _counted(value: RangeSweep, text: str) -> list[Any]:
    """List the values of a range, its stop left out."""
    start, stop, step = float(value.start or 0), float(value.stop or 0), float(value.step)
    number = math.ceil((stop - start) / step - 1e-9) if step else 0
    if not 0 < number <= _FLAT:
        raise UserError(f"{text!r}: has {max(0, number)} values; a range needs 1 to {_FLAT}")
    values = [start + index * step for index in range(number)]
    whole = all(isinstance(one, int) for one in (value.start or 0, value.stop, value.step))
    return [int(one) for one in values] if whole else [round(one, 12) for one in values]


def _interval(key: str, value: IntervalSweep, text: str) -> dict[str, Any]:
    low, high = value.start, value.end
    if low is None or high is None or not low < high:
        raise UserError(f"{text!r}: must be interval(low,high) with low below high")
    others = set(value.tags) - {LOG}
    if others:
        raise UserError(f"{text!r}: tag {sorted(others)[0]!r} is not known; log is")
    kind = known_keys().get(key)
    whole = kind is int or (kind is not float and float(low).is_integer() and float(high).is_integer())
    number = int if whole else float
    if whole and not (float(low).is_integer() and float(high).is_integer()):
        raise UserError(f"{text!r}: {key} takes whole numbers; write an interval of whole numbers")
    entry = {"type": "int" if whole else "float", "low": number(low), "high": number(high)}
    return {**entry, "log": True} if LOG in value.tags else entry
