"""What a free slot does next: what was begun first, then trials, then replicates, then nothing."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnsweep.engine.scheduling.failures import smaller
from rnnsweep.engine.scheduling.tasks import TaskMaker
from rnnsweep.search.study import Search
from rnnsweep.search.trials import Candidate
from rnnsweep.state.watching.eta import most_replicates
from rnnsweep.sweepfile.model import BASELINE
from rnnsweep.tracking.tags import Tag
from rnnsweep.trial import Outcome, TrialTask

Ended = tuple[TrialTask, Outcome]
Extend = Callable[[Sequence[Ended]], Mapping[str, int]]  # replicates that ended -> how many each gets in all


@dataclass
class Job:
    """One task and the processes that it has lost."""

    task: TrialTask
    attempts: int = 0
    shrunk: bool = False  # it ran out of memory once
    refused: int = 0  # times that it met a full disk since it last got further
    rung: int = 0  # how far it got

    def advance(self, rung: int) -> None:
        """Take note of a validation: one that is new says that there was room to get there."""
        if rung > self.rung:
            self.rung, self.refused = rung, 0

    @property
    def trial(self) -> int | None:
        """The number of the trial; None where it is none: the search did not ask for it."""
        return self.task.number if self.task.role == "trial" else None


@dataclass
class Agenda:
    """The jobs of a sweep that are not in a slot."""

    maker: TaskMaker
    searches: dict[str, Search]
    ready: deque[Job] = field(default_factory=deque)  # begun before, or to be tried again
    open_trials: dict[str, int] = field(default_factory=dict)  # asked and not told, for each architecture
    repeated: set[str] = field(default_factory=set)  # architectures whose replicates are made
    repeats: dict[str, TrialTask] = field(default_factory=dict)  # replicates and the baseline, by name
    ended: dict[str, dict[str, Outcome]] = field(default_factory=dict)  # architecture -> name -> outcome
    extend: Extend | None = None  # decides at a planned look who gets more replicates
    more: dict[str, int] = field(default_factory=dict)  # replicates of each in all, as looks decided
    looked: int = 0  # replicates that had ended at the last look

    def adopt(self) -> list[tuple[Job, Outcome]]:
        """Take up what an earlier controller left, and give the trials that ended without its hearing."""
        unheard: list[tuple[Job, Outcome]] = []
        for architecture, search in self.searches.items():
            for candidate in search.adopt():
                job = self._trial(architecture, candidate)
                outcome = Outcome.read(job.task.folder)
                if outcome is None:
                    self.ready.append(job)
                else:
                    unheard.append((job, outcome))
        if self.maker.sweep.baseline:
            self._add_repeat(self.maker.baseline())
        return unheard

    def next(self) -> Job | None:
        """Return the next job, or None where there is none now; one that ends may make more."""
        shares = {name: search.open_budget() for name, search in self.searches.items()}
        searching = [name for name, share in shares.items() if share < 1]
        if not searching:
            self._make_replicates()
            while self._look():  # after a restart the replicates of later looks may have ended, too
                pass
        if self.ready:
            return self.ready.popleft()
        if not searching:
            return None
        name = min(searching, key=lambda name: shares[name])  # the first of the file in ties
        candidate = self.searches[name].ask()
        return self._trial(name, candidate) if candidate else self.next()

    def again(self, job: Job) -> None:
        """Queue a job whose process was lost: it resumes from its checkpoint, before anything new."""
        job.task = replace(job.task, resume=True)
        self.ready.appendleft(job)

    def lose(self, job: Job) -> None:
        """Take note that a job lost its process."""
        job.attempts += 1
        if job.trial is not None:
            self.searches[job.task.architecture].lose(job.trial)

    def shrink(self, job: Job) -> None:
        """Cut the batches of a job that ran out of memory into more pieces, once."""
        if job.shrunk:
            return
        job.task, job.shrunk = smaller(job.task), True
        if job.trial is not None:
            self.searches[job.task.architecture].shrink(job.trial, job.task.overrides)

    def told(self, job: Job, outcome: Outcome) -> None:
        """Take note that a job is over."""
        if job.trial is not None:
            self.open_trials[job.task.architecture] -= 1
        else:
            self.ended.setdefault(job.task.architecture, {})[job.task.name] = outcome

    def _trial(self, architecture: str, candidate: Candidate) -> Job:
        self.open_trials[architecture] = self.open_trials.get(architecture, 0) + 1
        task = self.maker.trial(
            architecture, candidate.number, candidate.overrides, resume=candidate.begun, tags=candidate.tags
        )
        return Job(task, candidate.attempts, candidate.shrunk)

    def _make_replicates(self) -> None:
        for name, search in self.searches.items():
            if name in self.repeated or self.open_trials.get(name, 0):
                continue
            self.repeated.add(name)
            if best := search.best_trial():
                for number in range(self.wanted(name)):
                    task = self.maker.replicate(
                        name, best.number, best.overrides, number=number, tags=best.tags
                    )
                    self._add_repeat(task)
        if self.maker.sweep.baseline and self.maker.varies_split:
            most = max(map(self.wanted, self.searches))
            for number in range(self.more.get(BASELINE, most)):
                self._add_repeat(self.maker.baseline_replicate(number))
        # seed by seed over all architectures: a sweep that is stopped early has pairs to compare
        self.ready = deque(sorted(self.ready, key=_turn))

    def wanted(self, architecture: str) -> int:
        """Return the replicates of one architecture in all: the file's, or more where a look decided so."""
        return max(self.maker.sweep.wanted(architecture), self.more.get(architecture, 0))

    def most(self, architecture: str) -> int:
        """Return how many replicates further looks may ask for in all; 0 where none follows."""
        planned = () if self.extend is None else self.maker.sweep.planned
        return most_replicates(architecture, planned=planned, decided=self.more)

    def _look(self) -> bool:
        """Ask who gets more replicates, where all that were made are over and none was asked for them yet.

        Returns:
            Whether it was asked.
        """
        over = [(self.repeats[name], o) for own in self.ended.values() for name, o in own.items()]
        waiting = self.ready or len(over) < len(self.repeats) or any(self.open_trials.values())
        if self.extend is None or waiting or len(over) == self.looked:
            return False
        self.looked = len(over)
        self.more = dict(self.extend(over))
        self.repeated.clear()
        self._make_replicates()
        return True

    def _add_repeat(self, task: TrialTask) -> None:
        """Queue a replicate or the baseline unless it ended under an earlier controller."""
        if task.name in self.repeats:
            return
        self.repeats[task.name] = task
        outcome = Outcome.read(task.folder)
        if outcome is None:
            self.ready.append(Job(task))
        else:
            self.ended.setdefault(task.architecture, {})[task.name] = outcome

    def reopen(self, failed: Sequence[str]) -> None:
        """Take note that failed tasks are to be tried again, while their sweep runs."""
        for search in self.searches.values():
            search.recount()
            if search.open_budget() < 1:  # its best trial may become another one
                self.repeated.discard(search.architecture)
        for name in failed:
            if name in self.repeats:
                task = self.repeats[name]
                self.ended.get(task.architecture, {}).pop(name, None)
                self.ready.append(Job(replace(task, resume=True)))


def _turn(job: Job) -> int:
    """Return the place of a ready job: a replicate's number; everything else goes first."""
    number = job.task.tags.get(Tag.REPLICATE)
    return -1 if number is None or job.task.resume else int(number)
