"""Trials that share a GPU by measured memory. The GPUs are pretended: their memory is a number."""

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from simulation import FakeClock, FakeLauncher, Script, without_waiting, write_sweep
from test_study import Watcher, run, score_of

import rnnsweep
from rnnsweep.api import sweeps as api_sweeps
from rnnsweep.api.launching import shared
from rnnsweep.api.project import doctor as diagnosis
from rnnsweep.cli import main
from rnnsweep.config import compose
from rnnsweep.engine.scheduling.agenda import Job
from rnnsweep.engine.scheduling.running import RunningTasks
from rnnsweep.errors import UserError
from rnnsweep.hardware import gpus
from rnnsweep.launchers import parse_launcher
from rnnsweep.launchers.local import child, server
from rnnsweep.launchers.local.places import slots_here
from rnnsweep.planning import cost, packing, plan as plans, shorter
from rnnsweep.planning.cost import MemoryUse, free_memory, open_gpu, take_first_steps
from rnnsweep.planning.packing import Need, Packing, measure_need, share_gpu
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.gpu_memory import fewest_slots, keep_needs, read_needs
from rnnsweep.state.watching.status import read_status, slots_busy
from rnnsweep.sweepfile import Slot, parse_slots
from rnnsweep.trial import TrialTask

MIB, GIB = 1 << 20, 1 << 30
AUTO = Slot(0, gpu="0", auto=True)


@pytest.fixture
def one_gpu(monkeypatch):
    """Pretend one GPU and eight cores."""
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    monkeypatch.setenv(gpus.MPS, "/nowhere")
    monkeypatch.setattr(gpus, "count_visible", lambda: 1)
    monkeypatch.setattr(packing, "usable_cores", lambda: 8)
    return monkeypatch


# a pretended GPU


class OutOfMemory(Exception):
    """The sum of what processes hold is larger than the GPU."""


@dataclass
class Device:
    """The memory of one GPU: what each process holds, and what other people's processes do."""

    size: int
    others: int = 0
    held: dict[str, int] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.size - self.others - sum(self.held.values())

    def hold(self, process: str, size: int) -> None:
        self.held[process] = size
        if self.free < 0:
            raise OutOfMemory(f"{process} takes {size}, and {self.free + size} are free")


@dataclass
class Processes:
    """Calls the functions of a measurement with the memory that they would see, and counts first steps.

    A process has a context as soon as it uses the GPU.
    """

    device: Device
    peaks: dict[str, int]  # override -> what PyTorch holds
    context: int
    steps: list = field(default_factory=list)

    @contextmanager
    def __call__(self):
        name = f"process {len(self.device.held)}"

        def do(work, *values):
            if work in (open_gpu, free_memory):
                self.device.hold(name, self.context)
                return {open_gpu: "a GPU", free_memory: self.device.free}[work]
            assert work is take_first_steps
            _, overrides, _ = values
            self.steps.append(list(overrides))
            peak = max(size for key, size in self.peaks.items() if key in overrides)
            try:
                self.device.hold(name, self.context + peak)
            except OutOfMemory:
                return None
            return MemoryUse(self.device.free, peak, peak)

        yield do
        self.device.held.pop(name, None)


# what people write


def test_a_gpu_that_is_shared_by_measured_memory_is_one_slot_until_it_is_measured():
    assert parse_slots("gpu:0/auto") == (AUTO,)
    assert parse_slots("cpu,gpu:MIG-7/auto:2") == (Slot(0), Slot(1, 2, "MIG-7", auto=True))
    assert parse_slots("gpu/auto:3") == (Slot(0, 3, "every", auto=True),)


@pytest.mark.parametrize("text", ["gpu:0/all", "gpu/2", "cpu/auto", "gpu:/auto", "auto", "gpu:every"])
def test_other_words_for_sharing_are_refused(text):
    with pytest.raises(UserError, match="slots=.*gpu:0/2 for two trials on one, gpu:0/auto for as"):
        parse_slots(text)


def test_every_gpu_is_each_that_this_process_may_use(one_gpu):
    one_gpu.setattr(gpus, "count_visible", lambda: 2)
    assert slots_here("cpu,gpu/auto:2") == (
        Slot(0),
        Slot(1, 2, "0", auto=True),
        Slot(2, 2, "1", auto=True),
    )


