"""The engine, run with scripts in place of trainings."""

import json
import os
import re
import signal
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from benchmarks._no_records import NoRecords
from hypothesis import HealthCheck, given, settings, strategies as st
from simulation import FakeClock, FakeLauncher, PowerCut, Script, run_simulated, without_waiting, write_sweep

from rnnsweep.api.find_sweep import start_command
from rnnsweep.engine import run_sweep
from rnnsweep.engine.steering import retry
from rnnsweep.errors import UserError
from rnnsweep.files import mend
from rnnsweep.search.journal import open_journal
from rnnsweep.state import SweepSummary, read_status
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.watching.progress import STOPPING
from rnnsweep.sweepfile import Slot, Sweep
from rnnsweep.trial import TrialTask


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


def score_of(task: TrialTask) -> float:
    """A score that depends on the overrides alone."""
    return (hash_of("|".join(task.overrides)) % 1000) / 1000


def hash_of(text: str) -> int:
    return zlib.crc32(text.encode())


def plain(task: TrialTask, life: int) -> Script:
    return Script((score_of(task),), seconds=1 + 9 * score_of(task))


def run(sweep: Sweep, folder: Path, launcher: FakeLauncher, **more: object) -> SweepSummary:
    return run_simulated(
        sweep,
        folder,
        launcher,
        **more,
    )


def launcher(script=plain, **more) -> FakeLauncher:
    return FakeLauncher(FakeClock(), script, **more)


def told(folder: Path, sweep: Sweep) -> dict[str, Counter]:
    storage = open_journal(SweepFolder.of(folder / "mlruns", sweep.name))
    return {
        name: Counter(
            t.state.name for t in optuna.load_study(study_name=f"{sweep.name}/{name}", storage=storage).trials
        )
        for name in sweep.architectures
    }


