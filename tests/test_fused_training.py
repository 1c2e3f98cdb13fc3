"""Trainings that take their steps together: each equals its own separate training, whatever the others do."""

import math
import sys
import threading
from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from short_trainings import StopAfter, same, weights
from torch.nn.functional import cross_entropy

from rnnsweep.launchers.fused.barrier import Barrier
from rnnsweep.launchers.fused.module import FusedTrainingModule
from rnnsweep.launchers.fused.shape import shape_of, why_alone
from rnnsweep.launchers.fused.step import StepResult
from rnnsweep.launchers.fused.trainings import side_by_side, train_together
from rnnsweep.networks import ModelConfig, build
from rnnsweep.training import train
from rnnsweep.training.module import Diverged, TrainingModule

MEMBERS = (
    ("seed=0",),
    ("seed=1", "data.split_seed=1", "optimizer.lr=0.003", "model.dropout=0.4"),
    (
        "seed=2",
        "model.dropout=0",
        "optimizer.name=adamw",
        "optimizer.weight_decay=0.1",
        "optimizer.schedule=plateau",
    ),
    (
        "seed=0",
        "optimizer.name=sgd",
        "optimizer.lr=0.5",
        "optimizer.momentum=0.9",
        "model.initialisation=pytorch",
    ),
)


class Alone(TrainingModule):
    """Takes a training's steps with PyTorch's own operations, and keeps their losses."""

    def __init__(self, *args, losses, **settings):
        super().__init__(*args, **settings)
        self.losses = losses

    def learn_piece(self, lengths_B, targets_B, texts):
        logits_BC = self.network.read(self.optimizer.vectors(texts), lengths_B)
        loss = cross_entropy(logits_BC, targets_B, reduction="sum")
        torch.autograd.backward(loss / len(targets_B))
        self.losses.append(loss.item() / len(targets_B))
        return logits_BC.detach(), loss.detach()


class Watched(FusedTrainingModule):
    """Keeps the losses of its steps."""

    def __init__(self, *args, losses, **settings):
        super().__init__(*args, **settings)
        self.losses = losses

    def learn_piece(self, lengths_B, targets_B, texts):
        logits_BC, loss = super().learn_piece(lengths_B, targets_B, texts)
        self.losses.append(loss.item() / len(logits_BC))
        return logits_BC, loss


NOISE = 2.1 / 65  # two of the validation rows: of texts that are hardly learned, rounding decides some


def assert_close(one, other):
    for name in ("accuracy", "macro_f1"):
        assert one.values[name] == pytest.approx(other.values[name], abs=NOISE), name
    assert one.values["loss"] == pytest.approx(other.values["loss"], abs=1e-4)
    assert (one.epochs, one.steps, one.stopped) == (other.epochs, other.steps, other.stopped)


def close_weights(one, other):
    # Adam divides by the gradient: where it is nearly nothing, its rounding moves a weight
    torch.testing.assert_close(weights(one), weights(other), rtol=0, atol=1e-3)


def each(settings, *common):
    return [settings("trainer.max_epochs=1", *common, *own) for own in MEMBERS]


def test_members_end_as_each_would_alone(settings, tmp_path):
    runs = each(settings, "model=bigru", "model.embedding_dropout=0.2")
    separate = [train(run, folder=tmp_path / f"alone-{n}") for n, run in enumerate(runs)]
    options = [{"folder": tmp_path / f"fused-{n}"} for n in range(len(runs))]
    barrier = Barrier()
    for number, found in enumerate(train_together(runs, options, barrier=barrier)):
        assert_close(found, separate[number])
        close_weights(tmp_path / f"fused-{number}", tmp_path / f"alone-{number}")
    assert barrier.inputs > 3 * barrier.steps  # they did take their steps together


