"""Constraints and objectives: what a trial may take, and what a search is to make large or small."""

from collections.abc import Mapping
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.methods import pruners

LIMITED = ("parameters", "seconds", "memory")  # scores of a trial that may be limited or made small
OBJECTIVES = ("validation", *LIMITED)
INFEASIBLE = "infeasible"  # cause of a trial that a constraint rules out


def violations(limits: Mapping[str, float], scores: Mapping[str, Any]) -> dict[str, float]:
    """Return by what share of its limit each score is above it; 0 or less where it is within.

    A score that is not known is left out.
    """
    known = {name: scores.get(name) for name in limits}
    return {name: value / limits[name] - 1 for name, value in known.items() if value is not None}


def say_violations(limits: Mapping[str, float], scores: Mapping[str, Any]) -> str | None:
    """Return what is above its limit in words, as ``parameters 210,000 > 200,000``; None where nothing is."""
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
    if len(objectives) > 1 and pruners()[pruner].prunes:
        raise UserError(
            f"{path}: pruner: {pruner!r}: must be none with several objectives: a trial that is behind in"
            f" one may be ahead in {objectives[1]}"
        )
