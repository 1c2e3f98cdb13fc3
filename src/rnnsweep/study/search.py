"""One architecture's study: what to try next, which trials to prune, what was spent, what is best."""

import json
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from rnnsweep.study.samplers import make_sampler
from rnnsweep.study.space import draw, write_overrides
from rnnsweep.sweep import Sweep
from rnnsweep.trial import Outcome, Report

_STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
RETRIED = "retried"  # attribute of a study: failed trials whose place in the budget was given back
_WORDS = {state: word for word, state in _STATES.items()}


@dataclass
class Spent:
    """What a study's ended trials used up."""

    trials: int = 0
    seconds: float = 0.0
    epochs: float = 0.0

    def add(self, scores: Mapping[str, Any]) -> None:
        """Count one trial with its scores."""
        self.trials += 1
        self.seconds += float(scores.get("seconds") or 0.0)
        self.epochs += float(scores.get("epochs") or 0.0)


@dataclass(frozen=True)
class Candidate:
    """One trial of the study, asked for and not told."""

    number: int
    overrides: tuple[str, ...]
    attempts: int  # processes that this trial has already lost
    begun: bool  # a process may have worked on it
    shrunk: bool = False  # it ran out of memory once, and goes on in smaller pieces


@dataclass
class Search:
    """One Optuna study. All that is asked and told goes through here, from one thread of one process."""

    sweep: Sweep
    architecture: str
    storage: BaseStorage
    pruner: BasePruner
    fixed: Mapping[str, Any]  # the architecture's settings that are not searched
    threads: int = 1
    spent: Spent = field(default_factory=Spent)
    counts: Counter[str] = field(default_factory=Counter)
    best: float | None = None

    def __post_init__(self) -> None:
        """Open the study, or make it, and count what is there."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            storage=self.storage,
            study_name=f"{self.sweep.name}/{self.architecture}",
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=self.pruner,
        )
        self._trials: dict[int, Trial] = {}
        self.asked = 0  # what counts in the budget
        self._made = 0  # what the sampler's seed counts: it never goes down
        given_back = set(self.study.user_attrs.get(RETRIED, []))
        for trial in self.study.get_trials(deepcopy=False):
            self._made += trial.state != TrialState.WAITING
            if trial.state == TrialState.WAITING or trial.number in given_back:
                continue
            self.asked += 1
            if trial.state in _WORDS:
                self._count(_WORDS[trial.state], trial.value, trial.user_attrs.get("scores", {}))

    def adopt(self) -> list[Candidate]:
        """Give the trials that an earlier controller asked for and could not tell."""
        states = (TrialState.RUNNING,)
        return [self._resumed(trial) for trial in self.study.get_trials(deepcopy=False, states=states)]

    def ask(self) -> Candidate:
        """Ask for the next trial; its overrides are stored before anything runs."""
        self.study.sampler = make_sampler(self.sweep, self.architecture, self._made)
        trial = self.study.ask()
        self.asked += 1
        self._made += 1
        return self._candidate(trial, attempts=0, begun=False)

    def report(self, number: int, report: Report) -> bool:
        """Store a validation and say whether the trial is to be pruned; one reported twice counts once."""
        trial = self._trials[number]
        frozen = self._frozen(number)
        if report.rung not in frozen.intermediate_values:
            trial.report(report.validation, report.rung)
        elif report.rung != frozen.last_step:
            return False  # a continued trial repeats what it was already told to go on from
        return trial.should_prune()

    def lose(self, number: int) -> int:
        """Count a process that the trial lost, and give their number."""
        trial = self._trials[number]
        attempts = int(trial.user_attrs.get("attempts", 0)) + 1
        trial.set_user_attr("attempts", attempts)
        return attempts

    def shrink(self, number: int, overrides: tuple[str, ...]) -> None:
        """Store the overrides with which a trial that ran out of memory goes on as the same trial."""
        trial = self._trials[number]
        trial.set_user_attr("overrides", json.dumps(overrides))
        trial.set_user_attr("shrunk", True)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Tell the study how a trial ended."""
        trial = self._trials.pop(number)
        for name in ("cause", "reason"):
            if getattr(outcome, name) is not None:
                trial.set_user_attr(name, getattr(outcome, name))
        trial.set_user_attr("scores", {k: v for k, v in outcome.scores.items() if _plain(v)})
        if self.sweep.sampler.name == "grid":  # it would stop a loop of Optuna's that we do not run
            self.study.sampler = optuna.samplers.RandomSampler(seed=0)
        value = outcome.validation if outcome.state == "complete" else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.study.tell(trial, value, state=_STATES[outcome.state])
        self._count(outcome.state, value, outcome.scores)

    def open_budget(self, *, running_seconds: float = 0.0) -> float:
        """Give the share of the budget that is used up, 1 or more where nothing may be asked any more."""
        budget = self.sweep
        shares = []
        if budget.trials is not None:
            shares.append(self.asked / budget.trials)
        if budget.seconds is not None:
            shares.append((self.spent.seconds + running_seconds) / budget.seconds)
        if budget.epochs is not None:
            shares.append(self.spent.epochs / budget.epochs)
        return max(shares)

    def best_trial(self) -> Candidate | None:
        """Give the best trial by validation; a pruned one where none is complete, the first of equals."""
        trials = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        scored = [trial for trial in trials if trial.value is not None]
        if not scored:
            return None
        best = max(scored, key=lambda t: (t.state == TrialState.COMPLETE, t.value or 0.0, -t.number))
        return Candidate(best.number, tuple(json.loads(best.user_attrs["overrides"])), 0, begun=True)

    def _resumed(self, frozen: FrozenTrial) -> Candidate:
        # the same seed as when it was asked: values that were not yet stored come out as they would have
        self.study.sampler = make_sampler(self.sweep, self.architecture, frozen.number)
        trial = Trial(self.study, frozen._trial_id)
        return self._candidate(trial, attempts=int(frozen.user_attrs.get("attempts", 0)), begun=True)

    def _candidate(self, trial: Trial, *, attempts: int, begun: bool) -> Candidate:
        self._trials[trial.number] = trial
        stored = trial.user_attrs.get("overrides")
        if stored is None:
            dimensions = self.sweep.dimensions(self.architecture)
            values = draw(trial, dimensions, self.fixed)
            stored = json.dumps(write_overrides(self.sweep, self.architecture, values, threads=self.threads))
            trial.set_user_attr("overrides", stored)
        shrunk = bool(trial.user_attrs.get("shrunk", False))
        return Candidate(trial.number, tuple(json.loads(stored)), attempts, begun, shrunk)

    def _frozen(self, number: int) -> FrozenTrial:
        return self.storage.get_trial(self._trials[number]._trial_id)

    def _count(self, state: str, value: float | None, scores: Mapping[str, Any]) -> None:
        self.counts[state] += 1
        self.spent.add(scores)
        if state == "complete" and value is not None:
            self.best = value if self.best is None else max(self.best, value)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