def test_every_architecture_spends_its_budget_and_its_best_is_repeated(tmp_path):
    sweep, fake = write_sweep(tmp_path), launcher()
    summary = run(sweep, tmp_path, fake)
    assert summary.state == "finished"
    assert summary.trials == {"complete": 8, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    roles = Counter((task.architecture, task.role) for task in fake.started)
    assert roles == {(a, r): n for a in ("rnn", "lstm") for r, n in (("trial", 4), ("replicate", 2))}


class Watcher:
    """Keeps all that it hears."""

    def __init__(self):
        self.snapshots = []
        self.messages = []

    def update(self, snapshot):
        self.snapshots.append(snapshot)

    def message(self, text):
        self.messages.append(text)


def test_two_replicates_of_one_trial_are_told_apart_while_they_run(tmp_path):
    watcher = Watcher()
    sweep = write_sweep(tmp_path, architectures="[rnn]", replicates=3)
    run(sweep, tmp_path, FakeLauncher(FakeClock(), plain), listener=watcher)
    shown = {(r.role, r.number) for s in watcher.snapshots for r in s.running if r.role == "replicate"}
    assert shown == {("replicate", 0), ("replicate", 1), ("replicate", 2)}


def test_a_task_that_waits_for_its_process_is_shown_as_starting(tmp_path):
    watcher = Watcher()
    fake = launcher(lambda task, life: Script((score_of(task),), seconds=100.0), waits=60.0)
    run(write_sweep(tmp_path), tmp_path, fake, listener=watcher)
    busy = [one.busy for one in watcher.snapshots if len(one.running) == 2]
    assert busy[0] == "0 of 2 slots busy, 2 starting"
    assert "2 of 2 slots busy" in busy
    assert watcher.snapshots[-1].busy == "0 of 2 slots busy"


def test_replicates_are_paired_and_repeat_the_best_trial(tmp_path):
    sweep, fake = write_sweep(tmp_path), launcher()
    run(sweep, tmp_path, fake)
    for name in sweep.architectures:
        own = [task for task in fake.started if task.architecture == name]
        best = max((task for task in own if task.role == "trial"), key=score_of)
        repeats = [task for task in own if task.role == "replicate"]
        kept = [o for o in best.overrides if not o.startswith(("seed=", "data.split_seed="))]
        assert [list(task.overrides[:-2]) for task in repeats] == [kept, kept]
        assert [task.overrides[-2:] for task in repeats] == [
            ("seed=1", "data.split_seed=1"),
            ("seed=2", "data.split_seed=2"),
        ]


def test_a_finished_sweep_runs_nothing_again(tmp_path):
    sweep = write_sweep(tmp_path)
    run(sweep, tmp_path, launcher())
    again = launcher()
    summary = run(sweep, tmp_path, again)
    assert (again.started, summary.ran, summary.state) == ([], 0, "finished")


def test_raising_the_trials_of_a_finished_sweep_continues_it(tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    more = launcher()
    summary = run(write_sweep(tmp_path, trials=6), tmp_path, more)
    assert summary.trials["complete"] == 12
    assert sum(task.role == "trial" for task in more.started) == 4


def test_a_continued_study_never_repeats_parameters(tmp_path):
    first, second = launcher(), launcher()
    run(write_sweep(tmp_path, sampler="random"), tmp_path, first)
    run(write_sweep(tmp_path, sampler="random", trials=8), tmp_path, second)
    trials = [task.overrides for task in first.started + second.started if task.role == "trial"]
    assert len(trials) == len(set(trials)) == 16


def test_the_same_sweep_asks_for_the_same_trials_with_one_slot(tmp_path):
    asked = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fake = launcher(slots=(Slot(0),))
        run(write_sweep(tmp_path / name), tmp_path / name, fake)
        asked.append([(task.name, task.overrides) for task in fake.started])
    assert asked[0] == asked[1]


def test_the_architecture_that_spent_least_goes_next(tmp_path):
    fake = launcher(slots=(Slot(0),))
    run(write_sweep(tmp_path), tmp_path, fake)
    order = [task.architecture for task in fake.started if task.role == "trial"]
    assert order == ["rnn", "lstm"] * 4


def test_a_failed_trial_is_counted_and_does_not_end_the_sweep(tmp_path):
    def script(task, life):
        return Script((), end="failed", cause="time limit") if task.name == "rnn-1" else plain(task, life)

    sweep = write_sweep(tmp_path)
    summary = run(sweep, tmp_path, launcher(script))
    assert summary.trials == {"complete": 7, "pruned": 0, "failed": 1, "running": 0, "waiting": 0}
    (failure,) = summary.failures
    assert (failure.name, failure.cause, failure.log.name) == ("rnn-1", "time limit", "log.txt")
    assert read_status(tmp_path / "mlruns", "toy").failures == summary.failures


def test_a_crashed_trial_is_tried_again_as_the_same_trial(tmp_path):
    def script(task, life):
        first = task.name == "rnn-1" and life == 0
        return Script((), end="failed", cause="crash") if first else plain(task, life)

    fake = launcher(script)
    summary = run(write_sweep(tmp_path), tmp_path, fake)
    assert summary.trials["complete"] == 8
    lives = [task for task in fake.started if task.name == "rnn-1"]
    assert [task.resume for task in lives] == [False, True]
    assert lives[0].key == lives[1].key


def test_a_trial_that_crashes_each_time_fails_after_its_retries(tmp_path):
    def script(task, life):
        return Script((), end="failed") if task.name == "rnn-1" else plain(task, life)

    fake = launcher(script)
    summary = run(write_sweep(tmp_path, retries=2), tmp_path, fake)
    assert summary.trials["failed"] == 1
    assert sum(task.name == "rnn-1" for task in fake.started) == 3


def test_a_trial_whose_node_is_taken_away_loses_no_attempt(tmp_path):
    def script(task, life):
        if task.name != "rnn-1" or life == 6:
            return plain(task, life)
        return Script((0.5,), end="failed", cause="preempted" if life != 3 else "lost process")

    fake = launcher(script)
    summary = run(write_sweep(tmp_path, retries=1), tmp_path, fake)
    assert summary.trials["complete"] == 8
    lives = [task for task in fake.started if task.name == "rnn-1"]
    assert [task.resume for task in lives] == [False] + [True] * 6


def test_a_trial_without_memory_goes_on_once_in_smaller_pieces(tmp_path):
    def script(task, life):
        starved = task.name == "rnn-1" and "trainer.accumulate=2" not in task.overrides
        return Script((), end="failed", cause="out of memory") if starved else plain(task, life)

    fake, sweep = launcher(script), write_sweep(tmp_path)
    summary = run(sweep, tmp_path, fake)
    assert summary.trials["complete"] == 8
    lives = [task for task in fake.started if task.name == "rnn-1"]
    assert [task.overrides[-1] for task in lives][1:] == ["trainer.accumulate=2"]
    assert lives[0].key == lives[1].key


class Waits(NoRecords):
    """Notes how the sweep ended, and whether it waited for the store."""

    def finish(self, state, tell, *, wait=True):
        tell(1)
        self.ended = (state, wait)


@pytest.mark.parametrize(("before", "wait"), [(0, False), (5, True)])
def test_a_sweep_that_a_node_refuses_waits_for_the_store_only_where_something_was_trained(
    before, wait, tmp_path
):
    said, store, fake = [], Waits(), None

    def script(task, life):
        if len(fake.started) > before:
            raise UserError("node n2: torch is 9.9 there")
        return plain(task, life)

    class Says:
        def message(self, text):
            pass

        def update(self, snapshot):
            said.append(snapshot)

    fake = launcher(script)
    with pytest.raises(UserError, match="node n2"):
        run_sweep(
            write_sweep(tmp_path),
            mlruns=tmp_path / "mlruns",
            launcher=fake,
            listener=Says(),
            clock=fake.clock,
            records=store,
            prepare=lambda run: "corpus",
        )
    assert store.ended == ("failed", wait)
    assert (said[-1].unsent, said[-1].compared) == (1, False), "nothing is compared after it"


def test_a_diverged_trial_counts_as_failed_and_the_sampler_learns_of_it(tmp_path):
    def script(task, life):
        return Script((), end="failed", cause="diverged") if task.name == "rnn-1" else plain(task, life)

    fake = launcher(script)
    summary = run(write_sweep(tmp_path), tmp_path, fake)
    assert (summary.trials["failed"], summary.trials["pruned"]) == (1, 0)
    assert sum(task.name == "rnn-1" for task in fake.started) == 1  # it would diverge again
    found = read_status(tmp_path / "mlruns", "toy")
    assert (found.trials["failed"], found.trials["pruned"]) == (1, 0)
    assert [(one.name, one.cause) for one in found.failures] == [("rnn-1", "diverged")]
    again = run(write_sweep(tmp_path), tmp_path, launcher(script))  # counted anew from the journal
    assert (again.trials["failed"], again.trials["pruned"]) == (1, 0)
    assert retry(write_sweep(tmp_path), mlruns=tmp_path / "mlruns") == 0
    assert retry(write_sweep(tmp_path), mlruns=tmp_path / "mlruns", task="rnn-1") == 1


def test_a_sweep_whose_folder_is_removed_stops_and_says_so(tmp_path):
    import shutil

    def script(task, life):
        if task.name == "rnn-1":
            shutil.rmtree(tmp_path / "mlruns")
        return plain(task, life)

    with pytest.raises(UserError, match="mlruns/sweeps/toy: was removed while the sweep ran, so it stops"):
        run(write_sweep(tmp_path), tmp_path, launcher(script))


def test_trials_that_all_fail_alike_stop_the_sweep_with_the_one_cause(tmp_path):
    def broken(task, life):
        return Script((), end="failed", cause="configuration")

    fake = launcher(broken)
    with pytest.raises(UserError, match="first 3 trials failed alike.*configuration: it broke"):
        run(write_sweep(tmp_path), tmp_path, fake)
    assert len(fake.started) <= 4
    assert read_status(tmp_path / "mlruns", "toy").state == "interrupted"


def test_a_replicate_that_fails_leaves_the_others(tmp_path):
    def script(task, life):
        bad = task.role == "replicate" and task.overrides[-2] == "seed=1"
        return Script((), end="failed", cause="time limit") if bad else plain(task, life)

    summary = run(write_sweep(tmp_path), tmp_path, launcher(script))
    assert summary.state == "finished"
    assert [failure.cause for failure in summary.failures] == ["time limit"] * 2


def test_the_median_pruner_stops_trials_that_are_behind(tmp_path):
    def script(task, life):
        good = int(task.number or 0) < 4
        return Script((0.8, 0.9) if good else (0.1, 0.2))

    sweep = write_sweep(tmp_path, pruner="median", trials=6, overrides="[trainer.validate_every=0.5]")
    fake = launcher(script, slots=(Slot(0),))
    summary = run(sweep, tmp_path, fake)
    assert summary.trials == {"complete": 8, "pruned": 4, "failed": 0, "running": 0, "waiting": 0}
    assert Counter(word for _, word in fake.answers)["stop"] == 4
    assert told(tmp_path, sweep)["rnn"] == {"COMPLETE": 4, "PRUNED": 2}


def test_replicates_are_never_pruned(tmp_path):
    def script(task, life):
        return Script((0.1,) if task.role == "replicate" else (0.9,))

    fake = launcher(script, slots=(Slot(0),))
    run(write_sweep(tmp_path, pruner="median"), tmp_path, fake)
    assert {word for _, word in fake.answers} == {"go on"}


def test_a_study_ends_at_its_budget_of_seconds(tmp_path):
    text = write_sweep(tmp_path).text.replace("trials: 4\n", "seconds: 35\n").partition("\n")[2]
    sweep = write_sweep(tmp_path, text)
    fake = launcher(lambda task, life: Script((0.5,), seconds=10), slots=(Slot(0),))
    run(sweep, tmp_path, fake)
    trials = Counter(task.architecture for task in fake.started if task.role == "trial")
    assert trials == {"rnn": 4, "lstm": 4}


def test_a_study_ends_at_its_budget_of_epochs(tmp_path):
    fake = launcher(lambda task, life: Script((0.5, 0.5), seconds=10), slots=(Slot(0),))
    run(write_sweep(tmp_path, epochs=5), tmp_path, fake)
    assert Counter(t.architecture for t in fake.started if t.role == "trial") == {"rnn": 3, "lstm": 3}


def test_a_stop_lets_trials_end_as_interrupted_and_the_same_command_goes_on(tmp_path):
    fake, sweep = launcher(), write_sweep(tmp_path)

    def ask(event):
        if len(fake.started) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    fake.on_event, watcher = ask, Watcher()
    first = run(sweep, tmp_path, fake, listener=watcher)
    assert first.state == "interrupted"
    assert watcher.messages == [STOPPING]
    assert watcher.snapshots[-1].stopping
    status = read_status(tmp_path / "mlruns", "toy")
    assert (status.state, status.trials["running"]) == ("interrupted", 0)
    assert sum(status.trials.values()) == 8
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    assert folder.command("sweep") == "rnnsweep sweep toy"
    again = launcher()
    second = run(sweep, tmp_path, again)
    assert second.trials["complete"] == 8
    resumed = [task.key for task in again.started if task.resume]
    assert resumed
    assert set(resumed) <= {task.key for task in fake.started}


def test_the_command_that_resumes_a_sweep_has_the_trials_that_it_was_started_with(tmp_path):
    sweep = write_sweep(tmp_path)
    run(replace(sweep, trials=6), tmp_path, launcher())
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    assert folder.command("sweep") == "rnnsweep sweep toy --trials 6"
    assert folder.command("sweep", "--trials", "12") == "rnnsweep sweep toy --trials 12"
    assert folder.command("retry") == "rnnsweep retry toy"
    assert start_command("toy", trials=6, studies=3) == "rnnsweep sweep toy --trials 6 --studies 3"


def test_a_second_controller_is_refused_by_process_and_host(tmp_path):
    sweep = write_sweep(tmp_path)
    folder = tmp_path / "mlruns" / "sweeps" / "toy"
    folder.mkdir(parents=True)
    with (
        SweepFolder(folder).hold(),
        pytest.raises(UserError, match=r"toy: this sweep is run by process \d+ on \w+"),
    ):
        run(sweep, tmp_path, launcher())


def test_a_changed_question_is_shown_and_refused_until_it_is_accepted(tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    changed = write_sweep(tmp_path, seed=7, trials=5)
    with pytest.raises(UserError, match="seed: not set became 7.*--accept-changes"):
        run(changed, tmp_path, launcher())
    assert run(changed, tmp_path, launcher(), accept_changes=True).trials["complete"] == 10
    start = json.loads((tmp_path / "mlruns/sweeps/toy/start.json").read_text())
    assert start["accepted"] == ["seed: not set became 7"]


def test_a_finished_sweep_is_shown_again_whatever_became_of_the_code(tmp_path):
    sweep = write_sweep(tmp_path)
    run(sweep, tmp_path, launcher())
    start = tmp_path / "mlruns/sweeps/toy/start.json"
    start.write_text(json.dumps({**json.loads(start.read_text()), "code": "older"}))
    assert run(sweep, tmp_path, launcher()).ran == 0
    with pytest.raises(UserError, match="code changed .older became"):
        run(write_sweep(tmp_path, trials=5), tmp_path, launcher())


def test_a_torn_last_line_of_the_journal_is_mended(tmp_path):
    sweep = write_sweep(tmp_path)
    run(sweep, tmp_path, launcher())
    journal = SweepFolder.of(tmp_path / "mlruns", "toy").journal
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"worker')
    (journal.parent / f"{journal.name}.lock").symlink_to(journal)  # as a killed process leaves it
    assert run(write_sweep(tmp_path, trials=5), tmp_path, launcher()).trials["complete"] == 10


@given(lines=st.lists(st.integers(), max_size=5), torn=st.binary(max_size=20))
def test_mending_keeps_whole_lines_and_cuts_what_does_not_read(lines, torn, tmp_path_factory):
    path = tmp_path_factory.mktemp("torn") / "journal.log"
    whole = b"".join(b'{"a":%d}\n' % line for line in lines)
    path.write_bytes(whole + b'{"' + torn.replace(b"\n", b""))
    assert mend(path) > 0
    assert path.read_bytes() == whole
    assert mend(path) == 0


def test_an_unknown_sweep_is_refused_with_the_nearest(tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    with pytest.raises(UserError, match=re.escape("Did you mean 'toy'?")):
        read_status(tmp_path / "mlruns", "toyy")


def test_slots_stay_busy_while_durations_vary_tenfold(tmp_path):
    fake = launcher(slots=tuple(Slot(i) for i in range(4)))
    summary = run(write_sweep(tmp_path, trials=40), tmp_path, fake)
    assert summary.slots_busy > 0.9


HISTORY = st.lists(
    st.sampled_from(["ok", "ok", "ok", "slow", "crash", "oom", "diverged"]), min_size=1, max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=HISTORY,
    cuts=st.lists(st.integers(1, 40), max_size=3),
    slots=st.integers(1, 3),
    trials=st.integers(1, 5),
)
def test_whatever_fails_and_whenever_power_is_cut_each_trial_is_told_once(
    history, cuts, slots, trials, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("history")
    sweep = write_sweep(folder, trials=trials, pruner="median", retries=3)

    def script(task, life):
        fate = history[hash_of(task.name) % len(history)]
        match fate:
            case "ok" | "slow":
                return Script((score_of(task), 0.5), seconds=1.0 if fate == "ok" else 30.0)
            case "crash":
                return Script((0.1,), end="failed", cause="crash") if life == 0 else plain(task, life)
            case "oom":
                return Script((), end="failed", cause="out of memory")
            case _:
                return Script((), end="failed", cause="diverged")

    for cut in [*cuts, None]:
        left = iter(range(cut)) if cut else None
        fake = launcher(
            script,
            slots=tuple(Slot(i) for i in range(slots)),
            power=lambda moment, left=left: left is not None and next(left, None) is None,
        )
        try:
            run(sweep, folder, fake)
        except PowerCut:
            continue
        except UserError:  # the first tasks failed alike, as some histories have it
            return
    states = told(folder, sweep)
    assert [sum(counter.values()) for counter in states.values()] == [trials, trials]
    assert {state for counter in states.values() for state in counter} <= {"COMPLETE", "PRUNED", "FAIL"}
    assert not fake.running
    assert sum(read_status(folder / "mlruns", "toy").trials.values()) == 2 * trials


def test_a_task_crosses_with_its_composed_run_and_one_that_cannot_be_composed_starts_no_process(
    tmp_path, monkeypatch
):
    from rnnsweep.config import compose
    from rnnsweep.engine.scheduling import tasks

    crossed = []

    def script(task: TrialTask, life: int) -> Script:
        crossed.append(task)
        return plain(task, life)

    def vary(base, overrides, *, where, **more):
        if where == "trial gru-1":
            raise UserError(f"optimizer.lr=0.5 ({where}): must be lower")
        return compose(overrides)

    monkeypatch.setattr(tasks, "vary", vary)
    sweep = write_sweep(tmp_path, architectures=["gru"], trials=3, replicates=0)
    summary = run(sweep, tmp_path, launcher(script))
    assert [failure.name for failure in summary.failures] == ["gru-1"]
    assert "optimizer.lr=0.5 (trial gru-1): must be lower" in summary.failures[0].reason
    assert "gru-1" not in {task.name for task in crossed}
    assert all(task.run == compose(task.overrides) for task in crossed)
