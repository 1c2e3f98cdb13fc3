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
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from rnnsweep.errors import UserError
from rnnsweep.methods import samplers
from rnnsweep.search.journal import overrides_of, together, write_now
from rnnsweep.search.methods import make_sampler
from rnnsweep.search.objectives import Improvement, objective_values, turned
from rnnsweep.search.sizing import Point, Sizing
from rnnsweep.search.space import draw
from rnnsweep.search.trials import REJECTED, WARM, Candidate, SpentBudget, is_own, may_win
from rnnsweep.state.outcome import DIVERGED, FINAL, EndState
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE, violations
from rnnsweep.tasks.score import HIGHER, turn
from rnnsweep.trial import Outcome, Report

DERIVED = "rnnsweep.derived"  # tag of a run: the widths that were derived from a number of parameters
MOST_REJECTED = 100  # proposals in a row that are infeasible before a study gives up
_STATES = dict(zip(FINAL, (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL), strict=True))
_MAXIMIZE, _MINIMIZE = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
RETRIED = "retried"  # attribute of a study: failed trials whose place in the budget was given back
_WORDS = {state: word for word, state in _STATES.items()}


@dataclass
class Search:
    """One Optuna study. All that is asked and told goes through here, from one thread of one process."""

    sweep: Sweep
    architecture: str
    storage: BaseStorage
    pruner: BasePruner
    fixed: Mapping[str, Any]  # the architecture's settings that are not searched
    sizing: Sizing
    spent: SpentBudget = field(default_factory=SpentBudget)
    counts: Counter[str] = field(default_factory=Counter)
    improvement: Improvement = field(default_factory=Improvement)
    best: float | None = None  # turned so that more is better
    direction: str = HIGHER  # of the score that decides, as the trials name it

    def __post_init__(self) -> None:
        """Open the study, or make it, and count what is there."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            storage=self.storage,
            study_name=f"{self.sweep.name}/{self.architecture}",
            directions=[_MAXIMIZE, *(_MINIMIZE for _ in self.sweep.objectives[1:])],
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=self.pruner,
        )
        self._refuse_other_objectives()
        self._trials: dict[int, Trial] = {}
        self.recount()

    @property
    def best_validation(self) -> float | None:
        """The natural value of the best trial."""
        return None if self.best is None else turn(self.best, self.direction)

    def recount(self) -> None:
        """Count what the study holds."""
        self.spent, self.counts, self.improvement, self.best = SpentBudget(), Counter(), Improvement(), None
        self.asked = 0  # what counts in the budget
        self._made = 0  # what the sampler's seed counts: it never goes down
        self._rejected = 0  # proposals in a row that were not worth a training
        given_back = set(self.study.user_attrs.get(RETRIED, []))
        trials = self.study.get_trials(deepcopy=False)
        for trial in trials:
            self._made += trial.state != TrialState.WAITING
            if trial.number not in given_back:
                self._count_asked(trial)
        for trial in sorted(trials, key=_end_of):
            if trial.state in _WORDS and trial.number not in given_back and is_own(trial):
                cause = trial.user_attrs.get("cause")
                word = EndState.FAILED if cause == DIVERGED else _WORDS[trial.state]
                self._count(word, trial.values, trial.user_attrs.get("scores", {}), cause)

    def _refuse_other_objectives(self) -> None:
        before, now = self.study.user_attrs.get("objectives", ["validation"]), list(self.sweep.objectives)
        begun = len(self.study.directions) != len(now) or self.study.get_trials(deepcopy=False)
        if before != now and begun:
            raise UserError(
                f"{self.sweep.path}: objectives: {now}: the study of {self.architecture} was begun with"
                f" {before}; give the sweep another `name:`"
            )
        if before != now:
            self.study.set_user_attr("objectives", now)

    def _count_asked(self, trial: FrozenTrial) -> None:
        if trial.state == TrialState.WAITING or WARM in trial.user_attrs:
            return
        rejected = REJECTED in trial.user_attrs
        self.counts[REJECTED] += rejected
        self._rejected = self._rejected + 1 if rejected else 0
        self.asked += not rejected or self._exhausts

    @property
    def _exhausts(self) -> bool:
        return samplers()[self.sweep.sampler.name].exhausts

    def adopt(self) -> list[Candidate]:
        """Return the trials that an earlier controller asked for and could not tell."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [resumed for trial in running if (resumed := self._resumed(trial)) is not None]

    def ask(self) -> Candidate | None:
        """Ask for the next trial; its overrides are stored before anything runs.

        A proposal that is known to be infeasible is told as such at once and costs nothing.

        Returns:
            None where the study has come to its end meanwhile.
        """
        with together(self.storage):
            while self.open_budget() < 1:
                self.study.sampler = make_sampler(self.sweep, self.architecture, self._made)
                trial = self.study.ask()
                self._made += 1
                candidate = self._candidate(trial, attempts=0, begun=False)
                self.asked += candidate is not None or self._exhausts
                if candidate is not None:
                    self._rejected = 0
                    return candidate
        return None

    @property
    def stopped(self) -> str | None:
        """Why the study asks for nothing more although its budget is not spent; None while it does."""
        target, patience = self.sweep.target, self.sweep.stop_after
        if target is not None and self.best is not None and self.best >= turn(target, self.direction):
            return f"reached its target of {target:g}"
        if patience is not None and self.improvement.idle >= patience:
            return f"nothing better in {patience} {'trial' if patience == 1 else 'trials'}"
        if self._rejected >= MOST_REJECTED:
            return f"{MOST_REJECTED} proposals in a row were infeasible"
        return None

    def report(self, number: int, report: Report) -> bool:
        """Store a validation and say whether the trial is to be pruned; one reported twice counts once."""
        if len(self.sweep.objectives) > 1:
            return False  # a trial that is behind in one may be ahead in another
        trial = self._trials[number]
        frozen = self.storage.get_trial(trial._trial_id)
        if report.rung not in frozen.intermediate_values:
            trial.report(report.turned, report.rung)
        elif report.rung != frozen.last_step:
            return False  # a continued trial repeats what it was already told to go on from
        return trial.should_prune()

    def lose(self, number: int) -> None:
        """Count a process that the trial lost."""
        trial = self._trials[number]
        trial.set_user_attr("attempts", int(trial.user_attrs.get("attempts", 0)) + 1)
        write_now(self.storage)

    def shrink(self, number: int, overrides: tuple[str, ...]) -> None:
        """Store the overrides with which a trial that ran out of memory continues as the same trial."""
        trial = self._trials[number]
        trial.set_user_attr("overrides", json.dumps(overrides))
        trial.set_user_attr("shrunk", True)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Tell the study how a trial ended."""
        trial = self._trials.pop(number)
        values = objective_values(self.sweep, outcome.scores) if outcome.state == "complete" else None
        # the sampler learns nothing from what failed, and must learn that a training diverged
        bad = outcome.cause == DIVERGED
        state = TrialState.PRUNED if bad else _STATES[EndState(outcome.state)]
        with together(self.storage):
            for name in ("cause", "reason"):
                if getattr(outcome, name) is not None:
                    trial.set_user_attr(name, getattr(outcome, name))
            trial.set_user_attr("scores", {k: v for k, v in outcome.scores.items() if _plain(v)})
            if outcome.state != "failed":
                _constrain(trial, violations(self.sweep.constraints, outcome.scores))
            self._tell(trial, values, state)
        write_now(self.storage)  # before anybody is told that it ended
        self._count(outcome.state, values, outcome.scores, outcome.cause)

    def _tell(self, trial: Trial, values: list[float] | None, state: TrialState) -> None:
        if self._exhausts:  # it would stop a loop of Optuna's that we do not run
            self.study.sampler = optuna.samplers.RandomSampler(seed=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.study.tell(trial, values, state=state)

    def open_budget(self) -> float:
        """Return the share of the budget that is used up, 1 or more where nothing may be asked any more."""
        if self.stopped:
            return 1.0
        sweep, spent = self.sweep, self.spent
        used = ((self.asked, sweep.trials), (spent.seconds, sweep.seconds), (spent.epochs, sweep.epochs))
        return max(amount / most for amount, most in used if most is not None)

    def best_trial(self) -> Candidate | None:
        """Return the best feasible trial by validation; a pruned one where none is complete.

        Of trials with equal validation it is the one ahead in the other objectives, then the first. With
        several objectives that is the point of the front with the highest validation.
        """
        for state in (TrialState.COMPLETE, TrialState.PRUNED):
            trials = self.study.get_trials(deepcopy=False, states=(state,))
            scored = [trial for trial in trials if may_win(trial)]
            if scored:
                best = max(scored, key=lambda trial: (turned(trial.values), -trial.number))
                overrides = overrides_of(best.number, best.user_attrs)
                return Candidate(best.number, overrides, 0, begun=True, tags=_tags(best.user_attrs))
        return None

    def _resumed(self, frozen: FrozenTrial) -> Candidate | None:
        # the same seed as when it was asked: values that were not yet stored come out as they would have
        self.study.sampler = make_sampler(self.sweep, self.architecture, frozen.number)
        trial = Trial(self.study, frozen._trial_id)
        return self._candidate(trial, attempts=int(frozen.user_attrs.get("attempts", 0)), begun=True)

    def _candidate(self, trial: Trial, *, attempts: int, begun: bool) -> Candidate | None:
        """Return a trial as a candidate; tell the study at once of an infeasible one and return None."""
        stored = self.storage.get_trial(trial._trial_id).user_attrs  # a trial's own copies them each time
        if "overrides" not in stored:
            values = draw(trial, self.sweep.dimensions(self.architecture), self.fixed)
            point = self.sizing.point(self.architecture, values)
            if point.sized:
                trial.set_user_attr("derived", json.dumps([one.note() for one in point.sized]))
            if point.problem:
                self._reject(trial, point)
                return None
            trial.set_user_attr("overrides", json.dumps(point.overrides))  # last: it stands for all of it
            stored = self.storage.get_trial(trial._trial_id).user_attrs
        self._trials[trial.number] = trial
        shrunk = bool(stored.get("shrunk", False))
        overrides = overrides_of(trial.number, stored)
        return Candidate(trial.number, overrides, attempts, begun, shrunk, _tags(stored))

    def _reject(self, trial: Trial, point: Point) -> None:
        """Tell a trial that is not worth a training."""
        trial.set_user_attr("cause", INFEASIBLE)
        trial.set_user_attr("reason", point.problem)
        trial.set_user_attr(REJECTED, True)
        _constrain(trial, point.above)
        self._tell(trial, None, TrialState.PRUNED)
        self.counts[REJECTED] += 1
        self._rejected += 1

    def _count(
        self, state: str, values: list[float] | None, scores: Mapping[str, Any], cause: str | None
    ) -> None:
        word = INFEASIBLE if state == "complete" and cause == INFEASIBLE else state
        self.counts[word] += 1
        self.spent.add(scores)
        self.direction = scores.get("direction", self.direction)
        good = values if word == "complete" else None
        self.improvement.add(good)
        if good:
            self.best = good[0] if self.best is None else max(self.best, good[0])


def _constrain(trial: Trial, above: Mapping[str, float]) -> None:
    for name, share in above.items():
        if name not in trial.constraints:  # a controller may have died right after it
            trial.set_constraint(name, share)


def _end_of(trial: FrozenTrial) -> tuple[float, int]:
    return trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0, trial.number


def _tags(stored: Mapping[str, Any]) -> dict[str, str]:
    return {DERIVED: stored["derived"]} if "derived" in stored else {}


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
