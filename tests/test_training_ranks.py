"""Two processes train one run as one process would."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta

import psutil
import pytest
import pytorch_lightning as pl
from short_trainings import Record, StopAfter, assert_same_weights, same, weights

from rnnsweep.runtime.process import is_companion
from rnnsweep.training import LostProcess, module, train
from rnnsweep.training.distributed import ranks
from rnnsweep.training.distributed.companion import _run_of

pytestmark = pytest.mark.slow

TWO = ("trainer.devices=2", "model.dropout=0", "data.batch_size=15")


def test_two_processes_learn_the_same_as_one_at_the_same_global_batch(settings, tmp_path):
    one, two = Record(), Record()

    alone = train(settings(*TWO, "trainer.devices=1"), logger=one)
    together = train(settings(*TWO), logger=two, folder=tmp_path)

    assert [step for step, _ in two.points] == [step for step, _ in one.points]
    # one process sums over a batch at once, two over halves of it: the same floats in another order, and no
    # other difference, as the test below shows
    for (_, ours), (_, theirs) in zip(two.points, one.points, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    assert together.validation == alone.validation
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]
    assert not is_companion()


@pytest.mark.parametrize(
    ("more", "last"),
    [
        ((), 13),  # seven rows and six
        (("data.batch_size=97",), 1),  # the second process has none
        (("optimizer.lazy_embedding=off",), 13),
    ],
)
def test_two_processes_learn_bit_for_bit_as_one_that_cuts_each_batch_in_two(
    settings, tmp_path, monkeypatch, caplog, more, last
):
    caplog.set_level("INFO", "rnnsweep")
    sizes, cut = [], module.cut_batch
    monkeypatch.setattr(module, "cut_batch", lambda size, **of: sizes.append(size) or cut(size, **of))
    one, two = Record(), Record()
    halves = ("trainer.devices=1", "trainer.accumulate=2")
    train(settings(*TWO, *halves, *more), logger=one, folder=tmp_path / "one")
    train(settings(*TWO, *more), logger=two, folder=tmp_path / "two")

    assert min(sizes) == last
    assert max(sizes) > last
    assert ("embedding rows: exact lazy update" in caplog.text) is (
        "optimizer.lazy_embedding=off" not in more
    )
    assert two.points == one.points
    assert_same_weights(weights(tmp_path / "two"), weights(tmp_path / "one"))


def test_the_first_twenty_losses_are_those_of_one_process(settings):
    every_step = ("trainer.validate_every=0.023", "trainer.max_epochs=1")  # of 44 mini-batches
    one, two = Record(), Record()
    train(settings(*TWO, *every_step, "trainer.devices=1"), logger=one)
    train(settings(*TWO, *every_step), logger=two)

    alone, together = ([(step, point["train/loss"]) for step, point in r.points[:20]] for r in (one, two))
    assert [step for step, _ in alone] == list(range(1, 21))
    assert [step for step, _ in together] == list(range(1, 21))
    # sums in another order, as above
    assert [loss for _, loss in together] == pytest.approx([loss for _, loss in alone], abs=1e-5)


def test_a_stop_decided_by_the_first_process_is_heard_by_all_and_can_be_resumed(settings, tmp_path):
    run = settings("trainer.devices=2", "data.batch_size=15")  # with dropout: each has its own
    whole = train(run, folder=tmp_path / "whole")

    stopped = train(run, folder=tmp_path / "cut", callbacks=[StopAfter("interrupted", chunks=1)])
    resumed = train(run, folder=tmp_path / "cut", resume=True)

    assert stopped.stopped == "interrupted"
    assert same(resumed, whole)
    assert weights(tmp_path / "cut").keys() == weights(tmp_path / "whole").keys()


def test_a_pruned_run_ends_in_all_processes(settings):
    scores = train(settings(*TWO), callbacks=[StopAfter("pruned", validations=1)])

    assert scores.stopped == "pruned"
    assert scores.epochs == pytest.approx(0.5, abs=0.02)


def others() -> list[psutil.Process]:
    """The companions of this process."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # gone, or a zombie that nobody has waited for yet
            if "rnnsweep.training.distributed.companion" in child.cmdline():
                found.append(child)
    return found


class Signals(pl.Callback):
    """Sends the second process a signal at the first validation."""

    def __init__(self, number):
        self.number = number

    def on_validation_end(self, trainer, pl_module):
        for process in others():
            process.send_signal(self.number)


def test_a_dead_process_fails_the_run_instead_of_hanging_it(settings):
    with pytest.raises(LostProcess, match=r"process 1 of the run ended with -9"):
        train(settings(*TWO), callbacks=[Signals(signal.SIGKILL)])

    assert not is_companion()


def test_a_process_that_stands_still_fails_the_run_after_a_while_and_is_ended(settings, monkeypatch):
    monkeypatch.setattr(ranks, "PATIENCE", timedelta(seconds=4))

    with pytest.raises(LostProcess, match=r"did not answer for 0:00:04"):
        train(settings(*TWO), callbacks=[Signals(signal.SIGSTOP)])

    assert others() == []


ALONE = """
import sys
import pytorch_lightning as pl
from rnnsweep.config import compose
from rnnsweep.training import train

class Waits(pl.Callback):
    def on_validation_end(self, trainer, pl_module):
        print("validated", flush=True)

train(compose(sys.argv[1:]), callbacks=[Waits()])
"""


def test_the_others_leave_when_the_first_process_is_killed(settings):
    run = settings(*TWO, "trainer.max_epochs=1000")
    first = subprocess.Popen([sys.executable, "-c", ALONE, *run.overrides], stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "validated\n"
    found = psutil.Process(first.pid).children(recursive=True)
    assert any("rnnsweep.training.distributed.companion" in child.cmdline() for child in found)
    first.kill()
    first.wait()
    first.stdout.close()
    gone, alive = psutil.wait_procs(found, timeout=20)
    assert alive == []


def test_a_process_that_does_not_start_is_named_with_its_last_words(settings, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(LostProcess, match="a process of the run did not start: it said nothing"):
        train(settings(*TWO))


def test_a_run_survives_the_way_to_another_process(settings):
    run = settings("trainer.devices=2", "model.hidden_size=7")

    assert _run_of(json.loads(json.dumps(asdict(run)))) == run


ADDS = """
import sys

import torch
from torch import distributed

from rnnsweep.training.distributed.gradients import GradientSum

rank, world = int(sys.argv[1]), 3
distributed.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=world)
added = GradientSum()
for step, rows in enumerate((4, 5, 4, 900, 7, 7)):  # the shared memory is too small for the fourth
    random = torch.Generator().manual_seed(step)
    shapes = ((rows, 3), (2,), ())
    every = [[torch.randn(shape, generator=random) for shape in shapes] for _ in range(world)]
    sums = [first + second + third for first, second, third in zip(*every)]
    added.add_up(every[rank])
    assert all(torch.equal(own, total) for own, total in zip(every[rank], sums)), step
distributed.barrier()
"""


def test_gradients_of_three_processes_are_added_up_in_the_order_of_their_ranks(tmp_path):
    command = [sys.executable, "-c", ADDS]
    processes = [subprocess.Popen([*command, str(rank), str(tmp_path / "meet")]) for rank in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