@pytest.mark.parametrize("where", ["option", "file", "machine"])
@pytest.mark.parametrize("text", ["gpu:0/auto", "gpu/auto"])
def test_without_a_gpu_it_is_refused_in_one_line_with_exit_status_2(
    home, short_rows, monkeypatch, capsys, where, text
):
    monkeypatch.setattr(gpus, "count_visible", lambda: 0)
    more = {"slots": text} if where == "file" else {}
    own = json.dumps(["data=files", f"data.train={short_rows}"])
    command = ["sweep", str(write_sweep(home, overrides=own, **more).path)]
    if where == "option":
        command += ["--slots", text]
    if where == "machine":
        (home / "box.yaml").write_text(f"slots: {text}\n")
        command += ["--on", "box.yaml"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "this machine has no GPU that PyTorch can use" in said
    assert f"slots='{text}'" in said
    assert not (home / "mlruns").exists()


def test_a_launcher_of_another_kind_does_not_share_by_measured_memory(tmp_path, one_gpu):
    sweep = write_sweep(tmp_path)
    asked = replace(sweep, launcher=parse_launcher("fused:fuse=4"))
    with pytest.raises(
        UserError, match="launcher local alone shares a GPU by measured memory; take a number"
    ):
        shared(asked, "gpu:0/auto", None, folder=None, conf=tmp_path, tell=print)


# what is measured


def test_what_a_trial_takes_is_the_fall_of_the_free_memory_and_more_where_pytorch_gave_some_back():
    device = Device(8 * GIB, others=GIB)
    processes = Processes(device, {"small": 100 * MIB, "large": 700 * MIB}, context=300 * MIB)
    with processes() as watch:
        watch(open_gpu, "0")
        need = measure_need([["small"], ["large"]], "0", processes, watch, None)
    assert need == Need(pytorch=700 * MIB, own=300 * MIB)
    assert device.held == {}
    given_back = MemoryUse(free=1000 * MIB, held=50 * MIB, peak=700 * MIB)

    @contextmanager
    def process():
        yield lambda work, *values: given_back

    need = measure_need([["large"]], "0", process, lambda work: 1400 * MIB, None)
    assert need == Need(700 * MIB, 350 * MIB)


def test_the_first_steps_are_taken_on_the_longest_texts_and_validated(short_rows, monkeypatch):
    seen = {}

    class Watched(cost.FirstSteps):
        def on_train_batch_end(self, trainer, pl_module, outputs, chunk, number):
            seen.update(steps=pl_module.position.step, longest=int(chunk.part.lengths_N.max()))

        def on_validation_batch_end(self, *given):
            seen["validated"] = seen.get("validated", 0) + 1

        def on_train_batch_start(self, trainer, pl_module, chunk, *given):
            super().on_train_batch_start(trainer, pl_module, chunk, *given)
            rows = chunk.rows()
            seen["lengths"] = [int(chunk.part.lengths_N[each].max()) for each in rows]
            super().on_train_batch_start(trainer, pl_module, chunk, *given)

    monkeypatch.setattr(cost, "FirstSteps", Watched)
    monkeypatch.setattr(gpus, "memory_now", lambda: (5, 2, 3))
    monkeypatch.setenv(gpus.VISIBLE, "")
    overrides = ["model=bag", "data=files", f"data.train={short_rows}", "optimizer.lr=1e30"]
    assert take_first_steps("", overrides) == MemoryUse(5, 2, 3)  # its own rate would diverge
    assert seen["steps"] == cost.STEPS
    assert seen["lengths"] == [seen["longest"]] * cost.STEPS
    assert seen["validated"] >= 1


def test_a_network_that_does_not_fit_takes_no_steps_and_other_faults_are_raised(short_rows, monkeypatch):
    import torch

    monkeypatch.setenv(gpus.VISIBLE, "")
    overrides = ["model=bag", "data=files", f"data.train={short_rows}"]

    def train(*given, **more):
        raise errors.pop()

    monkeypatch.setattr(cost, "train", train)
    errors = [ValueError("broken"), RuntimeError("cuBLAS error: CUBLAS_STATUS_ALLOC_FAILED")]
    errors.append(torch.OutOfMemoryError("CUDA out of memory"))
    assert take_first_steps("", overrides) is None
    assert take_first_steps("", overrides) is None
    with pytest.raises(ValueError, match="broken"):
        take_first_steps("", overrides)


def test_a_gpu_that_cuda_refuses_is_named(monkeypatch):
    def refuse():
        raise RuntimeError("CUDA error: out of memory\nmore words")

    monkeypatch.setenv(gpus.VISIBLE, "")
    monkeypatch.setattr(gpus, "memory_now", refuse)
    with pytest.raises(UserError, match=r"^gpu:3: cannot be used: RuntimeError: CUDA error: out of memory$"):
        open_gpu("3")


SPACE = """\
name: toy
architectures: [rnn, lstm]
trials: 4
space:
  model.hidden_size: {type: int, low: 4, high: 64, log: true}
  optimizer.name: [adam, sgd]
  optimizer.momentum: {choices: [0.5, 0.9], when: {optimizer.name: sgd}}
  trainer.accumulate: [1, 4]
  data.batch_size: [64, 16]
"""


@pytest.fixture
def rows_known(monkeypatch):
    """Every corpus has the same digest, and is not read."""
    corpus = type("Corpus", (), {"digest": "corpus"})
    monkeypatch.setattr(packing, "prepare", lambda data: corpus)


def test_the_largest_end_has_large_batches_in_one_piece_and_each_word_is_tried(tmp_path, one_gpu, rows_known):
    processes = Processes(Device(8 * GIB), {"model=rnn": MIB, "model=lstm": MIB}, context=1)
    Packing(write_sweep(tmp_path, SPACE), processes).slots([AUTO])
    runs = [compose(overrides) for overrides in processes.steps]
    assert {(r.model.hidden_size, r.data.batch_size, r.trainer.accumulate) for r in runs} == {(64, 64, 1)}
    assert [run.optimizer.name for run in runs] == ["sgd", "adam"] * 2
    assert [run.model.cell for run in runs] == ["rnn", "rnn", "lstm", "lstm"]


# how many fit


def packed(tmp_path, asked="gpu:0/auto", *, free=8 * GIB, lines=None, **more):
    """Return the slots of a sweep on a GPU where a trial takes 1.2 GiB, and the first steps that it took."""
    sizes = {"model=rnn": GIB // 2, "model=lstm": GIB}
    processes = Processes(Device(free + GIB // 5), sizes, context=GIB // 5)
    tell = (lambda line: None) if lines is None else lines.append
    slots = Packing(write_sweep(tmp_path), processes, tell=tell, **more).slots(slots_here(asked))
    return slots, processes.steps


def test_one_line_says_how_many_trials_fit_and_each_has_a_share(tmp_path, one_gpu, rows_known):
    lines = []
    slots, steps = packed(tmp_path, lines=lines)
    share = int(8 * GIB * 0.9) // 6 - GIB // 5
    assert [(one.index, one.gpu, one.auto, one.memory) for one in slots] == [
        (n, "0", False, share) for n in range(6)
    ]
    assert share >= GIB
    assert len(steps) == 2
    assert lines == [
        "gpu:0: measuring the memory of the largest rnn",
        "gpu:0: measuring the memory of the largest lstm",
        "gpu:0: 6 trials at a time: the largest network (lstm) takes 1.2 GiB of 8.0 GiB free"
        "; MPS does not run",
    ]


def test_the_line_says_that_mps_runs(tmp_path, one_gpu, rows_known):
    lines = []
    (tmp_path / "control").touch()
    one_gpu.setenv(gpus.MPS, str(tmp_path))
    packed(tmp_path, lines=lines)
    assert lines[-1].endswith("; MPS runs")


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ("gpu:0/auto", [8]),  # a trial for each core
        ("gpu:0/auto:3", [2]),
        ("gpu:0/auto:16", [1]),
        ("gpu:0/auto,cpu:4,cpu:2", [2, 2]),
        ("gpu:0/auto,gpu:1/auto", [4, 4]),
        ("gpu:1/2,gpu:0/auto", [2, 6]),
    ],
)
def test_there_is_a_core_for_each_thread_of_a_trial(tmp_path, one_gpu, rows_known, asked, counts):
    one_gpu.setattr(gpus, "count_visible", lambda: 2)
    slots, _ = packed(tmp_path, asked, free=80 * GIB)
    places = dict.fromkeys(slot.gpu for slot in slots)
    assert [sum(slot.gpu == place for slot in slots) for place in places] == counts


def test_a_second_gpu_of_the_same_kind_is_not_measured_again(tmp_path, one_gpu, rows_known):
    one_gpu.setattr(gpus, "count_visible", lambda: 2)
    _, steps = packed(tmp_path, "gpu/auto")
    assert len(steps) == 2


def test_a_network_that_does_not_fit_alone_has_the_gpu_alone(tmp_path, one_gpu, rows_known):
    lines, known = [], {}
    slots, _ = packed(tmp_path, free=GIB, lines=lines, known=known)
    assert slots == (Slot(0, gpu="0"),)
    assert lines[-1] == "gpu:0: one trial at a time: the largest lstm takes more than the 1.0 GiB free"
    assert len(known) == 1  # what fitted; the other is tried again when more is free


def test_one_trial_that_fits_is_not_limited(tmp_path, one_gpu, rows_known):
    lines = []
    slots, _ = packed(tmp_path, free=2 * GIB, lines=lines)
    assert slots == (Slot(0, gpu="0"),)
    assert lines[-1].endswith("one trial at a time: the largest network (lstm) takes 1.2 GiB of 2.0 GiB free")


def test_a_resumed_sweep_measures_only_what_changed_and_reads_what_is_free(tmp_path, one_gpu, rows_known):
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    known = read_needs(folder)
    first, steps = packed(tmp_path, known=known)
    assert (len(first), len(steps)) == (6, 2)
    keep_needs(folder, known)
    again, steps = packed(tmp_path, free=4 * GIB, known=read_needs(folder))
    assert (len(again), len(steps)) == (3, 0)
    known = read_needs(folder)
    one_gpu.setattr(packing, "version", lambda name: "another")
    _, steps = packed(tmp_path, known=known)
    assert len(steps) == 2


def test_measured_memory_that_does_not_read_is_measured_again(tmp_path):
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    keep_needs(folder, {"right": (3, 4)})
    path = folder.path / "gpu_memory.json"
    wrong = {"short": [1], "words": ["1", "2"], "below": [-1, 2], "none": None, "true": [True, 2]}
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    assert read_needs(folder) == {"right": (3, 4)}
    path.write_text("{")
    assert read_needs(folder) == {}


# never out of memory


@st.composite
def placements(draw):
    """A GPU, what the networks of a space take, and what happens: starts, ends, other people's use."""
    size = draw(st.integers(1 * GIB, 80 * GIB))
    context = draw(st.integers(50 * MIB, 600 * MIB))
    peaks = draw(st.lists(st.integers(1 * MIB, 12 * GIB), min_size=1, max_size=4))  # of architectures
    others = draw(st.lists(st.floats(0, 0.9), min_size=1, max_size=3))  # at each start of the sweep
    cores = draw(st.integers(1, 32))
    moves = st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0, 1))
    return size, context, peaks, others, cores, draw(st.lists(moves, max_size=60))


