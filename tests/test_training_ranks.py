"""Two processes train one run as one process would."""

import json
import os
from dataclasses import asdict

import pytest
import pytorch_lightning as pl
from short_trainings import Record, StopAfter, same, weights

from rnnsweep.training import LostProcess, train
from rnnsweep.training.ranks import _run_of, is_companion

pytestmark = pytest.mark.slow

TWO = ("trainer.devices=2", "model.dropout=0", "data.batch_size=15")


def test_two_processes_learn_the_same_as_one_at_the_same_global_batch(settings, tmp_path):
    one, two = Record(), Record()

    alone = train(settings(*TWO, "trainer.devices=1"), logger=one)
    together = train(settings(*TWO), logger=two, folder=tmp_path)

    assert [step for step, _ in two.points] == [step for step, _ in one.points]
    for (_, ours), (_, theirs) in zip(two.points, one.points, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    assert together.validation == alone.validation
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]
    assert not is_companion()


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


class KillsTheOther(pl.Callback):
    """Ends the second process as a machine out of memory would."""

    def on_validation_end(self, trainer, pl_module):
        children = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
        with open(children) as file:
            for child in file.read().split():
                with open(f"/proc/{child}/cmdline") as line:
                    if "rnnsweep.training.ranks" in line.read():
                        os.kill(int(child), 9)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="finds the process through /proc")
def test_a_dead_process_fails_the_run_instead_of_hanging_it(settings):
    with pytest.raises(LostProcess, match=r"process 1 of the run ended with -9"):
        train(settings(*TWO), callbacks=[KillsTheOther()])

    assert not is_companion()


def test_a_process_that_does_not_start_is_named_with_its_last_words(settings, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(LostProcess, match="a process of the run did not start: it said nothing"):
        train(settings(*TWO))


def test_a_run_survives_the_way_to_another_process(settings):
    run = settings("trainer.devices=2", "model.hidden_size=7")

    assert _run_of(json.loads(json.dumps(asdict(run)))) == run
