"""Histories of the engine: what holds whatever fails, and whenever someone stops it or cuts the power."""

import json
import os
import signal
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pytest
from benchmarks._no_records import NoRecords
from hypothesis import HealthCheck, given, settings, strategies as st
from simulation import FakeClock, FakeLauncher, PowerCut, Script, without_waiting, write_sweep

from rnnsweep.engine import run_sweep
from rnnsweep.errors import UserError
from rnnsweep.search.journal import open_journal
from rnnsweep.state import read_status
from rnnsweep.state.disk import Disk
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.ledger import read_ledger
from rnnsweep.state.outcome import Outcome
from rnnsweep.state.tasks import task_states
from rnnsweep.state.watching.progress import Snapshot
from rnnsweep.sweepfile import Slot, Sweep
from rnnsweep.trial import Started, TrialTask

FATES = ("ok", "ok", "ok", "slow", "crash", "lost", "oom", "diverged", "disk", "late")


@pytest.fixture(autouse=True, scope="module")
def quick():
    with without_waiting(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Disk.__init__, "__kwdefaults__", {"pause_s": 0.0})
        yield


def hash_of(text: str) -> int:
    return zlib.crc32(text.encode())


def score_of(task: TrialTask) -> float:
    """A score that depends on the overrides alone."""
    return (hash_of("|".join(task.overrides)) % 1000) / 1000


@dataclass
class Chronicle:
    """Hears the controller, and the store's side of each task's end."""

    slots: int
    replicates: int
    idle: list[Snapshot] = field(default_factory=list)  # moments with a free slot and work to do
    ended: Counter[str] = field(default_factory=Counter)
    open: set[str] = field(default_factory=set)  # runs that a store would show as running
    uri: str | None = None
    origin: dict[str, str] = field(default_factory=dict)

    def update(self, snapshot: Snapshot) -> None:
        free = len(snapshot.running) < self.slots
        if free and not snapshot.paused and (self._waiting(snapshot) or self._repeats(snapshot)):
            self.idle.append(snapshot)

    def _waiting(self, snapshot: Snapshot) -> bool:
        return any(standing.waiting for standing in snapshot.standings)

    def _repeats(self, snapshot: Snapshot) -> bool:
        """Say whether a replicate waits that could run: of a study that is over, with something to repeat."""
        running = Counter(r.architecture for r in snapshot.running if r.role == "replicate")
        return any(
            s.replicates + running[s.architecture] < s.replicates_wanted
            for s in snapshot.standings
            if not s.running and s.best is not None
        )

    def message(self, text: str) -> None:
        pass

    def begin(self, sweep, key, *, refits_baseline) -> None:
        self.open.add(key)
        self.key = key

    def ended_(self, task) -> None:
        self.ended[task.key] += 1
        self.open.discard(task.key)

    def interrupted(self, task) -> None:
        self.open.discard(task.key)

    def finish(self, state, tell, *, wait=True) -> None:
        self.open.discard(self.key)


class Store(NoRecords):
    """The store's side of a chronicle."""

    def __init__(self, chronicle: Chronicle) -> None:
        super().__init__()
        self.begin, self.interrupted, self.finish = (
            chronicle.begin,
            chronicle.interrupted,
            chronicle.finish,
        )
        self._chronicle = chronicle

    def ended(self, task, outcome) -> None:
        self._chronicle.ended_(task)


def told(folder: Path, sweep: Sweep) -> dict[str, list[tuple]]:
    storage = open_journal(SweepFolder.of(folder / "mlruns", sweep.name))
    return {
        name: [
            (t.number, t.state.name, t.value, tuple(sorted(t.params.items())))
            for t in optuna.load_study(study_name=f"{sweep.name}/{name}", storage=storage).trials
        ]
        for name in sweep.architectures
    }


def play(sweep: Sweep, folder: Path, chronicle: Chronicle, fake: FakeLauncher):
    fake.on_event = _opening(fake, chronicle)
    return run_sweep(
        sweep,
        mlruns=folder / "mlruns",
        launcher=fake,
        clock=fake.clock,
        records=Store(chronicle),
        listener=chronicle,
        prepare=lambda run: "corpus",
    )


def _opening(fake: FakeLauncher, chronicle: Chronicle):
    before = fake.on_event

    def hear(event) -> None:
        if isinstance(event, Started):
            chronicle.open.add(event.key)
        before(event)

    return hear