def test_trials_in_random_placements_are_never_out_of_memory():
    seen = Counter()

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(placements())
    def place(case):
        _place(case, seen)

    place()
    # the draws are other ones each time: about 330 placements, 600 trials and 150 refusals
    assert seen["side by side"] >= 200
    assert seen["begun beside others"] >= 200
    assert seen["refused"] >= 30


def _place(case, seen):
    """Place the trials of one sweep, at each of its starts."""
    size, context, peaks, others, cores, moves = case
    for part in others:  # the sweep starts, and is resumed
        device = Device(size, others=int(size * part))
        processes = Processes(device, {str(n): peak for n, peak in enumerate(peaks)}, context)
        if device.free < context:
            continue
        with processes() as watch:
            watch(open_gpu, "0")
            need = measure_need([[str(n)] for n in range(len(peaks))], "0", processes, watch, None)
            free = watch(free_memory)
        slots = share_gpu(AUTO, need, free=free, most=cores)
        assert need is not None or len(slots) == 1
        if need is None:
            seen["too large"] += 1
            continue  # a trial that does not fit alone
        assert len(slots) > 1 or cores == 1 or 2 * need.all > int(free * (1 - packing.RESERVE))
        _place_at_random(device, slots, need, context, peaks, moves, seen)
        seen["side by side" if len(slots) > 1 else "alone"] += 1


