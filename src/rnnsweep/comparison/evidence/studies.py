"""What a search buys, by its own trials where they are independent, by whole studies where they are not."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsweep.comparison.statistics.budget import FEWEST_STUDIES, budget_curve, study_curve
from rnnsweep.comparison.statistics.time_curves import Bought, study_time_curve, time_curve
from rnnsweep.comparison.trials import diverged, infeasible, last_attempts
from rnnsweep.methods import samplers
from rnnsweep.safety.shell import run_command
from rnnsweep.sweepfile import Sweep

ENOUGH = 5  # whole studies that are asked for
FEWEST_TRIALS = 4

Path = tuple[NDArray[np.float64], NDArray[np.float64]]  # scores and seconds in the order of the trials


def find_bought(
    runs: pd.DataFrame,
    sweep: Sweep | str,
    *,
    architectures: Sequence[str],
    further: Sequence[Any] = (),
    on: str | None = None,
) -> Bought:
    """Draw the curves of a budget in the way that its search allows.

    Args:
        runs: of the sweep, in the columns of `tracking.runs()`.
        sweep: what was asked, or only its name.
        architectures: whose curves are wanted.
        further: runs of further whole studies: the same sweep with other seeds.
        on: the machine where its trials ran last, as ``--on`` takes it; None is this one.

    Returns:
        The curve of each architecture, or why there is none.
    """
    if isinstance(sweep, str):
        return Bought(refusal="The sampler is not known, so trials cannot be taken to be independent.")
    every = [_paths(table, architectures) for table in (runs, *further)]
    if 1 + len(further) >= FEWEST_STUDIES:
        return _of_whole_studies(every, architectures)
    why = _dependence(sweep, runs)
    return _of_trials(every[0]) if why is None else _refused(why, sweep, 1 + len(further), on)


def _dependence(sweep: Sweep, runs: pd.DataFrame) -> str | None:
    """Return why the trials of a study cannot be drawn one by one; None where they can."""
    if not samplers()[sweep.sampler.name].independent:
        return f"The trials of {sweep.sampler.name} depend on earlier ones"
    early = "stop_after" if sweep.stop_after is not None else "target" if sweep.target is not None else ""
    if early:
        return f"With {early} a study ends by what it has found"
    trials = last_attempts(runs[runs["role"] == "trial"])
    cut = (trials["state"] == "pruned") & ~diverged(trials)
    if cut.any():
        return f"{cut.sum()} trials were pruned by what earlier ones reached"
    return None


def _refused(why: str, sweep: Sweep, studies: int, on: str | None) -> Bought:
    have = "one study" if studies == 1 else f"{studies} studies"
    return Bought(
        refusal=f"{why}, so what a smaller budget would have found cannot be computed from {have}; it takes "
        f"{FEWEST_STUDIES} whole studies with other seeds, better {ENOUGH}.",
        next=run_command("sweep", sweep.name, "--studies", str(ENOUGH), on=on),
    )


def _of_trials(paths: Mapping[str, Path]) -> Bought:
    """Curves of independent trials; one that cannot win counts as the worst that could have."""
    filled = {a: _filled(v) for a, (v, _) in paths.items()}
    curves = {a: budget_curve(v) for a, v in filled.items() if len(v) >= FEWEST_TRIALS}
    times = _known({a: time_curve(filled[a], paths[a][1]) for a in curves})
    refusal = (
        "" if curves else f"It takes {FEWEST_TRIALS} scored trials of an architecture to draw this curve."
    )
    return Bought(curves, times, refusal=refusal)


def _filled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    known = scores[np.isfinite(scores)]
    return np.where(np.isfinite(scores), scores, known.min()) if len(known) else known


def _of_whole_studies(every: Sequence[Mapping[str, Path]], architectures: Sequence[str]) -> Bought:
    own = {a: [paths[a] for paths in every if a in paths] for a in architectures}
    curves = _known({a: study_curve([v for v, _ in paths]) for a, paths in own.items()})
    times = _known({a: study_time_curve(*zip(*own[a], strict=True)) for a in curves})
    refusal = (
        "" if curves else f"Fewer than {FEWEST_STUDIES} of the {len(every)} studies have a complete trial."
    )
    return Bought(curves, times, studies=len(every), refusal=refusal)


def _known(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: curve for name, curve in known.items() if curve is not None}


def _paths(runs: pd.DataFrame, architectures: Sequence[str]) -> dict[str, Path]:
    """Scores of each architecture's trials in their order, NaN for those that cannot win, and seconds."""
    trials = last_attempts(runs[runs["role"] == "trial"])
    ended = trials[trials["state"].isin(["complete", "pruned", "failed"])]
    wins = (ended["state"] == "complete") & ~infeasible(ended)
    scores, seconds = ended["validation"].astype(float).where(wins), ended["seconds"].astype(float)
    own = {a: np.asarray(ended["architecture"] == a) for a in architectures}
    v, t = np.asarray(scores, dtype=np.float64), np.asarray(seconds, dtype=np.float64)
    return {a: (v[mine], t[mine]) for a, mine in own.items() if mine.any()}
