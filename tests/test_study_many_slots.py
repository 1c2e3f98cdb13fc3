"""A controller of many slots: what is known at once is one append, and snapshots are rare."""

import errno
import json
import os
import tempfile
from collections import Counter
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings, strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState
from simulation import FakeClock, FakeLauncher, Script, without_waiting, write_sweep
from test_study import Watcher, run, score_of

from rnnsweep.engine.scheduling import losers
from rnnsweep.errors import UserError
from rnnsweep.search.journal import WaitingBackend, open_journal, read_journal, together
from rnnsweep.search.methods import check_sampler
from rnnsweep.state import read_status
from rnnsweep.state.disk import Disk
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.watching.status import slots_busy
from rnnsweep.sweepfile import Slot

RUNGS = 4


@pytest.fixture(scope="module", autouse=True)
def many_sweeps():
    with without_waiting():
        yield


@pytest.fixture
def appends(monkeypatch):
    """The operations of each append to a journal."""
    seen: list[Counter] = []
    append = WaitingBackend._append

    def counted(self, data):
        logs = map(json.loads, data.splitlines())
        seen.append(Counter(JournalOperation(log["op_code"]).name for log in logs))
        append(self, data)

    monkeypatch.setattr(WaitingBackend, "_append", counted)
    return seen


def rising(task, life):
    """Trials of ten seconds that report four times."""
    return Script(tuple(score_of(task) * rung / RUNGS for rung in range(1, RUNGS + 1)), seconds=10.0)


def many(slots, **more):
    return FakeLauncher(FakeClock(), rising, tuple(Slot(index) for index in range(slots)), **more)


ENDS = {"complete": TrialState.COMPLETE, "prune": TrialState.PRUNED, "fail": TrialState.FAIL}
STEPS = st.lists(st.sampled_from(["ask", "enqueue", "complete", "prune", "fail", "reopen"]), max_size=30)