def _place_at_random(device, slots, need, context, peaks, moves, seen):
    """Start and end trials, each with a point of its space, which grow; others take up to the reserve.

    A trial that wants more than its limit is refused by PyTorch: it is out of memory, and nobody else is.
    """
    running = RunningTasks([Slot(n, gpu=s.gpu, memory=s.memory) for n, s in enumerate(slots)])
    began, reserve = device.others, min(int(device.free * packing.RESERVE), device.free - need.all)
    for number, (which, share, growth) in enumerate(moves):
        if share < 0.3 and len(running):
            ended = list(running)[which % len(running)]
            running.end(ended)
            del device.held[ended.job.task.key]
        elif busy := running.begin(_job(number), float(number)):
            limit = busy.slot.memory
            wanted = int(peaks[which % len(peaks)] * growth)  # of a point: no more than of the largest end
            assert limit is None or wanted <= limit
            device.hold(busy.job.task.key, context + wanted)
            if limit is not None and share > 0.9:  # a point that takes more than the largest end was taken to
                device.hold(busy.job.task.key, context + limit)  # it is stopped there, others are not
                seen["refused"] += 1
            seen["begun beside others"] += len(running) > 1
        device.others = began + int(reserve * share * 0.9)
        device.hold("others grew", 0)
        del device.held["others grew"]
    while busy := running.begin(_job(len(moves) + len(running)), float(len(moves))):
        device.hold(busy.job.task.key, context + max(peaks))  # all at once, each as large as it may be
    assert len(running) == len(slots)