def script_of(history: list[str]):
    """Each task has a fate by its name, and a second life is better than the first."""

    def script(task: TrialTask, life: int) -> Script:
        fate = history[hash_of(task.name) % len(history)]
        seconds = 1.0 + 9 * score_of(task)
        match fate:
            case "slow":
                return Script((score_of(task), 0.5), seconds=30.0)
            case "crash" | "lost" | "disk" if life == 0:
                cause = {"crash": "crash", "lost": "lost process", "disk": "full disk"}[fate]
                return Script((0.1,), seconds=seconds, end="failed", cause=cause)
            case "oom":
                return Script((), seconds=seconds, end="failed", cause="out of memory")
            case "diverged":
                return Script((), seconds=seconds, end="failed", cause="diverged")
            case "late":
                return Script((), seconds=seconds, end="failed", cause="time limit")
        return Script((score_of(task),), seconds=seconds)

    return script


def at_call(number: int):
    """Give a function that is true at one of its calls."""
    left = iter(range(number))
    return lambda moment: next(left, None) is None


def stopping(number: int):
    """Give a listener to events that presses Ctrl-C at one of them."""
    left = iter(range(number))

    def hear(event) -> None:
        if next(left, None) == number - 1:
            os.kill(os.getpid(), signal.SIGINT)

    return hear


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=st.lists(st.sampled_from(FATES), min_size=1, max_size=12),
    cuts=st.lists(st.tuples(st.sampled_from(["power", "stop"]), st.integers(1, 40)), max_size=3),
    slots=st.integers(1, 4),
    trials=st.integers(1, 5),
    echoes=st.booleans(),
)
def test_each_trial_ends_once_within_the_budget_no_slot_idles_and_nothing_is_left_running(
    history, cuts, slots, trials, echoes, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("history")
    sweep = write_sweep(folder, trials=trials, pruner="median", retries=3)
    for how, cut in [*cuts, ("end", 0)]:
        chronicle = Chronicle(slots, sweep.replicates)
        fake = FakeLauncher(
            FakeClock(), script_of(history), tuple(Slot(i) for i in range(slots)), echoes=echoes
        )
        if how == "power":
            fake.power = at_call(cut)
        if how == "stop":
            fake.on_event = stopping(cut)
        try:
            summary = play(sweep, folder, chronicle, fake)
        except PowerCut:
            continue
        except UserError:  # too many tasks failed, as some histories have it
            assert not chronicle.open
            return
        assert how == "stop" or not chronicle.idle
        assert not chronicle.open
        assert not fake.running
    states = told(folder, sweep)
    assert {name: len(rows) for name, rows in states.items()} == {"rnn": trials, "lstm": trials}
    assert {row[1] for rows in states.values() for row in rows} <= {"COMPLETE", "PRUNED", "FAIL"}
    assert summary.state == "finished"
    assert sum(read_status(folder / "mlruns", "toy").trials.values()) == 2 * trials
    assert read_status(folder / "mlruns", "toy").trials == summary.trials
    ends = Counter(
        event["name"]
        for event in read_ledger(folder / "mlruns/sweeps/toy")
        if event["event"] == "end" and "state" not in event
    )
    assert max(ends.values()) == 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seconds=st.lists(st.floats(0.5, 100.0), min_size=1, max_size=8),
    batch=st.integers(1, 4),
    echoes=st.booleans(),
)
def test_with_one_slot_neither_durations_nor_the_order_of_messages_change_what_comes_out(
    seconds, batch, echoes, tmp_path_factory
):
    found = []
    for durations, together, twice in (([10.0], 1, False), (seconds, batch, echoes)):
        folder = tmp_path_factory.mktemp("order")
        sweep = write_sweep(folder, trials=4, pruner="median", retries=1)

        def script(task: TrialTask, life: int, durations=durations) -> Script:
            scores = (score_of(task), (1 + score_of(task)) / 2)
            return Script(scores, seconds=durations[hash_of(task.name) % len(durations)])

        fake = FakeLauncher(FakeClock(), script, (Slot(0),), batch=lambda most=together: most, echoes=twice)
        play(sweep, folder, Chronicle(1, sweep.replicates), fake)
        found.append((told(folder, sweep), [task.name for task in fake.started]))
    assert found[0] == found[1]


def test_tasks_of_two_processes_take_two_slots_each_and_wait_for_them(tmp_path):
    sweep = write_sweep(tmp_path, overrides="[trainer.devices=2]", baseline="false")
    fake = FakeLauncher(
        FakeClock(),
        lambda task, life: Script((0.5,), seconds=5 + score_of(task)),
        tuple(Slot(i) for i in range(5)),
    )
    most: list[int] = []
    fake.on_event = lambda event: most.append(len(fake.running))
    chronicle = Chronicle(2, sweep.replicates)
    summary = play(sweep, tmp_path, chronicle, fake)
    assert summary.trials["complete"] == 8
    assert max(most) == 2  # the fifth slot has no partner
    assert {task.devices for task in fake.started} == {2}
    starts = [e for e in read_ledger(tmp_path / "mlruns/sweeps/toy") if e["event"] == "start"]
    assert {event["slots"] for event in starts} == {2}
    assert summary.slots_busy > 0.7  # of the time of five slots