@pytest.fixture
def in_double_precision():
    """Rounding alone moves a plain rnn apart within a hundred steps of Adam; here it is nothing."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.usefixtures("in_double_precision")
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", ["false", "true"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_losses_of_the_first_hundred_steps_are_those_of_the_separate_training(
    settings, cell, bidirectional, layers
):
    shape = (f"model.bidirectional={bidirectional}", f"model.num_layers={layers}", "model.layer_dropout=0.2")
    runs = [
        settings(f"model={cell}", *shape, "model.pooling=last", "trainer.max_epochs=3", *own)
        for own in MEMBERS[:3]
    ]
    alone, watched = ([[] for _ in runs] for _ in range(2))
    wanted = [train(run, module=partial(Alone, losses=own)) for run, own in zip(runs, alone, strict=True)]

    def job(number, run):
        def work(member):
            return train(run, module=partial(Watched, member=member, losses=watched[number]))

        return shape_of(run), work

    found = side_by_side([job(number, run) for number, run in enumerate(runs)], Barrier())
    for number, scores in enumerate(found):
        assert_close(scores, wanted[number])
        assert len(watched[number]) > 100
        torch.testing.assert_close(watched[number], alone[number], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_member_that_ends_early_changes_nothing_for_the_others(settings, tmp_path):
    runs = each(settings, "model=gru")
    undisturbed = train_together(runs)
    options = [{}, {"callbacks": [StopAfter("pruned", validations=1)]}, {}, {}]
    found = train_together(runs, options)
    assert found[1].stopped == "pruned"
    assert found[1].epochs == pytest.approx(0.5, abs=0.02)
    for number in (0, 2, 3):
        assert_close(found[number], undisturbed[number])


class Poisons(pl.Callback):
    def on_train_batch_start(self, trainer, pl_module, *args):
        with torch.no_grad():
            pl_module.network.output.weight.fill_(float("nan"))


def test_a_member_that_diverges_hears_it_alone(settings):
    run = settings("model=rnn", "trainer.max_epochs=1")
    good, bad = train_together([run, run], [{}, {"callbacks": [Poisons()]}])
    assert isinstance(bad, Diverged)
    assert_close(good, train(run))


@pytest.mark.slow
def test_an_interrupted_member_goes_on_alone_and_a_lone_one_together(settings, tmp_path):
    runs = each(settings, "model=gru")[:2]
    whole = [train(run, folder=tmp_path / f"whole-{n}") for n, run in enumerate(runs)]
    broken_off = [
        {"folder": tmp_path / f"part-{n}", "callbacks": [StopAfter("interrupted", chunks=1)]}
        for n in range(2)
    ]
    first = [train_together(runs[:1], broken_off[:1])[0], train(runs[1], **broken_off[1])]
    assert [scores.stopped for scores in first] == ["interrupted"] * 2
    alone = train(runs[0], folder=tmp_path / "part-0", resume=True)
    (together,) = train_together(runs[1:], [{"folder": tmp_path / "part-1", "resume": True}])
    for number, found in enumerate((alone, together)):
        assert_close(found, whole[number])
        close_weights(tmp_path / f"part-{number}", tmp_path / f"whole-{number}")


@pytest.mark.slow
def test_trainings_of_several_shapes_share_a_process(settings):
    runs = [settings("trainer.max_epochs=1", f"model={name}") for name in ("rnn", "gru")]
    for found, run in zip(train_together(runs), runs, strict=True):
        assert_close(found, train(run))


@pytest.mark.slow
def test_the_same_members_give_the_same_scores_to_the_last_digit(settings):
    runs = each(settings, "model=rnn")[:2]
    first, second = train_together(runs), train_together(runs)
    assert all(same(one, other) for one, other in zip(first, second, strict=True))


# ---- the barrier, with steps that cost a made-up time


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def small_network():
    sizes = {"embedding_size": 2, "hidden_size": 2, "embedding_dropout": 0.0, "dropout": 0.0}
    return build(ModelConfig(cell="rnn", **sizes), vocabulary=5, classes=2)


def results_of(networks_steps, step, clock=None):
    """Take steps at members of one barrier; return the results of each member and its seconds."""
    barrier = Barrier(step=step, clock=clock or Clock())

    def job(steps):
        def work(member):
            network = small_network()
            ones = torch.ones(1, dtype=torch.long)
            results = [member.learn(network, torch.zeros(1, 1, 2), ones, ones)[1] for _ in range(steps)]
            return results, member.seconds()

        return "rnn", work

    return side_by_side([job(steps) for steps in networks_steps], barrier)


def test_the_seconds_of_a_shared_step_are_shared_out():
    clock, together = Clock(), []

    def step(inputs):
        clock.now += 12.0
        together.append(len(inputs))
        return [StepResult(torch.zeros(1, 2), torch.zeros(())) for _ in inputs]

    found = results_of([3, 3, 1], step, clock)
    spent = [seconds for _, seconds in found]
    assert sum(spent) == clock.now == 12.0 * len(together)
    assert math.isclose(sum(together), 7)


def test_an_error_of_a_shared_step_is_heard_by_all_its_members():
    def step(inputs):
        raise MemoryError("no room")

    assert [type(found) for found in results_of([1, 1, 1], step)] == [MemoryError] * 3


@pytest.mark.slow
def test_each_member_draws_its_own_random_numbers_whoever_is_awake():
    def drawn(seed):
        torch.manual_seed(seed)
        return [torch.rand(3).tolist() for _ in range(200)]

    def step(inputs):
        return [StepResult(torch.zeros(1, 2), torch.zeros(())) for _ in inputs]

    barrier, network = Barrier(step=step), small_network()

    def job(seed):
        def work(member):
            torch.manual_seed(seed)
            found = []
            for _ in range(200):
                found.append(torch.rand(3).tolist())
                one = torch.ones(1, dtype=torch.long)
                member.learn(network, torch.zeros(1, 1, 2), one, one)
            return found

        return "rnn", work

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads change places wherever they can
    try:
        found = side_by_side([job(seed) for seed in range(4)], barrier)
    finally:
        sys.setswitchinterval(before)
    assert found == [drawn(seed) for seed in range(4)]


def test_only_one_member_runs_at_a_time():
    inside, most = [], []

    def work(member):
        for _ in range(50):
            inside.append(threading.get_ident())
            most.append(len(set(inside)))
            inside.remove(threading.get_ident())
        return True

    assert side_by_side([("a", work)] * 4, Barrier()) == [True] * 4
    assert max(most) == 1


# ---- who can take part


@pytest.mark.parametrize(
    "override",
    [
        *("trainer.accumulate=2", "trainer.devices=2"),
        *("trainer.precision=bf16-mixed", "trainer.precision=64-true"),
    ],
)
def test_a_run_that_must_be_alone_says_why(settings, override):
    assert why_alone(settings(override)) == override
    assert why_alone(settings()) is None


def test_a_new_setting_of_networks_is_refused_until_somebody_thought_of_it(settings, monkeypatch):
    from rnnsweep.launchers.fused import shape

    monkeypatch.setattr(shape, "_BOUND", tuple(name for name in shape._BOUND if name != "num_layers"))
    assert why_alone(settings("model.num_layers=2")) == "model.num_layers=2"


def test_every_setting_of_networks_is_known_to_the_shared_step():
    from dataclasses import fields

    from rnnsweep.launchers.fused import shape
    from rnnsweep.networks.config import POOLINGS

    assert {setting.name for setting in fields(ModelConfig)} == {*shape._FREE, *shape._BOUND}
    assert set(POOLINGS) == set(shape.POOLINGS)


@pytest.mark.parametrize(
    ("override", "alike"),
    [
        ("seed=3", True),
        ("data.split_seed=3", True),
        ("optimizer.lr=0.5", True),
        ("optimizer.name=sgd", True),
        ("model.dropout=0.3", True),
        ("model.dropout=0", True),
        ("model.initialisation=pytorch", True),
        ("trainer.max_epochs=9", True),
        ("model.hidden_size=9", False),
        ("model.num_layers=2", False),
        ("model.pooling=max", False),
        ("trainer.precision=64-true", False),
        ("trainer.threads=2", False),
    ],
)
def test_runs_are_of_one_shape_where_their_networks_are(settings, override, alike):
    assert (shape_of(settings()) == shape_of(settings(override))) is alike