def _job(number):
    return Job(TrialTask(f"toy.{number}", "trial", "lstm", (), None, None, "toy", str(number)))


# the engine on a pretended GPU


@dataclass
class GpuLauncher(FakeLauncher):
    """Runs scripts whose trials hold memory of one GPU: where one wants more than its limit, it has none."""

    device: Device = field(default_factory=lambda: Device(4 * GIB))
    wants: object = None  # task -> bytes
    limits: dict = field(default_factory=dict)

    def start(self, task, slot):
        wanted = self.wants(task)
        self.limits.setdefault(task.name, []).append(slot.memory)
        refused = slot.memory is not None and wanted > slot.memory
        self.device.hold(task.key, min(wanted, slot.memory or self.device.free))
        lives = self.script
        if refused or wanted > self.device.size:
            self.script = lambda task, life: Script((), seconds=1.0, end="failed", cause="out of memory")
        super().start(task, slot)
        self.script = lives

    def _end(self, key):
        super()._end(key)
        del self.device.held[key]


@pytest.fixture
def quick():
    with without_waiting():
        yield


def three_at_a_time(wants, seconds=10.0):
    """Three trials share a GPU, each with 1 GiB."""
    slots = tuple(Slot(n, gpu="0", memory=GIB) for n in range(3))
    lives = lambda task, life: Script((score_of(task),), seconds=seconds)  # noqa: E731
    return GpuLauncher(FakeClock(), lives, slots, wants=wants)


def in_pieces(task, size):
    return size // 2 if "trainer.accumulate=2" in task.overrides else size


