"""Which tasks share a slot's process, decided by the engine over scripts in place of trainings."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation import FakeClock, FakeLauncher, PowerCut, Script, without_waiting, write_sweep
from test_study import plain, run, told

from rnnsweep.config import compose
from rnnsweep.engine import fusing
from rnnsweep.engine.agenda import Job
from rnnsweep.errors import UserError
from rnnsweep.fused.rule import auto_members, bytes_of_member, members_that_fit
from rnnsweep.state.status import slots_busy
from rnnsweep.sweepfile import Slot, fuse_option
from rnnsweep.trial import TrialTask

ROOT = Path(__file__).parents[1]

ONE_SHAPE = "{optimizer.lr: {type: float, low: 1e-4, high: 1e-1, log: true}}"
TEXT = f"""\
name: toy
architectures: [rnn, gru]
trials: 4
replicates: 2
pruner: none
baseline: false
space: {ONE_SHAPE}
"""


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


@dataclass
class Seats(FakeLauncher):
    """Lets tasks of one shape into a slot together, and keeps who sat beside whom."""

    crews = True
    place: dict[str, int] = field(default_factory=dict)
    most: Counter = field(default_factory=Counter)  # role -> tasks at once in a slot
    met: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def _has_room(self, task, slot):
        beside = [other for key, other in self.running.items() if self.place[key] == slot.index]
        self.place[task.key] = slot.index
        self.most[task.role] = max(self.most[task.role], len(beside) + 1)
        for other in beside:
            self.met[task.name].add(other.name)
        return not beside or (task.shape is not None and {t.shape for t in beside} == {task.shape})


def seats(script=plain, slots=1, **more) -> Seats:
    return Seats(FakeClock(), script, slots=tuple(Slot(number) for number in range(slots)), **more)


def fused(folder, fuse, **changes):
    return write_sweep(folder, TEXT, launcher=f"{{fuse: {fuse}}}", **changes)


def started(launcher) -> Counter:
    return Counter((task.architecture, task.role) for task in launcher.started)


def test_trials_of_one_study_and_replicates_of_one_best_share_a_slot(tmp_path):
    sweep, fake = fused(tmp_path, 3, trials=7, replicates=4), seats()
    summary = run(sweep, tmp_path, fake)
    assert summary.state == "finished"
    assert started(fake) == {(a, r): n for a in ("rnn", "gru") for r, n in (("trial", 7), ("replicate", 4))}
    assert fake.most == {"trial": 3, "replicate": 3}
    for name, others in fake.met.items():
        assert {other.split("-")[0] for other in others} == {name.split("-")[0]}, "another architecture"


def test_off_gives_each_task_a_slot_of_its_own(tmp_path):
    sweep, fake = fused(tmp_path, "off"), seats()
    run(sweep, tmp_path, fake)
    assert set(fake.most.values()) == {1}
    assert {task.shape for task in fake.started} == {None}


def test_a_launcher_that_cannot_fuse_is_not_asked_to(tmp_path):
    sweep, fake = fused(tmp_path, 4), seats()
    fake.crews = False
    run(sweep, tmp_path, fake)
    assert set(fake.most.values()) == {1}


def test_auto_fuses_replicates_of_what_was_measured_to_gain_and_leaves_the_search_alone(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(fusing, "auto_members", lambda run: 8 if run.model.cell == "gru" else 1)
    sweep, fake = fused(tmp_path, "auto", replicates=5), seats()
    run(sweep, tmp_path, fake)
    assert fake.most == {"trial": 1, "replicate": 5}
    assert not any(name.startswith("rnn") for name in fake.met)


def test_auto_measures_on_a_gpu_once_a_shape_and_says_what_it_found(tmp_path):
    sweep, asked, said = fused(tmp_path, "auto", replicates=5), [], []

    def probe(gpu, overrides, conf):
        asked.append(gpu)
        return 3, "3 runs are fused: measured"

    deciding = fusing.Fusing(sweep, ROOT / "conf", slots=1, tell=said.append, probe=probe)
    for number, role in enumerate(("replicate", "replicate", "trial")):
        settings = ("model=gru", f"seed={number}")
        job = Job(TrialTask(f"k{number}", role, "gru", settings, tmp_path, tmp_path, "toy", "gru"))
        deciding.begin(job, Slot(0, gpu="0"))
        assert (job.task.shape is not None) == (role == "replicate")
    assert (asked, said) == (["0"], ["gru: 3 runs are fused: measured"])


def test_replicates_are_spread_over_the_slots(tmp_path):
    sweep, fake = fused(tmp_path, 8, architectures="[gru]", trials=1, replicates=6), seats(slots=2)
    run(sweep, tmp_path, fake)
    places = Counter(fake.place[task.key] for task in fake.started if task.role == "replicate")
    assert places == {0: 3, 1: 3}


@pytest.mark.parametrize(
    "changes",
    [
        {"space": "{model.hidden_size: {type: int, low: 4, high: 64}}"},
        {"space": ONE_SHAPE, "constraints": "{memory: 1 GB}"},
    ],
)
def test_trials_that_differ_in_shape_or_whose_memory_counts_have_a_process_each(tmp_path, changes):
    sweep, fake = fused(tmp_path, 4, replicates=0, **changes), seats()
    run(sweep, tmp_path, fake)
    assert fake.most == {"trial": 1}


def test_a_task_that_lost_its_process_goes_on_alone(tmp_path):
    def breaks_once(task, life):
        lost = life == 0 and task.name == "gru-1"
        return Script((0.5,), end="failed", cause="lost process") if lost else plain(task, life)

    sweep = fused(tmp_path, 4, architectures="[gru]", trials=6, replicates=0)
    fake = seats(breaks_once)
    assert run(sweep, tmp_path, fake).trials["complete"] == 6
    again = [task for task in fake.started if task.name == "gru-1"]
    assert again[0].shape is not None
    assert again[-1].shape is None


def test_memory_limits_how_many_share_a_process_and_it_is_said(tmp_path, monkeypatch):
    class Heard:
        said: list = []

        def update(self, snapshot):
            pass

        def message(self, text):
            self.said.append(text)

    each = bytes_of_member(compose(["model=gru"]))
    monkeypatch.setattr(fusing, "_free_memory", lambda: 5 * each)
    sweep, fake = fused(tmp_path, 8, architectures="[gru]", trials=4, replicates=0), seats()
    run(sweep, tmp_path, fake, listener=Heard())
    assert fake.most == {"trial": 2}
    assert Heard.said == ["gru: 2 instead of 8 runs share a process: memory"]


def test_a_sweep_goes_on_with_another_number_of_fused_runs(tmp_path):
    run(fused(tmp_path, "off", trials=2, replicates=0), tmp_path, seats())
    fake = seats()
    run(fused(tmp_path, 4, trials=5, replicates=0), tmp_path, fake, accept_changes=False)
    assert fake.most == {"trial": 3}
    assert started(fake) == {("rnn", "trial"): 3, ("gru", "trial"): 3}


def test_slots_are_not_counted_busy_twice():
    events = [{"event": "open", "time": 0.0, "slots": 2}]
    events += [{"event": "start", "time": 0.0, "name": name, "slot": 0, "slots": 1} for name in "abc"]
    events += [{"event": "end", "time": 10.0, "name": name} for name in "abc"]
    assert slots_busy([*events, {"event": "close", "time": 10.0, "state": "finished"}]) == 0.5


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 60), max_size=4), fuse=st.sampled_from([2, 5]), slots=st.integers(1, 3))
def test_a_fused_sweep_that_is_killed_at_any_moment_ends_as_one_that_was_not(
    tmp_path_factory, cuts, fuse, slots
):
    folder = tmp_path_factory.mktemp("fused")
    sweep = fused(folder, fuse, trials=5, replicates=2)
    for cut in [*cuts, None]:
        left = [cut]

        def power(moment, left=left):
            if left[0] is None:
                return False
            left[0] -= 1
            return left[0] <= 0

        fake = seats(slots=slots, power=power)
        try:
            summary = run(sweep, folder, fake, accept_changes=True)
        except PowerCut:
            continue
        assert summary.state == "finished"
    assert told(folder, sweep) == {name: Counter(COMPLETE=5) for name in sweep.architectures}
    assert max(fake.most.values(), default=0) <= fuse


# ---- the rule and its surface


@pytest.mark.parametrize(
    ("override", "compiled", "members"),
    [
        ("model=gru", False, 8),
        ("model=rnn", False, 8),
        ("model=gru", True, 1),
        ("model=lstm", False, 1),
        ("model.hidden_size=128", False, 1),
        ("data.batch_size=64", False, 1),
    ],
)
def test_auto_fuses_only_where_it_was_measured_to_be_faster(monkeypatch, override, compiled, members):
    monkeypatch.setattr("rnnsweep.compiled.AVAILABLE", compiled)
    run = compose(["model=gru", "model.hidden_size=32", "data.batch_size=16", override])
    assert auto_members(run) == members


def test_a_larger_table_leaves_room_for_fewer_members():
    small, large = (compose(["model=gru", f"data.vocabulary={size}"]) for size in (10_000, 400_000))
    free = 4e9
    assert members_that_fit(small, free=free) > members_that_fit(large, free=free) >= 1
    assert bytes_of_member(large) - bytes_of_member(small) >= 390_000 * 64 * 4 * 3
    assert members_that_fit(large, free=0) == 1


@pytest.mark.parametrize("text", ["1", "65", "many", "-2", "2.5", "true"])
def test_another_value_of_fuse_is_refused(tmp_path, text):
    with pytest.raises(UserError, match=r"^fuse='.*': must be auto, off, or a number from 2 to 64$"):
        fuse_option(text)
    with pytest.raises(
        UserError, match=r"toy.yaml: launcher.fuse: .*: must be auto, off, or a number from 2 to 64$"
    ):
        fused(tmp_path, text)


def test_the_section_launcher_knows_no_other_key(tmp_path):
    with pytest.raises(UserError, match=r"unknown key 'fuze' in launcher: known are fuse.*'fuse'"):
        write_sweep(tmp_path, TEXT, launcher="{fuze: 3}")


@pytest.mark.parametrize(("text", "read"), [("off", "off"), ("auto", "auto"), ("4", 4), ("'off'", "off")])
def test_a_sweep_says_how_many_runs_are_fused(tmp_path, text, read):
    assert fused(tmp_path, text).fuse == read
    assert write_sweep(tmp_path, TEXT).fuse == "off"
