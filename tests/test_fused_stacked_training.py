"""Whole trainings that hand chunks of steps to a stack, as on a GPU: here on the CPU."""

import math

import pytest
import pytorch_lightning as pl
import torch
from short_trainings import StopAfter, weights

from rnnsweep.launchers.fused.barrier import Barrier
from rnnsweep.launchers.fused.stack.stacks import Stacks
from rnnsweep.launchers.fused.trainings import train_together
from rnnsweep.training import train
from rnnsweep.training.module import Diverged

PLAIN = ("model.dropout=0", "model.embedding_size=24", "data.vocabulary=300")  # a small table: dense alone
MEMBERS = (
    ("seed=0",),
    ("seed=1", "optimizer.lr=0.003", "optimizer.beta1=0.8"),
    ("seed=2", "optimizer.name=adamw", "optimizer.weight_decay=0.1", "optimizer.schedule=plateau"),
)


def barrier(worth_it=0):
    return Barrier(stacks=Stacks(everywhere=True, worth_it=worth_it))


def assert_close(one, other):
    assert one.validation == pytest.approx(other.validation, abs=2.1 / 65)
    assert one.values["loss"] == pytest.approx(other.values["loss"], abs=1e-3)
    assert (one.epochs, one.steps, one.stopped) == (other.epochs, other.steps, other.stopped)


def each(settings, *common):
    return [settings(*PLAIN, "trainer.max_epochs=1", *common, *own) for own in MEMBERS]


@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
def test_trainings_in_a_stack_end_as_each_would_alone(settings, tmp_path, worth_it):
    runs = each(settings, "model=gru")
    separate = [train(run, folder=tmp_path / f"alone-{n}") for n, run in enumerate(runs)]
    place = barrier(worth_it)
    options = [{"folder": tmp_path / f"fused-{n}"} for n in range(len(runs))]
    for number, found in enumerate(train_together(runs, options, barrier=place)):
        assert_close(found, separate[number])
        one, other = tmp_path / f"fused-{number}", tmp_path / f"alone-{number}"
        torch.testing.assert_close(weights(one), weights(other), rtol=0, atol=2e-3)
        sizes = [(folder / "last.ckpt").stat().st_size for folder in (one, other)]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.02)  # a slice is written, not the whole stack
    # they did take their steps together; on a busy machine some wait too long for one another
    assert place.inputs > 1.5 * place.steps


@pytest.mark.slow
def test_a_training_interrupted_in_a_stack_goes_on_alone_and_the_other_way_round(settings, tmp_path):
    runs = each(settings, "model=gru")[:2]
    whole = [train(run) for run in runs]
    broken_off = [
        {"folder": tmp_path / str(n), "callbacks": [StopAfter("interrupted", validations=1)]}
        for n in range(2)
    ]
    (first,) = train_together(runs[:1], broken_off[:1], barrier=barrier())
    assert first.stopped == train(runs[1], **broken_off[1]).stopped == "interrupted"
    alone = train(runs[0], folder=tmp_path / "0", resume=True)
    (stacked,) = train_together(runs[1:], [{"folder": tmp_path / "1", "resume": True}], barrier=barrier())
    for found, wanted in zip((alone, stacked), whole, strict=True):
        assert_close(found, wanted)


@pytest.mark.slow
def test_dropout_goes_on_where_an_interrupted_training_left_off(settings, tmp_path):
    run = settings(*PLAIN, "model=gru", "model.dropout=0.3", "model.embedding_dropout=0.3")
    (whole,) = train_together([run], barrier=barrier())
    stop = {"folder": tmp_path, "callbacks": [StopAfter("interrupted", validations=1)]}
    train_together([run], [stop], barrier=barrier())
    (resumed,) = train_together([run], [{"folder": tmp_path, "resume": True}], barrier=barrier())
    assert resumed.values["loss"] == pytest.approx(whole.values["loss"], abs=1e-4)
    assert resumed.steps == whole.steps


@pytest.mark.slow
def test_a_pruned_training_gives_its_seat_to_the_next(settings):
    runs = each(settings, "model=rnn")
    undisturbed = [train(run) for run in runs]
    place = barrier()
    options = [{}, {"callbacks": [StopAfter("pruned", validations=1)]}, {}]
    found = train_together(runs, options, barrier=place)
    assert found[1].stopped == "pruned"
    for number in (0, 2):
        assert_close(found[number], undisturbed[number])
    assert place.stacks.empty


class Poisons(pl.Callback):
    def on_train_batch_start(self, trainer, pl_module, *args):
        with torch.no_grad():
            pl_module.network.output.weight.fill_(float("nan"))


@pytest.mark.slow
def test_a_training_that_diverges_hears_it_alone(settings):
    run = settings(*PLAIN, "model=rnn", "trainer.max_epochs=1")
    good, bad = train_together([run, run], [{}, {"callbacks": [Poisons()]}], barrier=barrier())
    assert isinstance(bad, Diverged)
    assert_close(good, train(run))


@pytest.mark.slow
def test_what_a_stack_cannot_take_is_stepped_one_by_one(settings):
    run = settings("data.tokens=characters", "model=rnn", "model.input=one_hot", "trainer.max_epochs=1")
    place = barrier()
    (found,) = train_together([run], barrier=place)
    assert place.inputs == found.steps
    assert place.stacks.empty
    assert math.isfinite(found.values["loss"])