def test_after_one_trial_is_out_of_memory_one_fewer_shares_the_gpu_and_nothing_is_lost(tmp_path, quick):
    fake = three_at_a_time(lambda task: in_pieces(task, 1300 * MIB if task.name == "rnn-1" else GIB // 2))
    watcher, sweep = Watcher(), write_sweep(tmp_path, sampler="random")
    summary = run(sweep, tmp_path, fake, listener=watcher)
    assert summary.trials == {"complete": 8, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    assert sum(each.complete for each in summary.standings) == 8
    assert len({task.key for task in fake.started}) == 8 + 4  # replicates, too
    assert len(fake.started) == 8 + 4 + 1
    first, again = [task for task in fake.started if task.name == "rnn-1"]
    assert not first.resume
    assert again.resume
    assert "trainer.accumulate=2" in again.overrides
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    (fell,) = [event for event in folder.events() if event["event"] == "fewer"]
    assert (fell["gpu"], fell["slots"], fell["name"]) == ("0", 2, "rnn-1")
    assert watcher.messages[0] == "trials at a time on gpu:0 from now on: 2"
    later = [one for one in watcher.snapshots if one.elapsed > fell["time"] - 1000.0]
    assert {one.slots for one in later} == {2}
    assert max(len(one.running) for one in later) == 2
    assert max(len(one.running) for one in watcher.snapshots) == 3
    assert set(fake.limits["lstm-3"]) == {3 * GIB // 2}  # those that are left have more
    assert fewest_slots(folder) == {"0": 2}
    assert 0.8 < slots_busy(folder.events()) <= 1
    assert read_status(tmp_path / "mlruns", "toy").state == "finished"


def test_a_resumed_sweep_keeps_to_the_fewest_that_fitted(tmp_path, one_gpu, rows_known, quick):
    fake = three_at_a_time(lambda task: in_pieces(task, 1300 * MIB if task.name == "rnn-1" else GIB // 2))
    run(write_sweep(tmp_path), tmp_path, fake)
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    slots, _ = packed(tmp_path, fewest=fewest_slots(folder))
    assert len(slots) == 2


def test_trials_that_are_out_of_memory_together_take_one_slot_away(tmp_path, quick):
    fake = three_at_a_time(lambda task: in_pieces(task, 1300 * MIB if task.number < 2 else GIB // 2))
    summary = run(write_sweep(tmp_path, architectures="[rnn]", replicates=0), tmp_path, fake)
    assert summary.trials["complete"] == 4
    assert fewest_slots(SweepFolder.of(tmp_path / "mlruns", "toy")) == {"0": 2}


def test_a_trial_that_is_out_of_memory_in_pieces_too_gets_more_room_until_it_is_alone(tmp_path, quick):
    def wants(task):
        return 2900 * MIB if task.name == "rnn-1" else GIB // 2

    watcher, fake = Watcher(), three_at_a_time(wants)
    sweep = write_sweep(tmp_path, architectures="[rnn]", replicates=0)
    summary = run(sweep, tmp_path, fake, listener=watcher)
    assert summary.trials["complete"] == 4
    assert fake.limits["rnn-1"] == [GIB, 3 * GIB // 2, None]
    ends = [line.rpartition("; ")[2] for line in watcher.messages if line.startswith("rnn-1: out of memory")]
    assert ends == ["tried again in smaller pieces", "tried again with more room"]
    assert watcher.snapshots[-1].slots == 1


def test_a_trial_that_is_out_of_memory_alone_and_in_pieces_fails(tmp_path, quick):
    fake = three_at_a_time(lambda task: 5 * GIB if task.name == "rnn-1" else GIB // 2)
    summary = run(write_sweep(tmp_path, architectures="[rnn]", replicates=0), tmp_path, fake)
    assert summary.trials == {"complete": 3, "pruned": 0, "failed": 1, "running": 0, "waiting": 0}
    assert [one.cause for one in summary.failures] == ["out of memory"]
    assert fake.limits["rnn-1"] == [GIB, 3 * GIB // 2, None]


def test_gpus_of_other_nodes_keep_their_slots(tmp_path, quick):
    slots = tuple(Slot(n, gpu="0", host="node") for n in range(2))
    lives = lambda task, life: Script((), end="failed", cause="out of memory")  # noqa: E731
    fake = FakeLauncher(FakeClock(), lives, slots)
    with pytest.raises(UserError, match="failed alike"):
        run(write_sweep(tmp_path), tmp_path, fake)
    events = SweepFolder.of(tmp_path / "mlruns", "toy").events()
    assert not [event for event in events if event["event"] == "fewer"]


# the guard


def test_a_trial_is_limited_to_its_share_before_it_begins(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(gpus, "limit_memory", lambda size: calls.append(size))
    monkeypatch.setattr(child, "redirect", lambda log: None)

    class Line:
        def send(self, *given):
            pass

    for role, memory in (("trial", None), ("baseline", GIB), ("trial", GIB)):
        task = TrialTask("toy.1", role, "lstm", (), tmp_path / "one", tmp_path, "toy", "one")
        slot = Slot(0, gpu="0", memory=memory)
        child._guarded(lambda task, channel: calls.append(task.role), task, Line(), slot)
    assert calls == ["trial", "baseline", GIB, "trial"]


def test_the_limit_is_a_fraction_of_each_gpu_that_the_process_sees(monkeypatch):
    import torch

    found, sizes = [], [8 * GIB, 2 * GIB]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    facts = lambda number: type("Facts", (), {"total_memory": sizes[number]})  # noqa: E731
    monkeypatch.setattr(torch.cuda, "get_device_properties", facts)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *given: found.append(given))
    gpus.limit_memory(4 * GIB)
    assert found == [(0.5, 0), (1.0, 1)]


# whole sweeps


@pytest.mark.slow
def test_a_sweep_runs_as_many_trials_as_fit_and_its_resumption_measures_nothing(home, short_rows, one_gpu):
    own = json.dumps(["data=files", f"data.train={short_rows}", "trainer.max_epochs=1"])
    keys = {"architectures": "[bag]", "overrides": own, "replicates": 0, "slots": "gpu:0/auto"}
    processes = Processes(Device(4 * GIB), {"model=bag": GIB}, context=GIB // 5)
    one_gpu.setattr(server, "fresh_process", processes)
    for trials, steps in ((3, 1), (4, 1)):
        watcher, sweep = Watcher(), write_sweep(home, trials=trials, **keys)
        result = rnnsweep.sweep(sweep.path, listener=watcher, models=False)
        assert result.trials["complete"] == trials
        assert len(processes.steps) == steps
        (line,) = [text for text in watcher.messages if "at a time" in text]
        assert line.startswith(
            "gpu:0: 2 trials at a time: the largest network (bag) takes 1.2 GiB of 3.8 GiB"
        )
        assert watcher.snapshots[-1].slots == 2
        assert {one.slot for each in watcher.snapshots for one in each.running} == {"gpu:0"}


@pytest.mark.slow
def test_a_plan_counts_the_trials_that_fit_and_keeps_nothing(home, short_rows, one_gpu, capsys):
    own = json.dumps(["data=files", f"data.train={short_rows}", "trainer.max_epochs=1"])
    sweep = write_sweep(home, architectures="[bag]", overrides=own)
    processes = Processes(Device(4 * GIB), {"model=bag": GIB}, context=GIB // 5)
    one_gpu.setattr(server, "fresh_process", processes)
    one_gpu.setattr(plans, "plan_sweep", lambda asked, slots, *other, **more: slots)
    one_gpu.setattr(shorter, "ways_to_shorten", lambda planned, asked: ())
    one_gpu.setattr(api_sweeps, "replace", lambda planned, **more: planned)
    assert rnnsweep.plan(sweep.path, slots="gpu:0/auto") == 2
    assert not (home / "mlruns").exists()


@pytest.mark.slow
def test_trials_have_the_variables_of_mps(tmp_path):
    code = (
        "import os\n"
        "from rnnsweep.launchers.local.server import in_fresh_process\n"
        f"print(in_fresh_process(os.getenv, {gpus.MPS!r}))\n"
    )
    own = {**os.environ, gpus.MPS: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path)


def test_the_doctor_says_whether_mps_runs(monkeypatch, tmp_path):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "H1")
    monkeypatch.setattr(torch, "zeros", lambda size, device: torch.ones(size))
    monkeypatch.setenv(gpus.MPS, str(tmp_path))
    assert diagnosis._gpu().found == "1: H1; MPS does not run"
    (tmp_path / "control").touch()
    assert diagnosis._gpu().found == "1: H1; MPS runs"
