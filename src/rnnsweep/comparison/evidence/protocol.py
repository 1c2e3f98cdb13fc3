"""The protocol of a comparison: what a reader must know to repeat or to doubt it (Dodge et al. 2019)."""

from collections.abc import Iterator, Sequence

import pandas as pd

from rnnsweep.comparison.evidence.records import Standing
from rnnsweep.comparison.evidence.varied import VARY
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.sweepfile import Derived, Sweep
from rnnsweep.sweepfile.search_space.dimensions import Choices, Dimension
from rnnsweep.tasks import Score


def describe_sweep(runs: pd.DataFrame, sweep: Sweep | str, *, score: Score) -> dict[str, str]:
    """Return what was searched, how it was chosen and how often the test part was read."""
    facts = {} if isinstance(sweep, str) else _asked(sweep, score)
    read = runs[runs["test"].notna()]
    counts = [f"{n} of role {role}" for role, n in read["role"].value_counts().items()]
    return {
        **facts,
        "selection": "the best validation score among the complete trials of each architecture",
        "reads of the test part": f"{len(read)} ({', '.join(counts)})" if len(read) else "none",
        "replicates' seeds": _seeds(runs),
        **_constant(runs),
    }


def describe_plan(plan: ReplicatePlan, standings: Sequence[Standing] = ()) -> dict[str, str]:
    """Return when replicates are looked at, and what looks outside the plan cost; nothing without a plan."""
    facts = {}
    if len(plan.sizes) > 1:
        facts["planned looks"] = f"at {', '.join(map(str, plan.sizes))} replicates (alpha spending)"
    seeds = {s.architecture: [one.seed for one in s.replicates] for s in standings if s.replicates}
    if unplanned := plan.unplanned(seeds):
        facts["looks outside the plan"] = f"{unplanned}; each pays a share of the 5 %"
    return facts


def _asked(sweep: Sweep, score: Score) -> dict[str, str]:
    limits = (f"{getattr(sweep, name)} {name}" for name in ("trials", "seconds", "epochs"))
    return {
        "sweep file": f"{sweep.path.name}, sha256 {sweep.digest}",
        "budget of each architecture": ", ".join(t for t in limits if not t.startswith("None")),
        "search": f"sampler {sweep.sampler.name}, pruner {sweep.pruner.name}, seed {sweep.seed}",
        **_spaces(sweep),
        **_further(sweep, score),
        "fixed settings": " ".join(sweep.overrides) or "none",
        VARY: sweep.vary,
    }


def _spaces(sweep: Sweep) -> dict[str, str]:
    """Return the common search space, and what that of an architecture has beside it or lacks."""
    facts = {"search space": "; ".join(map(_bounds, sweep.space))}
    for name in sweep.architectures:
        dimensions = sweep.dimensions(name)
        own = [_bounds(one) for one in dimensions if one not in sweep.space]
        searched = {one.key for one in dimensions}
        if without := [one.key for one in sweep.space if one.key not in searched]:
            own.append(f"without {', '.join(without)}")
        if own:
            facts[f"search space of {name}"] = "; ".join(own)
    return facts


def _further(sweep: Sweep, score: Score) -> dict[str, str]:
    """What a sweep asks beyond a budget and a space."""
    derived = {one for name in sweep.architectures for one in sweep.derivations(name)}
    facts = {
        "derived": "; ".join(
            sorted(f"{d.key} from {_budget(d)}, {d.count.replace('_', ' ')}" for d in derived)
        ),
        "constraints": ", ".join(f"{name} at most {limit:,g}" for name, limit in sweep.constraints.items()),
        "objectives": ", ".join(sweep.objectives) if len(sweep.objectives) > 1 else "",
        "started from the trials of": ", ".join(sweep.warm_start),
        "studies end early": ", ".join(_early(sweep, score)),
    }
    return {name: text for name, text in facts.items() if text}


def _budget(derived: Derived) -> str:
    return f"{derived.budget:,} parameters" if derived.budget else "a searched number of parameters"


def _early(sweep: Sweep, score: Score) -> Iterator[str]:
    if sweep.stop_after is not None:
        yield f"after {sweep.stop_after} trials that bring nothing better"
    if sweep.target is not None:
        yield f"at a validation {score.title} of {sweep.target:g}"


def _bounds(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return f"{dimension.key} one of {', '.join(map(str, dimension.choices))}"
    scale = ", logarithmic" if dimension.log else ""
    step = f" in steps of {dimension.step:g}" if dimension.step not in (None, 1) else ""
    return f"{dimension.key} {dimension.low:g} to {dimension.high:g}{step}{scale}"


def _seeds(runs: pd.DataFrame) -> str:
    seeds = runs[(runs["role"] == "replicate") & runs["seed"].notna()]["seed"].unique()
    return ", ".join(map(str, sorted(map(int, seeds)))) or "none"


def _constant(runs: pd.DataFrame) -> dict[str, str]:
    """Settings of data and trainer that were the same in every run that has them."""
    constant = {}
    for column in (c for c in runs.columns if str(c).startswith(("data.", "trainer."))):
        values = runs[column].dropna().map(_plain).unique()
        if len(values) == 1:
            constant[str(column)] = str(values[0])
    return constant


def _plain(value: object) -> str:
    """Write a setting as it was given: a whole number became one with a point where a run has none."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