@settings(deadline=None, max_examples=25)
@given(STEPS)
def test_trials_by_their_states_are_those_that_optuna_lists(steps):
    kinds = [(TrialState.COMPLETE,), (TrialState.WAITING,), (TrialState.RUNNING,), tuple(TrialState)]
    kinds.append((TrialState.PRUNED, TrialState.COMPLETE))
    with tempfile.TemporaryDirectory() as name:
        folder = SweepFolder.of(Path(name), "toy")
        folder.path.mkdir(parents=True)
        study, asked = optuna.create_study(storage=open_journal(folder)), []
        for step in steps:
            match step:
                case "ask":
                    asked.append(study.ask())
                case "enqueue":
                    study.enqueue_trial({"x": 0.5})
                case "reopen":
                    study = optuna.load_study(study_name=study.study_name, storage=open_journal(folder))
                    asked = []
                case _ if asked:
                    state = {"complete": TrialState.COMPLETE, "prune": TrialState.PRUNED}.get(
                        step, TrialState.FAIL
                    )
                    value = 0.5 if step == "complete" else None
                    study.tell(asked.pop(len(asked) // 2), value, state=state)
            storage, study_id = study._storage, study._study_id
            for states in kinds:
                expected = JournalStorage.get_all_trials(storage, study_id, False, states)
                assert storage.get_all_trials(study_id, deepcopy=False, states=states) == expected


def test_what_is_known_at_once_is_one_append_to_the_journal(tmp_path, appends):
    sweep = write_sweep(tmp_path, trials=10, replicates=0, architectures="[rnn, lstm]")
    run(sweep, tmp_path, many(20, batch=lambda: 20))  # all report and end at the same moments

    asked = [operations for operations in appends if operations["CREATE_TRIAL"]]
    assert [operations["CREATE_TRIAL"] for operations in asked] == [20]
    reports = [operations for operations in appends if operations["SET_TRIAL_INTERMEDIATE_VALUE"]]
    assert sum(operations["SET_TRIAL_INTERMEDIATE_VALUE"] for operations in reports) == 20 * RUNGS
    assert len(appends) < 20 * RUNGS + 20


def test_a_trial_is_in_the_journal_before_it_starts_and_a_report_before_its_answer(tmp_path):
    folder, seen = SweepFolder.of(tmp_path / "mlruns", "toy"), []

    class Reading(FakeLauncher):
        def start(self, task, slot):
            seen.append(self.stored(task).user_attrs["overrides"] != "")
            super().start(task, slot)

        def answer(self, key, word):
            seen.append(len(self.stored(self.running[key]).intermediate_values) > 0)
            super().answer(key, word)

        def stored(self, task):
            study = optuna.load_study(study_name=f"toy/{task.architecture}", storage=read_journal(folder))
            return study.get_trials(deepcopy=False)[task.number]

    launcher = Reading(FakeClock(), rising, tuple(map(Slot, range(3))), batch=lambda: 3)
    run(write_sweep(tmp_path, trials=3, replicates=0, architectures="[rnn]"), tmp_path, launcher)
    assert seen == [True] * (3 + 3 * RUNGS)


def test_the_studies_in_memory_are_those_that_the_file_holds(tmp_path):
    sweep = write_sweep(tmp_path, trials=6, replicates=0, pruner="median")
    run(sweep, tmp_path, many(4, batch=lambda: 4))
    folder = SweepFolder.of(tmp_path / "mlruns", sweep.name)
    storage = open_journal(folder)
    for name in sweep.architectures:
        study = optuna.load_study(study_name=f"toy/{name}", storage=storage)
        with together(storage):
            trial = study.ask()
            trial.suggest_float("optimizer.lr", 1e-4, 1e-1, log=True)
            trial.set_user_attr("values", (1, 2.5, float("inf"), None))
            trial.report(0.5, 1)
            study.tell(trial, 0.5)
        again = optuna.load_study(study_name=f"toy/{name}", storage=read_journal(folder))
        assert study.get_trials() == again.get_trials()


def test_on_a_full_disk_an_append_waits_for_room_as_one_piece(tmp_path, monkeypatch):
    path = tmp_path / "journal.log"
    disk = Disk(tmp_path, pause_s=0.001)
    folder = SweepFolder(tmp_path)
    storage = open_journal(folder, disk=disk)
    study = optuna.create_study(storage=storage, study_name="s")
    before, refused = path.read_bytes(), []
    monkeypatch.setattr("rnnsweep.state.disk.room_for", lambda size, where: True)

    def full(descriptor):
        if len(refused) < 2:
            refused.append(path.read_bytes())
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with together(storage):
        trial = study.ask()
        trial.report(0.25, 1)
        assert path.read_bytes() == before
    assert len(refused) == 2
    assert len(path.read_bytes().splitlines()) == len(before.splitlines()) + 2
    assert read_journal(folder).get_all_trials(study._study_id)[0].intermediate_values == {1: 0.25}


def test_snapshots_come_four_times_a_second_at_most_and_the_last_one_shows_the_end(tmp_path):
    watcher, launcher = Watcher(), many(40)
    started = launcher.clock.time
    sweep = write_sweep(tmp_path, trials=40, replicates=1, architectures="[rnn]")
    run(sweep, tmp_path, launcher, listener=watcher)

    seconds = launcher.clock.time - started
    assert len(watcher.snapshots) <= 4 * seconds + 2
    assert len(watcher.snapshots) < 40 * RUNGS  # events: without a bound there is one for each
    last = watcher.snapshots[-1]
    assert (last.standings[0].complete, last.standings[0].replicates, *last.running) == (40, 1)


def busy_share(events):
    """Add up who holds which slots between each two events, task by task."""
    offered = used = 0.0
    since, slots, busy = None, 1, {}
    for event in events:
        if since is not None and event["event"] != "open":
            passed, held = event["time"] - since, sum(busy.values())
            offered, used = offered + slots * passed, used + held * passed
        since = event["time"]
        if event["event"] == "open":
            slots, busy = event["slots"], {}
        elif event["event"] == "start":
            busy[event["name"]] = event["slots"]
        else:
            busy.pop(event["name"], None)
    return min(1.0, used / offered) if offered else 0.0


@given(st.lists(st.tuples(st.sampled_from(["open", "start", "end"]), st.integers(0, 5), st.integers(1, 3))))
def test_the_share_of_busy_slots_is_that_of_a_walk_over_all_tasks(steps):
    events = [{"event": "open", "time": 0.0, "slots": 6}]
    for time, (event, task, size) in enumerate(steps, start=1):
        more = {"slots": 6} if event == "open" else {"name": f"t{task}", "slot": task, "slots": size}
        events.append({"event": event, "time": time / 2, **more})
    assert slots_busy(events) == pytest.approx(busy_share(events))


def test_counts_of_running_trials_are_right_at_each_snapshot(tmp_path):
    watcher = Watcher()
    sweep = write_sweep(tmp_path, trials=9, replicates=2)
    run(sweep, tmp_path, many(5), listener=watcher)
    for snapshot in watcher.snapshots:
        walked = Counter(each.architecture for each in snapshot.running if each.role == "trial")
        assert {one.architecture: one.running for one in snapshot.standings} == {"rnn": 0, "lstm": 0} | walked
    assert read_status(tmp_path / "mlruns", "toy").trials["complete"] == 18


class Saving(FakeLauncher):
    """Writes a checkpoint for each task that starts."""

    def start(self, task, slot):
        task.files.checkpoints.mkdir(parents=True)
        (task.files.checkpoints / "last.ckpt").write_bytes(b"weights")
        super().start(task, slot)


def fates(task, life):
    if task.number == 3 and task.role == "trial":
        return Script((0.9,), end="failed", cause="crash")
    return rising(task, life)


def trials_with_checkpoints(folder):
    tasks = [task for task in folder.tasks() if task.checkpoints.is_dir()]
    return {task.name for task in tasks if "-r" not in task.name}


def best_trials(folder, sweep):
    storage = read_journal(folder)
    studies = {
        name: optuna.load_study(study_name=f"toy/{name}", storage=storage) for name in sweep.architectures
    }
    return {f"{name}-{study.best_trial.number}" for name, study in studies.items()}


def test_a_large_sweep_keeps_the_checkpoints_of_the_best_and_of_what_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(losers, "LARGE", 11)
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    for trials in (6, 9):  # the second controller finds the best of the first
        sweep = write_sweep(tmp_path, trials=trials, replicates=0, retries=0)
        run(sweep, tmp_path, Saving(FakeClock(), fates), accept_changes=True)
        assert trials_with_checkpoints(folder) == best_trials(folder, sweep) | {"rnn-3", "lstm-3"}


def test_a_large_sweep_removes_the_checkpoints_of_losers_while_it_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(losers, "LARGE", 11)
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    kept = []
    fake = Saving(FakeClock(), rising)
    fake.on_event = lambda event: kept.append(len(trials_with_checkpoints(folder)) - len(fake.running))
    run(write_sweep(tmp_path, trials=20, replicates=0), tmp_path, fake)
    assert len(fake.started) == 40
    # the best one of each architecture, and those that ended with this event
    assert max(kept) <= 2 + 1


def test_a_sweep_that_is_not_large_keeps_all_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(losers, "LARGE", 6)
    run(write_sweep(tmp_path, trials=3, replicates=0), tmp_path, Saving(FakeClock(), rising))
    assert len(trials_with_checkpoints(SweepFolder.of(tmp_path / "mlruns", "toy"))) == 6


def test_tpe_is_refused_above_ten_thousand_trials_a_study_with_what_to_take(tmp_path):
    check_sampler(write_sweep(tmp_path, trials=10_000))
    check_sampler(write_sweep(tmp_path, trials=10_001, sampler="random"))
    with pytest.raises(UserError, match=r"sampler: 'tpe' does not fit rnn: .*10,000 trials.*random or qmc"):
        check_sampler(write_sweep(tmp_path, trials=10_001))
