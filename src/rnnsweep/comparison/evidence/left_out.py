"""Replicates that a comparison leaves out, or that form no pair: how many, and why."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnnsweep.comparison.evidence.records import NOT_COMPARABLE, HealthRemark, Standing, Verdict
from rnnsweep.comparison.trials import configuration_of, diverged, seed_of
from rnnsweep.safety.shell import command_line

if TYPE_CHECKING:
    import pandas as pd

DIVERGED, FAILED = "diverged", "failed"
UNSCORED, EARLIER = "without a test score", "of another configuration"


def left_out(
    runs: "pd.DataFrame", standings: Sequence[Standing], verdicts: Sequence[Verdict], *, sweep: str
) -> Iterator[HealthRemark]:
    """Name the replicates that no score of the standings and no pair has.

    Args:
        runs: the sweep's runs, in the columns of `tracking.runs()`.
        standings: made of them.
        verdicts: of their pairs.
        sweep: its name, for the next command.

    Returns:
        One remark on all replicates that are left out, and one on pairs; nothing where there are none.
    """
    known = {s.architecture: _reasons(runs, s) for s in standings}
    listed = [
        f"{sum(why.values())} of {name} ({', '.join(f'{n} {word}' for word, n in why.items())})"
        for name, why in known.items()
        if why
    ]
    if listed:
        every = sum((why for why in known.values()), Counter[str]())
        biased = (
            " Verdicts speak of trainings that do not diverge: where it is bad scores that are lost, the rest"
            " look better than the architecture is."
            if every[DIVERGED]
            else ""
        )
        again = command_line("retry", sweep) if every[FAILED] else ""
        yield HealthRemark(f"Replicates left out: {'; '.join(listed)}.{biased}", again)
    yield from _unpaired(standings, verdicts)


def _unpaired(standings: Sequence[Standing], verdicts: Sequence[Verdict]) -> Iterator[HealthRemark]:
    """Name pairs of architectures in which both have replicates of a seed that the other lacks."""
    seeds = {s.architecture: {one.seed for one in s.replicates} for s in standings}
    short = [
        f"{v.a} and {v.b} {v.pairs}"
        for v in verdicts
        if not v.single and v.verdict != NOT_COMPARABLE and v.pairs < min(len(seeds[v.a]), len(seeds[v.b]))
    ]
    if short:
        yield HealthRemark(
            "Replicates are compared in pairs of one seed; those whose seed the other architecture lacks are"
            f" left out. Pairs: {', '.join(short)}."
        )


def _reasons(runs: "pd.DataFrame", standing: Standing) -> Counter[str]:
    """Count by reason the replicates of an architecture that its standing does not have."""
    own = runs[(runs["architecture"] == standing.architecture) & (runs["role"] == "replicate")]
    own = own.assign(diverged=diverged(own)).sort_values("started", kind="stable", na_position="first")
    last = {(configuration_of(row["overrides"]), seed_of(row)): row for row in own.to_dict("records")}
    taken = {one.run_id for one in standing.replicates}
    chosen = {configuration for (configuration, _), row in last.items() if str(row["run_id"]) in taken}
    scored = {one.seed for one in standing.replicates}
    return Counter(
        _reason(row, other=configuration not in (chosen or {configuration_of(standing.overrides)}))
        for (configuration, seed), row in last.items()
        if row["state"] in ("complete", "failed", "pruned")
        and not (configuration in chosen and seed in scored)
    )


def _reason(row: Mapping[Any, Any], *, other: bool) -> str:
    if other:
        return EARLIER
    if row["diverged"]:
        return DIVERGED
    return UNSCORED if row["state"] == "complete" else FAILED
