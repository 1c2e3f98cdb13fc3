"""Warm start: the trials of earlier sweeps, told to the samplers of a new one where they mean the same."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from rnnsweep.config import compose, flatten, recorded_settings
from rnnsweep.errors import UserError, nearest
from rnnsweep.json_text import parse_texts
from rnnsweep.search.journal import read_journal
from rnnsweep.search.objectives import objective_values, turned
from rnnsweep.search.space import applies, distribution, encode
from rnnsweep.search.study import Search
from rnnsweep.search.trials import WARM, is_feasible, is_own, load_studies
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Choices, Sweep
from rnnsweep.sweepfile.search_space.limits import violations

DONE = "warm_start"  # attribute of a study: the sweeps whose trials it has taken
# what may differ: whose seed it was, where things lie, and how the machine was used
_FREE = (
    "seed",
    "tracking",
    "experiment",
    "data.dir",
    "data.url",
    "data.train",
    "data.validation",
    "data.test",
)
_MACHINE = ("trainer.threads", "trainer.accumulate", "trainer.accelerator")


class Unfit(Exception):
    """A trial that means something else in the new sweep; its text says in a few words why."""


@dataclass(frozen=True)
class Warmed:
    """What one study took from one earlier sweep."""

    source: str
    architecture: str
    taken: int
    refused: Mapping[str, int] = field(default_factory=dict)  # reason -> trials

    def __str__(self) -> str:
        """Return it as one line."""
        if not self.taken and not self.refused:
            return f"{self.architecture}: sweep {self.source} has no trials of it"
        words = f"{self.architecture}: {self.taken} of {self.taken + sum(self.refused.values())} trials of"
        reasons = ", ".join(f"{number} {reason}" for reason, number in self.refused.items())
        return f"{words} sweep {self.source} taken" + (f"; refused: {reasons}" if reasons else "")


def check_sources(sweep: Sweep, mlruns: Path) -> None:
    """Refuse a warm start from a sweep that never ran.

    Raises:
        UserError: naming the sweep and the nearest one.
    """
    known = [one.name for one in SweepFolder.every(mlruns) if one.has_trials]
    for source in sweep.warm_start:
        if source not in known:
            listed = f"there is {', '.join(known)}" if known else "none has run yet"
            raise UserError(
                f"{sweep.path}: warm_start: {source!r}: there is no such sweep in {mlruns}; {listed}."
                f"{nearest(source, known)}"
            )


def warm_up(search: Search, mlruns: Path, start: Mapping[str, Any]) -> list[Warmed]:
    """Tell a study the trials of the sweeps that its file names; each sweep once.

    A trial is taken where the new sweep could have trained it itself: same rows, same code of the model,
    every setting the same or searched, each value inside the space. Taken ones cost no budget and cannot
    win: the best of them is proposed as the study's next trial instead.

    Args:
        search: the study, which counts itself anew afterwards.
        mlruns: the folder of the earlier sweeps.
        start: what the new sweep was started from, with the digests of its corpus and code.
    """
    done = list(search.study.user_attrs.get(DONE, []))
    starts = [_take(search, mlruns, s, start) for s in search.sweep.warm_start if s not in done]
    if starts:
        search.study.set_user_attr(DONE, [*done, *(one.source for one in starts)])
        if any(one.taken for one in starts):
            _propose_best(search)
        search.recount()
    return starts


def _take(search: Search, mlruns: Path, source: str, start: Mapping[str, Any]) -> Warmed:
    folder = SweepFolder.of(mlruns, source)
    offered = _offered(read_journal(folder), source, search.architecture)
    reason = _unlike(folder.start() or {}, start)
    if reason:
        return Warmed(source, search.architecture, 0, {reason: len(offered)} if offered else {})
    have = {trial.user_attrs.get(WARM) for trial in search.study.get_trials(deepcopy=False)}
    taken, refused = 0, Counter[str]()
    for trial in offered:
        name = f"{source}/{search.architecture}-{trial.number}"
        try:
            if name not in have:  # a controller may have died half way
                search.study.add_trial(_translated(search, trial, folder, name))
            taken += 1
        except Unfit as unfit:
            refused[str(unfit)] += 1
    return Warmed(source, search.architecture, taken, dict(refused))


def _offered(storage: BaseStorage, source: str, architecture: str) -> list[FrozenTrial]:
    """Return the trials that were trained and scored there; none where it has no such architecture."""
    studies = load_studies(storage, source, [architecture]).values()
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    return [t for study in studies for t in study.get_trials(deepcopy=False, states=ended) if is_own(t)]


def _unlike(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return why no trial of a sweep can mean the same here; None where some may."""
    if before.get("corpus") != now.get("corpus"):
        return "of another corpus"
    vectors, earlier = now.get("vectors", {}), before.get("vectors", {})
    if any(earlier.get(name, digest) != digest for name, digest in vectors.items()):
        return "of other word vectors"
    if before.get("model") is None or before["model"] != now.get("model"):
        return "of other code of the model"
    changed = [
        text for text in before.get("accepted", []) if text.startswith(("corpus ", "data.vectors=", "code "))
    ]
    return "of a sweep whose corpus, word vectors or code changed while it ran" if changed else None


