"""Constraints and objectives: what a trial may take, and what a search is to make large or small."""

import re
from collections.abc import Mapping
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.sweep.values import Field

LIMITED = ("parameters", "seconds", "memory")  # scores of a trial that may be limited or made small
OBJECTIVES = ("validation", *LIMITED)
INFEASIBLE = "infeasible"  # cause of a trial that a constraint rules out
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(" + "|".join(_UNITS) + ")")


def read_constraints(entry: Field) -> dict[str, float]:
    """Read ``{parameters: 200000, seconds: 60, memory: 400 MB}``, each the most that a trial may have.

    Raises:
        UserError: an unknown constraint, or a limit that is no number above 0.
    """
    given = entry.mapping(LIMITED)
    return {name: _limit(entry.at(name, value), name) for name, value in given.items()}


def _limit(entry: Field, name: str) -> float:
    if name == "parameters":
        return entry.integer(low=1)
    if name == "memory" and isinstance(entry.value, str):
        found = _SIZE.fullmatch(entry.value.strip())
        if found is None or not float(found[1]):
            raise entry.wrong("a size, as 400 MB or 1.5 GiB")
        return float(found[1]) * _UNITS[found[2]]
    return entry.number(above=0)


def read_objectives(entry: Field) -> tuple[str, ...]:
    """Read a list of objectives; validation, which is made large, is one of them, the others are made small.

    Raises:
        UserError: an unknown objective, one that stands twice, or no validation.
    """
    names = entry.strings()
    for name in names:
        entry.at("entry", name).one_of(OBJECTIVES)
    if "validation" not in names:
        raise entry.wrong("a list with validation in it, as [validation, parameters]")
    return ("validation", *(name for name in names if name != "validation"))


def violations(limits: Mapping[str, float], scores: Mapping[str, Any]) -> dict[str, float]:
    """Give by what share of its limit each score is above it; 0 or less where it is within.

    A score that is not known is left out.
    """
    known = {name: scores.get(name) for name in limits}
    return {name: value / limits[name] - 1 for name, value in known.items() if value is not None}


def say_violations(limits: Mapping[str, float], scores: Mapping[str, Any]) -> str | None:
    """Say what is above its limit, as ``parameters 210,000 > 200,000``; None where nothing is."""
    above = [name for name, share in violations(limits, scores).items() if share > 0]
    return (
        ", ".join(f"{name} {_said(name, scores[name])} > {_said(name, limits[name])}" for name in above)
        or None
    )


def _said(name: str, value: float) -> str:
    match name:
        case "memory":
            return f"{value / 1e6:,.0f} MB"
        case "seconds":
            return f"{value:,.1f}".removesuffix(".0")
        case _:
            return f"{value:,.0f}"


def refuse_pruner(path: object, objectives: tuple[str, ...], pruner: str) -> None:
    """Refuse to prune where there are several objectives.

    Raises:
        UserError: with the reason.
    """
    if len(objectives) > 1 and pruner != "none":
        raise UserError(
            f"{path}: pruner: {pruner!r}: must be none with several objectives: a trial that is behind in"
            f" one may be ahead in {objectives[1]}"
        )
