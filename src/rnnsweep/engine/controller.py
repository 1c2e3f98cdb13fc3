"""The controller: the one loop that starts tasks, takes their reports, prunes, tells Optuna and stops."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from rnnsweep.engine.inbox import read_requests
from rnnsweep.engine.recording import Recording
from rnnsweep.engine.scheduling.agenda import Agenda, Job
from rnnsweep.engine.scheduling.failures import LOST, REFUSALS, RETRIED, Hopeless, costed
from rnnsweep.engine.scheduling.losers import Losers
from rnnsweep.engine.scheduling.running import Busy, RunningTasks
from rnnsweep.engine.state_copy import NoCopy
from rnnsweep.engine.study_notes import StudyNotes, standings_of
from rnnsweep.errors import UserError
from rnnsweep.search.journal import together
from rnnsweep.search.objectives import judged
from rnnsweep.state.disk import Disk, StillFull
from rnnsweep.state.ledger import Ledger
from rnnsweep.state.outcome import EndState
from rnnsweep.state.watching.agents import AgentTable
from rnnsweep.state.watching.eta import Durations, seconds_left
from rnnsweep.state.watching.progress import STOPPING, Failure, Listener, Snapshot
from rnnsweep.sweepfile import Sweep
from rnnsweep.trial import Ended, Event, Launcher, Outcome, Report, Reported, Started, TrialTask
from rnnsweep.trial.causes import CONFIGURATION, FULL_DISK, PREEMPTED, explain

TICK_S = 0.25  # how soon a signal or a lost process is noticed


@dataclass
class Controller:
    """Runs a sweep's jobs in a launcher's slots until none is left or someone stops it."""

    sweep: Sweep
    agenda: Agenda
    launcher: Launcher
    listener: Listener
    clock: Callable[[], float]  # seconds since the epoch
    ledger: Ledger
    records: Recording
    disk: Disk
    copy: NoCopy = field(default_factory=NoCopy)
    stop_asked: int = 0  # 1: checkpoint and stop; 2: stop at once
    ran: int = 0
    failures: list[Failure] = field(default_factory=list)
    durations: dict[str, Durations] = field(default_factory=dict)  # by architecture
    hopeless: Hopeless = field(default_factory=Hopeless)
    notes: StudyNotes = field(init=False)
    held: Job | None = None  # asked for, until enough slots are free at once
    shown: float = -math.inf  # when the last snapshot was taken

    def __post_init__(self) -> None:
        """Begin to take notes, with all slots free."""
        self.notes = StudyNotes(self.ledger, self.listener)
        self.running = RunningTasks(self.launcher.slots)
        folder = self.agenda.maker.folder
        self.losers = Losers(self.sweep, folder, self.agenda.searches)
        self.agents = AgentTable(folder)

    def run(self) -> str:
        """Run until nothing is left to do, and give ``finished`` or ``interrupted``.

        Raises:
            UserError: the first tasks all failed for one reason.
        """
        self.disk.stopped = lambda: self.stop_asked > 0
        self.disk.tell = self._tell_of_disk
        try:
            return self._run()
        except StillFull:
            return "interrupted"

    def _run(self) -> str:
        self.began = self.clock()
        searches = self.agenda.searches.values()
        self.hopeless.succeeded = any(s.counts["complete"] + s.counts["pruned"] for s in searches)
        for job, outcome in self.agenda.adopt():
            self._end(job, outcome)
        stopped = 0
        while True:
            self.disk.refuse_removed()
            due = self.clock() - self.shown >= TICK_S
            if not self.stop_asked:
                if due or not self.running:
                    read_requests(self.agenda, self.ledger, self.listener)
                self._fill()
                self.notes.write(self.agenda.searches)
            elif stopped != self.stop_asked:
                stopped = self.stop_asked
                self._stop_all()
            over = not self.running and (self.stop_asked > 0 or not (self.disk.paused or self.copy.is_behind))
            if due or over:
                self.shown = self.clock()
                self.agents.write(getattr(self.launcher, "agents", None))
                self.listener.update(self.snapshot(over=over))
            if over:
                return "interrupted" if self.stop_asked else "finished"
            self._hear_all(self.launcher.events(TICK_S))

    def _fill(self) -> None:
        """Start what there is to do; trials are in the journal, by one append, before the first starts."""
        while self.copy.send():
            with self._together():
                chosen = list(self._next())
            if not self.copy.send():  # nothing starts that the copy does not have
                for busy in reversed(chosen):
                    self.running.end(busy)
                    self.agenda.ready.appendleft(busy.job)
            elif all([self._start(busy) for busy in chosen]):
                return

    def _next(self) -> Iterator[Busy]:
        """Yield what starts next, its slots taken."""
        while self.disk.has_room() and self.running.free:
            job, self.held = self.held or self.agenda.next(), None
            if job is None:
                return
            busy = self.running.begin(job, self.clock())
            if busy is not None:
                yield busy
            elif self.running:
                self.held = job  # the next slots that fall free are its
                return
            else:
                have = f"needs as many slots at once, and there are {len(self.running.free)}"
                reason = f"trainer.devices={job.task.devices}: {have}"
                self._end(job, Outcome("failed", CONFIGURATION, reason))

    def _start(self, busy: Busy) -> bool:
        """Start a task; return False where its configuration cannot be composed, which ends it."""
        try:
            task, slot = self.agenda.maker.with_run(busy.job.task), busy.slot
        except UserError as error:
            self.running.end(busy)
            self._end(busy.job, explain(error))
            return False
        self.ledger.write("start", name=task.name, slot=slot.index, slots=len(busy.slots))
        self.launcher.start(task, slot)
        return True

    def _hear_all(self, events: Sequence[Event]) -> None:
        """Handle events; trials get their answers once all reports are in the journal, by one append."""
        answers = []
        with self._together():
            for event in events:
                if (busy := self.running.get(event.key)) is None:
                    continue  # of a task that is over
                if isinstance(event, Started):
                    self.running.note_start(busy)
                elif isinstance(event, Reported):
                    answers.append((event.key, self._hear(busy, event.report)))
                elif isinstance(event, Ended):
                    self.running.end(busy)
                    self._over(busy, event.outcome)
        for key, word in answers:
            if self.running.get(key):
                self.launcher.answer(key, word)

    def _together(self) -> AbstractContextManager[None]:
        first = next(iter(self.agenda.searches.values()))  # all studies of a sweep lie in one storage
        return together(first.storage)

    def abandon(self) -> None:
        """Take note of tasks that were ended with the launcher: they go on with the next controller."""
        for busy in self.running:
            self.running.end(busy)
            self._interrupted(busy.job)

    def _interrupted(self, job: Job) -> None:
        self.ledger.write("end", name=job.task.name, state=EndState.INTERRUPTED)
        self.records.interrupted(job.task)

    def _tell_of_disk(self, text: str) -> None:
        self.ledger.write("pause" if self.disk.paused else "go on", reason=text)
        self.listener.message(text)

    def _stop_all(self) -> None:
        end = self.launcher.kill if self.stop_asked > 1 else self.launcher.stop
        if self.running and self.stop_asked == 1:
            self.listener.message(STOPPING)
        for busy in self.running:
            end(busy.job.task.key)

    def _hear(self, busy: Busy, report: Report) -> str:
        """Take note of a report; return its answer."""
        busy.report, job = report, busy.job
        job.advance(report.rung)
        if job.trial is None:
            return "go on"
        pruned = self.agenda.searches[job.task.architecture].report(job.trial, report)
        return "stop" if pruned else "go on"

    def _over(self, busy: Busy, outcome: Outcome) -> None:
        job = busy.job
        if outcome.state == "interrupted" and not self.stop_asked:
            # nobody here stopped it: a signal from outside, as of a machine that runs out of memory
            outcome = Outcome("failed", "lost process", "stopped from outside", outcome.scores)
        if outcome.state == "interrupted" or (self.stop_asked and outcome.cause in LOST):
            self._interrupted(job)
            return
        if self._try_again(busy, outcome):
            return
        seconds, epochs = self.clock() - busy.since, busy.report.epoch if busy.report else None
        self._end(job, costed(outcome, seconds=seconds, epochs=epochs), seconds=seconds)

    def _try_again(self, busy: Busy, outcome: Outcome) -> bool:
        job = busy.job
        if outcome.state != "failed":
            return False
        if outcome.cause in RETRIED:
            return self._after_loss(job, outcome)
        if outcome.cause == FULL_DISK:
            return self._after_full_disk(job, outcome)
        return outcome.cause == "out of memory" and self._after_no_memory(busy, outcome)

    def _after_loss(self, job: Job, outcome: Outcome) -> bool:
        """Queue a task again that lost its process, as often as the sweep says."""
        if outcome.cause != PREEMPTED:  # its node announced it: no attempt of the task
            self.agenda.lose(job)
            if job.attempts > self.sweep.retries:
                return False
        self._again(job, outcome, "tried again")
        return True

    def _after_full_disk(self, job: Job, outcome: Outcome) -> bool:
        """Queue a task again that found no room, and start nothing until there is some."""
        job.refused += 1
        if job.refused > REFUSALS:
            return False
        self.disk.pause()
        self._again(job, outcome, "resumes when the disk has space")
        return True

    def _after_no_memory(self, busy: Busy, outcome: Outcome) -> bool:
        """Queue a task again, in smaller pieces once, and let fewer tasks share its GPU."""
        job = busy.job
        for slot, left in self.running.drop_slots(busy, self.clock()):
            self.ledger.write("fewer", gpu=slot.gpu, slots=left, name=job.task.name)
            self.listener.message(f"trials at a time on {slot.label} from now on: {left}")
        if job.shrunk and not self.running.has_more_room(busy):
            return False
        what = "with more room" if job.shrunk else "in smaller pieces"
        self.agenda.shrink(job)
        self._again(job, outcome, f"tried again {what}")
        return True

    def _again(self, job: Job, outcome: Outcome, what: str) -> None:
        name = job.task.name
        job.task.files.forget_outcome()
        self.records.interrupted(job.task)  # where someone stops the sweep before it continues
        self.ledger.write("end", name=name, state="retried", cause=outcome.cause, reason=outcome.reason)
        self.listener.message(f"{name}: {outcome.cause} ({outcome.reason}); {what}")
        self.agenda.again(job)

    def _end(self, job: Job, outcome: Outcome, seconds: float | None = None) -> None:
        """Note that a job is over, in the folder, the store, the study and the ledger, in this order."""
        task = job.task
        outcome = judged(self.sweep, outcome) if job.trial is not None else outcome
        self.disk.patiently(lambda: outcome.write(task.folder))
        self.copy.note_end(task.name)
        self.disk.patiently(lambda: self.records.ended(task, outcome))
        if job.trial is not None:
            self.agenda.searches[task.architecture].tell(job.trial, outcome)
            self.losers.ended(task, outcome)
        self.agenda.told(job, outcome)
        self.ran += 1
        self.ledger.write("end", name=task.name)  # its outcome says how
        if outcome.state == "complete" and seconds is not None:
            self.durations.setdefault(task.architecture, Durations()).add(seconds)
        if outcome.state == "failed":
            self._note_failure(task, outcome)
        self.hopeless.check(outcome)

    def _note_failure(self, task: TrialTask, outcome: Outcome) -> None:
        cause, reason, log = outcome.cause or "crash", outcome.reason or "no reason was given", task.files.log
        self.failures.append(Failure(task.name, cause, reason, log))
        self.listener.message(f"{task.name}: failed: {cause}: {reason} ({log})")

    def snapshot(self, *, over: bool = False) -> Snapshot:
        """Return the progress of the sweep now."""
        now, standings = self.clock(), standings_of(self.agenda, self.running.trials)
        left = seconds_left(standings, self.durations, slots=self.running.count)
        return Snapshot(
            sweep=self.sweep.name,
            question=self.sweep.question,
            standings=standings,
            running=self.running.shown(now),
            starting=self.running.starting,
            slots=self.running.count,
            elapsed=now - self.began,
            eta=left.seconds,
            eta_most=left.most,
            failures=tuple(self.failures),
            paused=self.disk.paused or self.copy.is_behind,
            stopping=self.stop_asked > 0,
            over=over,
        )
