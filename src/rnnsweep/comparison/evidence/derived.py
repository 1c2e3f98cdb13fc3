"""Widths that follow a budget of parameters, in words."""

from collections.abc import Sequence

from rnnsweep.comparison.evidence.records import Standing

_COUNTED = {"all": "parameters", "without_embedding": "parameters without the embedding"}


def say_derived(standings: Sequence[Standing]) -> str:
    """Return which width each architecture got for which budget, and its miss; empty without any."""
    noted = [(s.architecture, note) for s in standings for note in s.derived]
    if not noted:
        return ""
    budgets = {(n["key"], n["budget"], n["count"]) for _, n in noted}
    if len(budgets) == 1:
        key, budget, count = budgets.pop()
        words = ", ".join(f"{a} {n['value']:,} ({n['deviation']:+.1%})" for a, n in noted)
        return f"{key} from {budget:,} {_COUNTED[count]}: {words}."
    words = ", ".join(
        f"{a} {n['key']} {n['value']:,} of {n['budget']:,} {_COUNTED[n['count']]} ({n['deviation']:+.1%})"
        for a, n in noted
    )
    return f"Derived widths: {words}."