def test_a_sweep_whose_tasks_would_never_find_enough_slots_is_refused(tmp_path):
    sweep = write_sweep(tmp_path, overrides="[trainer.devices=2]")
    fake = FakeLauncher(FakeClock(), script_of(["ok"]), (Slot(0, gpu="0"), Slot(1, gpu="0")))
    with pytest.raises(UserError, match=r"trainer.devices=2: a trial of rnn takes 2 .* there is 2 slots"):
        play(sweep, tmp_path, Chronicle(2, 2), fake)
    assert fake.started == []


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        ("broken corpus", "3 trials in a row failed alike, so the sweep stops: broken corpus: it broke"),
        ("time limit", "10 trials in a row failed, so the sweep stops; the last one: time limit: it broke"),
    ],
)
def test_a_sweep_in_which_everything_fails_from_some_trial_on_does_not_burn_its_budget(
    tmp_path, cause, message
):
    def script(task, life):
        return Script((0.5,)) if task.number < 2 else Script((), end="failed", cause=cause)

    chronicle = Chronicle(2, 2)
    fake = FakeLauncher(FakeClock(), script)
    with pytest.raises(UserError, match=message):
        play(write_sweep(tmp_path, trials=50), tmp_path, chronicle, fake)
    assert len(fake.started) < 20
    assert not chronicle.open
    assert read_status(tmp_path / "mlruns", "toy").state == "interrupted"


def test_diverging_trials_use_up_a_budget_of_seconds(tmp_path):
    text = write_sweep(tmp_path).text.replace("trials: 4\n", "seconds: 35\n").partition("\n")[2]
    fake = FakeLauncher(FakeClock(), script_of(["diverged"]))
    play(write_sweep(tmp_path, text), tmp_path, Chronicle(2, 2), fake)
    assert 4 < len(fake.started) < 80


def test_replicates_run_seed_by_seed_over_all_architectures(tmp_path):
    fake = FakeLauncher(FakeClock(), script_of(["ok"]), (Slot(0),))
    play(write_sweep(tmp_path, replicates=3), tmp_path, Chronicle(1, 3), fake)
    repeats = [(task.overrides[-2], task.architecture) for task in fake.started if task.role == "replicate"]
    assert repeats == [(f"seed={n}", name) for n in (1, 2, 3) for name in ("rnn", "lstm")]


def test_what_the_ledger_missed_of_ends_changes_nothing_as_outcomes_say_it(tmp_path):
    sweep, ledger = write_sweep(tmp_path), tmp_path / "mlruns/sweeps/toy/ledger.jsonl"
    play(sweep, tmp_path, Chronicle(2, 2), FakeLauncher(FakeClock(), script_of(["ok"])))
    before = read_status(tmp_path / "mlruns", "toy")
    assert before.trials["complete"] == 8
    lines = [line for line in ledger.read_text().splitlines() if '"lstm' not in line or '"open"' in line]
    ledger.write_text("\n".join(lines) + "\n")
    missed = read_status(tmp_path / "mlruns", "toy")
    assert (missed.trials, missed.standings, missed.state) == (before.trials, before.standings, "finished")
    again = FakeLauncher(FakeClock(), script_of(["ok"]))
    play(sweep, tmp_path, Chronicle(2, 2), again)
    assert again.started == []


def test_a_ledger_of_an_earlier_version_is_read_where_outcomes_are_gone(tmp_path):
    """It held ends with their scores, a word for what is to be tried again, and another for lost attempts."""
    folder = SweepFolder.of(tmp_path, "old")
    folder.make()
    score = {"validation": 0.5, "cause": None, "reason": None}
    opened = {"event": "open", "slots": 1, "architectures": ["rnn"], "trials": 4, "replicates": 0}
    events = [
        opened,
        *({"event": "start", "name": f"rnn-{n}", "slot": 0} for n in range(4)),
        {"event": "end", "name": "rnn-0", "state": "complete", **score},
        {"event": "end", "name": "rnn-1", "state": "failed", "cause": "crash", "reason": "it broke"},
        {"event": "end", "name": "rnn-1", "state": "retried"},
        {"event": "end", "name": "rnn-2", "state": "retried", "cause": "lost process", "reason": "killed"},
        {"event": "start", "name": "rnn-3", "slot": 0},
        opened,
    ]
    lines = [json.dumps({"time": n, **event}) + "\n" for n, event in enumerate(events)]
    (folder.path / "ledger.jsonl").write_text("".join(lines))
    states = task_states(folder)
    assert [states[f"rnn-{n}"].state for n in range(4)] == ["complete", "retried", "waiting", "waiting"]
    assert states["rnn-0"].validation == 0.5
    Outcome("failed", "crash", "it broke").write(folder.task("rnn-1").path)
    assert task_states(folder)["rnn-1"].state == "retried"  # its outcome is the one that was given back
