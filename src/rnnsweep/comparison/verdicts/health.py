"""Health of the search: what would make the comparison misleading, each with what to do next."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsweep.comparison.evidence.disagreement import say_disagreement, unchosen_gap
from rnnsweep.comparison.evidence.records import HealthRemark, Standing
from rnnsweep.comparison.mistakes import Mistakes
from rnnsweep.comparison.trials import INFEASIBLE, diverged, last_attempts
from rnnsweep.comparison.verdicts.sentences import apart, names_of
from rnnsweep.config.schema import about_keys
from rnnsweep.safety.shell import command_line, run_command
from rnnsweep.tasks import Score

Again = Callable[..., str]  # writes the command that runs more of the sweep, with further options
Bounds = tuple[float, float, bool]  # low, high, whether the scale is logarithmic
EDGE = 0.05  # share of a range that counts as its border
MANY_FAILED = 0.1
MANY_PRUNED = 0.75
UNEQUAL = 1.25  # times the smallest budget
EPOCHS = "trainer.max_epochs"
GAP = 0.03  # validation minus test
LIKE = command_line("config", "--explain", "like")


def check_health(
    runs: pd.DataFrame,
    standings: Sequence[Standing],
    *,
    curves: pd.DataFrame | None = None,
    bounds: Mapping[str, Mapping[str, Bounds]] | None = None,
    margin: float = 0.002,
    sweep: str = "SWEEP",
    early: bool = False,
    on: str | None = None,
) -> tuple[HealthRemark, ...]:
    """Return one remark for each thing that is not well; none means that nothing was found.

    Args:
        runs: the sweep's runs, in the columns of `tracking.runs()`.
        standings: made of them.
        curves: of replicates or trials, of the score on the validation part, in natural values.
        bounds: of each architecture (low, high, log) of each searched range.
        margin: what counts as a difference.
        sweep: its name, for the next command.
        early: studies may end before their budget, as the sweep's `stop_after` or `target` says.
        on: the machine where its trials ran last, as ``--on`` takes it; None is this one.
    """
    trials = last_attempts(runs[runs["role"] == "trial"])
    networks = [s for s in standings if not s.baseline]
    again = partial(run_command, "sweep", sweep, on=on)
    remarks = list(_unequal_budgets(networks, again, early=early))
    if disagreement := say_disagreement(standings):
        remarks.append(HealthRemark(disagreement))
    remarks += _gap(networks, margin)
    for standing in networks:
        own = trials[trials["architecture"] == standing.architecture]
        remarks += _outcomes(standing, own, sweep, again)
        remarks += _at_border(standing, own, (bounds or {}).get(standing.architecture, {}), again)
        remarks += _not_converged(standing, own, margin, again)
        remarks += _diverging(standing, own, again)
        remarks += _still_rising(standing, own, curves, margin)
    return tuple(remarks)


def never_predicted(mistakes: Mistakes | None) -> Iterator[HealthRemark]:
    """Name the labels that the test part has and an architecture answers in none of its replicates."""
    for name, counts_CC in ({} if mistakes is None else mistakes.confusion).items():
        missing = np.flatnonzero((counts_CC.sum(axis=1) > 0) & (counts_CC.sum(axis=0) == 0)).tolist()
        if mistakes is not None and missing:
            listed = ", ".join(repr(mistakes.labels[n]) for n in missing[:6])
            more = f" and {len(missing) - 6:,} more labels" if len(missing) > 6 else ""
            yield HealthRemark(
                f"{name} never predicts {listed}{more} on the test part.",
                "weigh the labels with task.class_weights=balanced, and compare by macro F1",
                name,
            )


def _unequal_budgets(networks: Sequence[Standing], again: Again, *, early: bool) -> Iterator[HealthRemark]:
    spent = {s.architecture: sum(s.trials.values()) for s in networks if s.spent}
    if spent and max(spent.values()) > UNEQUAL * min(spent.values()):
        least, most = min(spent, key=lambda a: spent[a]), max(spent, key=lambda a: spent[a])
        why = "The budgets are not equal, as studies end early" if early else "The budgets are not equal"
        yield HealthRemark(
            f"{why}: {most} had {spent[most]} trials, {least} {spent[least]}.",
            f"raise stop_after or target in the sweep's file, then: {again()}" if early else again(),
        )


def _outcomes(standing: Standing, own: pd.DataFrame, sweep: str, again: Again) -> Iterator[HealthRemark]:
    name, trials = standing.architecture, standing.trials
    total = sum(trials.values())
    if trials["complete"] and trials["failed"] / total > MANY_FAILED:
        lost = int(diverged(own).sum())
        which = f", {lost} of them diverged" if lost else ""
        yield HealthRemark(
            f"{name}: {trials['failed']} of {total} trials failed{which}, so less of its space was seen.",
            command_line("status", sweep),
            name,
        )
    if trials["complete"] and trials["pruned"] / total > MANY_PRUNED:
        yield HealthRemark(
            f"{name}: {trials['pruned']} of {total} trials were pruned, so the best was chosen among the "
            f"{trials['complete']} that ran to their end.",
            again("--trials", str(2 * total)),
            name,
        )
    above = trials.get(INFEASIBLE, 0)
    if above:
        yield HealthRemark(
            f"{name}: {above} of {total} trials are infeasible: they were trained, but are above a constraint"
            " and cannot win.",
            "",
            name,
        )
    if total and not trials["complete"]:
        yield HealthRemark(
            f"{name}: none of {total} trials completed, so it has no best configuration.",
            command_line("status", sweep) if trials["failed"] else again(),
            name,
        )


def _at_border(
    standing: Standing, trials: pd.DataFrame, bounds: Mapping[str, Bounds], again: Again
) -> Iterator[HealthRemark]:
    best = trials[trials["run_id"].astype(str) == standing.run_id]
    for key, (low, high, log) in bounds.items():
        if key not in best or not len(best) or low == high or trials[key].nunique() < 2:
            continue  # not searched here
        where = _position(best[key].iloc[0], low, high, log)
        if where is not None and not EDGE < where < 1 - EDGE:
            side, bound = ("lower", low) if where < 0.5 else ("upper", high)
            if _is_last_allowed(key, bound, -math.inf if side == "lower" else math.inf):
                continue
            yield HealthRemark(
                f"{standing.architecture}: the best {key} ({best[key].iloc[0]:.4g}) is at the {side} "
                f"border ({bound:.4g}) of the space: a better one may be beyond it.",
                f"widen space.{key} in {_search_on(standing, again, trials)}",
                standing.architecture,
            )


def _is_last_allowed(key: str, bound: float, towards: float) -> bool:
    """Return whether the setting allows no value beyond a border, so that its range cannot be widened."""
    about = about_keys().get(key)
    beyond = math.nextafter(bound, towards)
    return about is not None and about.within is not None and not about.within.holds(beyond)


def _search_on(standing: Standing, again: Again, trials: pd.DataFrame) -> str:
    """Return where a space is changed, and the command that searches it with as many trials again.

    Once test scores were compared, a search that continues pays for it: a new sweep is the better way.
    """
    if standing.replicates:
        return f"a new sweep file with `like:` this one; how: {LIKE}"
    return f"the sweep's file, then: {again('--trials', str(2 * len(trials)), '--accept-changes')}"


def _position(value: Any, low: float, high: float, log: bool) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if log:
        number, low, high = (float(np.log(v)) for v in (number, low, high))
    share = (number - low) / (high - low)
    return share if np.isfinite(share) else None


def _not_converged(
    standing: Standing, trials: pd.DataFrame, margin: float, again: Again
) -> Iterator[HealthRemark]:
    done = trials[trials["state"] == "complete"].sort_values("trial")
    if len(done) < 10:
        return
    scores = done["validation"].astype(float).to_numpy()
    tail = max(1, len(scores) // 10)
    gain = float(np.nanmax(scores) - np.nanmax(scores[:-tail]))
    if gain > margin:
        yield HealthRemark(
            f"{standing.architecture}: the last tenth of its trials still raised the best validation by "
            f"{apart(standing.score, gain)}: the search has not converged.",
            f"more trials in a new sweep file with `like:` this one; how: {LIKE}"
            if standing.replicates
            else again("--trials", str(2 * len(trials))),
            standing.architecture,
        )


def _diverging(standing: Standing, trials: pd.DataFrame, again: Again) -> Iterator[HealthRemark]:
    key = "optimizer.lr"
    if key not in trials or not len(trials):
        return
    rate = divergence_rate(trials[key].to_numpy(dtype=np.float64), diverged(trials).to_numpy(dtype=bool))
    if rate is not None:
        yield HealthRemark(
            f"{standing.architecture}: from a learning rate of {rate:.2g} on, half of the trials diverge.",
            f"lower the upper end of space.{key} to {rate:.2g} in {_search_on(standing, again, trials)}",
            standing.architecture,
        )


def divergence_rate(rates: NDArray[np.float64], diverged: NDArray[np.bool_]) -> float | None:
    """Return the lowest diverged rate such that, of it and of any rate above, at least half diverged."""
    order = np.argsort(rates)[::-1]
    lost = diverged[order]
    share = np.cumsum(lost) / np.arange(1, len(lost) + 1)
    below = np.flatnonzero(share < 0.5)
    reached = lost[: below[0]] if len(below) else lost
    last = np.flatnonzero(reached)
    return float(rates[order][last[-1]]) if len(last) > 1 else None


def _gap(networks: Sequence[Standing], margin: float) -> Iterator[HealthRemark]:
    """Name networks whose best validation score is far above the test mean, and which cause is the larger."""
    known = [(s, s.validation, s.test.mean) for s in networks]
    gaps = [(s, v - t, unchosen_gap(s)) for s, v, t in known if v is not None and t is not None]
    wide = [one for one in gaps if one[1] > (5 * margin if one[0].score.relative else GAP)]
    if not wide:
        return
    score, names = wide[0][0].score, [one[0].architecture for one in wide]
    gap = float(np.mean([one[1] for one in wide]))
    unchosen = [one[2] for one in wide if one[2] is not None]
    why = "the replicates have no validation score that would say why"
    if unchosen:
        above = float(np.mean(unchosen))
        rows, choice = (
            "the validation and test rows differ",
            "the choice of the best of many trials raises it",
        )
        size = f"{apart(score, abs(above))} {'worse' if above < 0 else 'better'}"
        why = f"the replicates, which no search chose, are {size} on validation than on test: mostly "
        why += rows if above > gap / 2 else choice
    mean = " on average" if len(wide) > 1 else ""
    yield HealthRemark(
        f"{names_of(names)}: the best validation score is {apart(score, gap)} above the test mean{mean}; "
        f"{why}. The test column decides.",
        "",
        names[0] if len(names) == 1 else None,
    )


def _still_rising(
    standing: Standing, trials: pd.DataFrame, curves: pd.DataFrame | None, margin: float
) -> Iterator[HealthRemark]:
    if curves is None or not len(curves):
        return
    ids = {r.run_id for r in standing.replicates} or {standing.run_id}
    own = curves[
        curves["run_id"].astype(str).isin(ids) & (curves["key"] == f"validation/{standing.score.name}")
    ]
    gains = [_last_gain(group, standing.score) for _, group in own.groupby("run_id")]
    if gains and float(np.median(gains)) > margin:
        yield HealthRemark(
            f"{standing.architecture}: its validation score was still rising at the end, by "
            f"{apart(standing.score, float(np.median(gains)))} in the last quarter of training.",
            f"see what twice the epochs bring: {_longer(standing, trials)}",
            standing.architecture,
        )


def _longer(standing: Standing, trials: pd.DataFrame) -> str:
    """The command that trains the best configuration for twice as long."""
    done = float(np.nanmax(trials["epochs"].astype(float), initial=1.0))
    others = [one for one in standing.overrides if one.partition("=")[0] != EPOCHS]  # a key occurs once
    return command_line("train", *others, f"{EPOCHS}={2 * math.ceil(done)}")


def _last_gain(curve: pd.DataFrame, score: Score) -> float:
    values = score.turned(curve.sort_values("step")["value"].astype(float).to_numpy())
    last = max(1, len(values) // 4)
    return float(np.max(values[-last:]) - np.max(values[:-last])) if len(values) > last + 1 else 0.0