def _translated(search: Search, trial: FrozenTrial, folder: SweepFolder, name: str) -> FrozenTrial:
    sweep, scores = search.sweep, trial.user_attrs.get("scores", {})
    settings = _settings(trial, folder)
    values = _values(search, settings, trial)
    point = search.sizing.point(search.architecture, values)
    _refuse_other_settings(settings, flatten(compose(point.overrides, conf=search.sizing.conf)))
    dimensions = {d.key: d for d in sweep.dimensions(search.architecture)}
    complete = trial.state == TrialState.COMPLETE
    objectives = objective_values(sweep, scores) if complete else None
    if complete and objectives is None:
        raise Unfit("without a score of every objective")
    several = len(sweep.objectives) > 1
    try:
        return create_trial(
            state=trial.state,
            values=objectives,
            params={key: encode(dimensions[key], value) for key, value in values.items()},
            distributions={key: distribution(dimensions[key]) for key in values},
            user_attrs={WARM: name, "overrides": json.dumps(point.overrides), "scores": scores},
            intermediate_values={} if several else trial.intermediate_values,
            constraints=violations(sweep.constraints, scores),
        )
    except ValueError as error:  # between two steps of a range
        raise Unfit("outside the space") from error


def _settings(trial: FrozenTrial, folder: SweepFolder) -> dict[str, Any]:
    try:
        with recorded_settings():
            return flatten(compose(parse_texts(trial.user_attrs["overrides"]), conf=folder.conf))
    except (UserError, KeyError, TypeError, ValueError) as error:
        raise Unfit("with settings that do not exist any more") from error


def _values(search: Search, settings: Mapping[str, Any], trial: FrozenTrial) -> dict[str, Any]:
    """Return the searched values of a trial, in the new space."""
    values: dict[str, Any] = {}
    for dimension in search.sweep.dimensions(search.architecture):
        if not applies(dimension, {**search.fixed, **values}):
            continue
        key = dimension.key
        if key not in settings and key not in trial.params:
            raise Unfit(f"without {key}")
        values[key] = settings.get(key, trial.params.get(key))
        null = values[key] is None and isinstance(dimension, Choices) and None in dimension.choices
        if encode(dimension, values[key]) is None and not null:
            raise Unfit(f"with {key} outside the space")
    return values


def _refuse_other_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for key in before:
        if "." not in key or key in _MACHINE or key.startswith(_FREE) and not key.startswith("seeds."):
            continue
        if key in now and before[key] != now[key]:
            raise Unfit(f"with another {key}")


def _propose_best(search: Search) -> None:
    """Let the best of the taken trials be tried first: what wins is trained here."""
    trials = search.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    good = [trial for trial in trials if WARM in trial.user_attrs and is_feasible(trial)]
    if good:
        best = max(good, key=lambda t: (turned(t.values), -t.number))
        search.study.enqueue_trial(best.params)
