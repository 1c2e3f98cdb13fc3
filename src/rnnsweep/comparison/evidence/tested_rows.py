"""Which rows each architecture was tested on: scores of different rows are in no pair."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnnsweep.comparison.evidence.records import NOT_COMPARABLE, HealthRemark, Standing, Verdict
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.comparison.words import names_of
from rnnsweep.config import quote
from rnnsweep.config.test_rows import TEXT, row_settings, say_same_rows
from rnnsweep.data.rows import DRAWN


def with_tested(
    standings: Sequence[Standing], predictions: Mapping[str, Predictions]
) -> tuple[Standing, ...]:
    """Return standings whose replicates name the rows that they were tested on.

    Where no record says it, or versions that wrote it otherwise made some of them, the rows' targets stand
    for the rows.

    Args:
        standings: with their replicates.
        predictions: {run_id: what a replicate said of the test rows}.
    """
    standings = in_one_form(standings)
    if any(one.tested for s in standings for one in s.replicates):
        return standings
    known = {
        run_id: hashlib.sha256(own.targets_N.tobytes()).hexdigest() for run_id, own in predictions.items()
    }
    return tuple(
        replace(s, replicates=tuple(replace(one, tested=known.get(one.run_id, "")) for one in s.replicates))
        for s in standings
    )


def in_one_form(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return standings whose replicates' digests can be compared; those of several forms are left out."""
    named = [one.tested for s in standings for one in s.replicates if one.tested]
    if len({tested.startswith(DRAWN) for tested in named}) < 2:
        return tuple(standings)
    return tuple(
        replace(s, replicates=tuple(replace(one, tested="") for one in s.replicates)) for s in standings
    )


def of_each_part(
    standings: Sequence[Standing], predictions: Mapping[str, Predictions], *, first: str
) -> dict[int, dict[str, Predictions]]:
    """Return {fold: predictions on one and the same rows}; fold 0 is all there is without folds.

    Args:
        standings: with their replicates.
        predictions: {run_id: what a replicate said of the test rows}.
        first: the run whose rows are those of its part; of each other fold the first replicate's are.
    """
    replicates = {one.run_id: one for s in standings for one in s.replicates}
    fold_of = {run: replicates[run].fold for run in predictions if run in replicates}
    parts = {}
    for fold in sorted({*fold_of.values()} or {0}):
        own = [run for run in predictions if fold_of.get(run, 0) == fold]
        leading = first if first in own else next((run for run in own if run in replicates), first)
        tested = replicates[leading].tested if leading in replicates else ""
        known = {run: replicates[run].tested if run in replicates else None for run in own}
        # a run of no standing is of a configuration that was replaced: its rows are not known
        parts[fold] = {
            run: predictions[run] for run, rows in known.items() if not tested or rows in ("", tested)
        }
    return parts


def changed_test_part(standings: Sequence[Standing]) -> Iterator[HealthRemark]:
    """Say that an architecture's replicates were tested on several sets of rows, as of a changed corpus."""
    parts: Counter[str] = Counter()
    several = False
    for standing in standings:
        fold = min((one.fold for one in standing.replicates), default=0)
        own = Counter(one.tested for one in standing.replicates if one.tested and one.fold == fold)
        several |= len(own) > 1
        parts += own
    if several:
        counts = names_of([f"{number:,}" for number in parts.values()])
        yield HealthRemark(
            f"The corpus changed between replicates: {counts} of them were tested on rows or labels of their"
            " own. The means of the standings mix these, and a baseline of one fit is of one of them alone:"
            " the verdicts are of no one corpus.",
            "start another sweep on the rows as they are now, with another `name:`",
        )


def groups_of_rows(standings: Sequence[Standing], verdicts: Sequence[Verdict]) -> list[list[str]]:
    """Return the architectures that were tested on the same rows together, in their order; one: all were."""
    apart = {frozenset((v.a, v.b)) for v in verdicts if v.verdict == NOT_COMPARABLE}
    groups: list[list[str]] = []
    for name in (s.architecture for s in standings if s.replicates):
        group = next((g for g in groups if not any(frozenset((name, one)) in apart for one in g)), None)
        if group is None:
            groups.append([name])
        else:
            group.append(name)
    return groups


def say_other_rows(standings: Sequence[Standing], groups: Sequence[Sequence[str]]) -> str:
    """Return who was tested on other rows than who, and why, as far as the settings say it.

    Args:
        standings: with the overrides of each.
        groups: as `groups_of_rows` returns them.
    """
    if len(groups) < 2:
        return ""
    differing = _differing(standings, groups)
    named = "; ".join(
        names_of(list(group)) + _written(own) for group, own in zip(groups, differing, strict=True)
    )
    why = "" if any(differing) else ", as the corpus changed between them"
    way = say_same_rows(differing) or "each architecture on the rows as they are now"
    return (
        f"Tested on different rows{why}: {named}. So no verdict compares one with another, and more"
        f" replicates cannot help; it takes a new sweep: {way}."
    )


def read_by_baseline(
    standings: Sequence[Standing], groups: Sequence[Sequence[str]]
) -> Iterator[HealthRemark]:
    """Say what the baseline reads, where an architecture reads other columns of the same rows.

    Args:
        standings: with the overrides of each.
        groups: as `groups_of_rows` returns them.
    """
    linear = next((s for s in standings if s.baseline and s.replicates), None)
    beside = next((group for group in groups if linear and linear.architecture in group), ())
    others = [s for s in standings if linear and s.architecture in beside and _reads(s) != _reads(linear)]
    if linear is not None and others:
        named = [f"{s.architecture}{_written(_reads(s))}" for s in others]
        yield HealthRemark(
            f"The {linear.architecture} baseline{_written(_reads(linear))} reads other columns than"
            f" {names_of(named)}: what parts them is not the networks' alone."
        )


def _reads(standing: Standing) -> dict[str, Any]:
    return {key: value for key, value in row_settings(standing.overrides).items() if key == TEXT}


def _differing(standings: Sequence[Standing], groups: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return of each group the settings of which rows there are that not all groups have."""
    overrides = {s.architecture: s.overrides for s in standings}
    settings = [row_settings(overrides[group[0]]) for group in groups]
    return [
        {key: value for key, value in own.items() if any(other.get(key) != value for other in settings)}
        for own in settings
    ]


def _written(settings: Mapping[str, Any]) -> str:
    return f" ({', '.join(quote(*one) for one in settings.items())})" if settings else ""
