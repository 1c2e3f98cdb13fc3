"""Training is repeatable, goes on where it stopped, stops when asked, and is quiet."""

import os
import signal

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, strategies as st
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from short_trainings import Record, StopAfter, assert_same_weights, same, weights

from rnnsweep.data import prepare
from rnnsweep.errors import UserError
from rnnsweep.networks import parameter_count
from rnnsweep.training import Diverged, Scores, checkpoint, evaluate, train
from rnnsweep.training.loader import Position, TrainingChunks, validated_share, validation_points


def test_a_training_learns_and_its_scores_tell_what_it_took(settings, tmp_path):
    run = settings()
    record = Record()

    scores = train(run, logger=record, folder=tmp_path)

    found = prepare(run.data)
    steps = -(-found.sizes["train"] // 16)
    assert scores.validation > 0.8
    assert scores.parameters == parameter_count(run.model, vocabulary=len(found.vocabulary), classes=3)
    assert (scores.epochs, scores.steps, scores.stopped) == (2.0, 2 * steps, None)
    assert scores.seconds > 0
    assert scores.samples_per_second > 0
    assert scores.checkpoint == tmp_path / "best.ckpt"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]
    assert [point["epoch"] for _, point in record.points] == pytest.approx([0.5, 1.0, 1.5, 2.0], abs=0.02)
    assert [step for step, _ in record.points][1::2] == [steps, 2 * steps]
    assert max(point["validation/accuracy"] for _, point in record.points) == scores.validation
    names = {f"train/{name}" for name in ("accuracy", "macro_f1", "loss")}
    names |= {f"validation/{name}" for name in ("loss", *(one.name for one in run.spec.scores))}
    assert set(record.points[0][1]) == {*names, "epoch", "optimizer/lr"}


def test_the_same_run_gives_the_same_scores_to_the_last_digit(settings):
    one, other, third = (train(settings(f"seed={seed}")) for seed in (3, 3, 4))

    assert same(one, other)
    assert one.checkpoint is None
    assert one.values["loss"] != third.values["loss"]


FOREIGN = {  # as a job step of Slurm, mpirun and torchrun set them for the second of four processes
    **{"SLURM_NTASKS": "4", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "7"},
    **{"SLURM_JOB_NAME": "train", "SLURM_NODELIST": "node[1-2]", "SLURM_NTASKS_PER_NODE": "2"},
    **{"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "PMI_RANK": "1", "PMIX_RANK": "1"},
    **{"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "GROUP_RANK": "1", "LOCAL_WORLD_SIZE": "2"},
    **{"TORCHELASTIC_RUN_ID": "x", "MASTER_ADDR": "192.0.2.1", "MASTER_PORT": "1", "NODE_RANK": "1"},
}


def test_what_slurm_mpi_or_torchrun_say_of_their_own_processes_changes_no_training(settings, monkeypatch):
    alone, inside = Record(), Record()
    plain = train(settings("trainer.max_epochs=1"), logger=alone)
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", 1)  # Lightning reads the rank when it is imported

    assert same(train(settings("trainer.max_epochs=1"), logger=inside), plain)

    assert [step for step, _ in inside.points] == [step for step, _ in alone.points]
    assert FOREIGN.items() <= os.environ.items()
    assert rank_zero_only.rank == 1


def test_a_seed_of_a_part_that_equals_the_runs_seed_changes_nothing(settings):
    parts = [f"seeds.{part}=3" for part in ("initialisation", "order", "dropout")]
    assert same(train(settings("seed=3")), train(settings("seed=3", *parts)))


class Chance(pl.Callback):
    """Looks at the start of a training: weights, random numbers of dropout, first batch."""

    def on_train_start(self, trainer, pl_module):
        first = next(iter(next(iter(trainer.train_dataloader))))
        self.parts = {
            "initialisation": pl_module.network.output.weight.detach().clone(),
            "order": first.targets_B,
            "dropout": torch.get_rng_state(),
        }


@pytest.mark.parametrize("varied", ["initialisation", "order", "dropout"])
def test_each_part_of_chance_can_be_varied_alone(settings, varied):
    def chance(*overrides):
        seen = Chance()
        train(settings("seed=3", *overrides), callbacks=[seen, StopAfter("pruned", chunks=1)])
        return seen.parts

    usual, other = chance(), chance(f"seeds.{varied}=4")
    assert [part for part in usual if not torch.equal(usual[part], other[part])] == [varied]


def test_a_training_leaves_random_numbers_threads_and_signals_as_they_were(settings):
    torch.manual_seed(11)
    before = torch.rand(3)
    threads = torch.get_num_threads()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    torch.manual_seed(11)

    train(settings("trainer.max_epochs=1"))

    assert torch.equal(torch.rand(3), before)
    assert torch.get_num_threads() == threads
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_nothing_reaches_the_terminal(settings, capfd):
    train(settings("trainer.max_epochs=1"), logger=Record())

    assert capfd.readouterr() == ("", "")


VARIANTS = {
    "lazy adam": [],
    "adamw, one cycle, two layers": [
        "optimizer=adamw",
        "optimizer.schedule=one_cycle",
        "model=stacked_bigru",
        "model.hidden_size=8",
    ],
    "dense sgd, plateau, patience": [
        "optimizer=sgd",
        "optimizer.schedule=plateau",
        "optimizer.lazy_embedding=off",
        "trainer.patience=3",
    ],
}


@pytest.mark.parametrize(
    ("variant", "when"),
    [
        *(("lazy adam", {"chunks": chunks}) for chunks in (2, 4, 9)),
        *(
            (variant, {"chunks": 9})
            for variant in ("adamw, one cycle, two layers", "dense sgd, plateau, patience")
        ),
        ("lazy adam", {"validations": 2}),
    ],
)
def test_interrupted_and_uninterrupted_trainings_end_the_same_bit_for_bit(
    settings, tmp_path, variant, when, monkeypatch
):
    monkeypatch.setattr("rnnsweep.training.loader.TEXTS_OF_A_CHUNK", 80)
    run = settings(*VARIANTS[variant])
    whole_record, record = Record(), Record()
    whole = train(run, folder=tmp_path / "whole", logger=whole_record)

    stopped = train(run, folder=tmp_path / "cut", callbacks=[StopAfter("interrupted", **when)], logger=record)
    resumed = train(run, folder=tmp_path / "cut", resume=True, logger=record)

    assert stopped.stopped == "interrupted"
    assert 0 < stopped.steps < whole.steps
    assert same(resumed, whole)
    assert record.points == whole_record.points  # the training's running metrics too
    for name in ("last.ckpt", "best.ckpt"):
        assert_same_weights(weights(tmp_path / "cut", name), weights(tmp_path / "whole", name))


class Breaks(pl.Callback):
    """Raises at the n-th chunk, as a crash would."""

    def __init__(self, chunks):
        self.chunks = chunks

    def on_train_batch_end(self, trainer, *args):
        self.chunks -= 1
        if self.chunks == 0:
            raise RuntimeError("crash")


def test_a_crashed_training_goes_on_from_its_last_validation(settings, tmp_path):
    run = settings()
    whole = train(run)

    with pytest.raises(RuntimeError, match="crash"):
        train(run, folder=tmp_path, callbacks=[Breaks(3)])
    resumed = train(run, folder=tmp_path, resume=True)

    assert same(resumed, whole)


def test_what_was_logged_is_saved_before_a_checkpoint_that_would_be_ahead_of_it(settings, tmp_path):
    saved: list[tuple[int, float]] = []  # points logged so far, and the checkpoint's time

    class Saves(Record):
        def save(self) -> None:
            last = tmp_path / checkpoint.LAST
            saved.append((len(self.points), last.stat().st_mtime if last.exists() else 0.0))

    record = Saves()
    train(settings("trainer.max_epochs=2"), logger=record, folder=tmp_path)
    before_the_first = [points for points, written in saved if not written]
    assert before_the_first[-1] == 1  # the validation that the first checkpoint follows
    assert saved[-1][0] == len(record.points)


def test_resuming_where_nothing_was_begun_begins(settings, tmp_path):
    run = settings("trainer.max_epochs=1")

    assert same(train(run, folder=tmp_path, resume=True), train(run))


def test_resuming_a_finished_training_trains_nothing_and_gives_its_scores(settings, tmp_path):
    run = settings()
    finished = train(run, folder=tmp_path)

    record = Record()
    again = train(run, folder=tmp_path, resume=True, logger=record)

    assert same(again, finished)
    assert record.points == []


def test_a_training_that_stopped_early_stays_stopped(settings, tmp_path):
    run = settings("trainer.patience=1", "trainer.max_epochs=20", "optimizer.lr=0.05")

    scores = train(run, folder=tmp_path)
    again = train(run, folder=tmp_path, resume=True)

    assert scores.stopped == "early"
    assert scores.epochs < 20
    assert same(again, scores)


def test_a_pruned_training_ends_at_that_validation(settings):
    scores = train(settings(), callbacks=[StopAfter("pruned", validations=1)])

    assert scores.stopped == "pruned"
    assert scores.epochs == pytest.approx(0.5, abs=0.02)
    assert scores.validation > 0


def test_a_training_interrupted_before_any_validation_has_no_score(settings):
    scores = train(settings("trainer.validate_every=1"), callbacks=[StopAfter("interrupted", chunks=1)])

    assert scores.stopped == "interrupted"
    assert np.isnan(scores.validation)
    assert scores.checkpoint is None


class SetsShouldStop(pl.Callback):
    def on_validation_end(self, trainer, pl_module):
        trainer.should_stop = True


def test_lightnings_own_way_of_stopping_counts_as_interrupted(settings):
    assert train(settings(), callbacks=[SetsShouldStop()]).stopped == "interrupted"


class SendsSignals(pl.Callback):
    def __init__(self, number, times):
        self.number, self.times = number, times

    def on_train_batch_start(self, trainer, *args):
        for _ in range(self.times):
            signal.raise_signal(self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_and_ends_the_training(settings, tmp_path, number):
    run = settings()
    whole = train(run)

    scores = train(run, folder=tmp_path, callbacks=[SendsSignals(number, 1)])

    assert scores.stopped == "interrupted"
    assert 0 < scores.epochs < 1
    assert same(train(run, folder=tmp_path, resume=True), whole)


def test_a_second_ctrl_c_ends_at_once(settings):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(settings(), callbacks=[SendsSignals(signal.SIGINT, 2)])
    assert signal.getsignal(signal.SIGINT) is before


def test_handlers_of_the_process_itself_are_left_in_place(settings):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("mine"))
    try:
        scores = train(settings("trainer.max_epochs=1"), callbacks=[SendsSignals(signal.SIGTERM, 1)])
    finally:
        signal.signal(signal.SIGTERM, before)

    assert scores.stopped is None
    assert set(heard) == {"mine"}


class Poisons(pl.Callback):
    def on_train_batch_start(self, trainer, pl_module, *args):
        with torch.no_grad():
            pl_module.network.output.weight.fill_(float("nan"))


def test_a_loss_that_is_not_finite_is_named_as_divergence(settings):
    with pytest.raises(Diverged, match="the loss is nan after"):
        train(settings(), callbacks=[Poisons()])


def test_a_callbacks_own_state_is_restored(settings, tmp_path):
    class Counts(StopAfter):
        seen = 0

        def on_validation_end(self, trainer, pl_module):
            self.seen += 1
            super().on_validation_end(trainer, pl_module)

        def state_dict(self):
            return {"seen": self.seen}

        def load_state_dict(self, state):
            self.seen = state["seen"]

    train(settings(), folder=tmp_path, callbacks=[Counts("interrupted", validations=1)])
    counts = Counts("interrupted")
    train(settings(), folder=tmp_path, callbacks=[counts], resume=True)

    assert counts.seen == 4


def test_lightnings_view_of_epochs_and_steps_is_right(settings):
    seen = []

    class Looks(pl.Callback):
        def on_validation_end(self, trainer, pl_module):
            accuracy = trainer.callback_metrics["validation/accuracy"].item()
            seen.append((trainer.current_epoch, trainer.global_step, accuracy))

    record = Record()
    train(settings(), callbacks=[Looks()], logger=record)

    assert [epoch for epoch, _, _ in seen] == [0, 0, 1, 1]
    assert [step for _, step, _ in seen] == [step for step, _ in record.points]
    logged = [point["validation/accuracy"] for _, point in record.points]
    assert [accuracy for _, _, accuracy in seen] == pytest.approx(logged)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_evaluating_the_best_checkpoint_gives_its_scores(settings, tmp_path, part):
    run = settings()
    scores = train(run, folder=tmp_path)

    evaluation = evaluate(run, scores.checkpoint, part=part)

    right_N = evaluation.targets_N == evaluation.answers["predictions_N"]
    assert evaluation.values["accuracy"] == right_N.mean()
    assert len(right_N) == prepare(run.data).sizes[part]
    assert ((evaluation.answers["confidence_N"] > 1 / 3) & (evaluation.answers["confidence_N"] <= 1)).all()
    if part == "validation":
        assert evaluation.values == scores.values
    else:
        assert evaluation.values["accuracy"] > 0.7


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train_and_evaluate_alike(settings, tmp_path, precision):
    run = settings(f"trainer.precision={precision}", "trainer.max_epochs=1")

    scores = train(run, folder=tmp_path)

    assert scores.validation > 0.4
    assert evaluate(run, scores.checkpoint, part="validation").values["accuracy"] == scores.validation


def test_low_precision_copies_of_weights_do_not_outlive_a_step(settings, monkeypatch):
    run = settings("trainer.precision=bf16-mixed", "trainer.max_epochs=1", "model.dropout=0")
    chunks_of_many = train(run)

    monkeypatch.setattr("rnnsweep.training.loader.TEXTS_OF_A_CHUNK", 1)  # one autocast region a step
    chunks_of_one = train(run)

    assert same(chunks_of_one, chunks_of_many)


def test_a_batch_cut_into_pieces_gives_the_same_training(settings):
    whole, pieces = (
        train(settings("model.dropout=0", "trainer.precision=64-true", f"trainer.accumulate={pieces}"))
        for pieces in (1, 3)
    )

    assert pieces.values["loss"] == pytest.approx(whole.values["loss"], rel=1e-6)


def test_a_checkpoint_of_another_run_is_refused_by_the_key_that_differs(settings, tmp_path):
    train(settings("trainer.max_epochs=1"), folder=tmp_path)

    with pytest.raises(UserError) as caught:
        train(settings("model.hidden_size=4"), folder=tmp_path, resume=True)

    message = f"checkpoint {tmp_path / 'last.ckpt'}: is of a run with model.hidden_size=8, here it is 4"
    assert str(caught.value) == message


def test_a_setting_that_an_older_checkpoint_does_not_know_was_null(settings, tmp_path):
    train(settings("trainer.max_epochs=1"), folder=tmp_path)
    path = tmp_path / "last.ckpt"
    content = checkpoint.read(path)
    assert content["identity"].pop("seeds.order") == "None"
    checkpoint.write(content, path)

    with pytest.raises(UserError, match="is of a run with seeds.order=None, here it is 1"):
        train(settings("trainer.max_epochs=1", "seeds.order=1"), folder=tmp_path, resume=True)
    assert train(settings("trainer.max_epochs=1"), folder=tmp_path, resume=True).epochs == 1.0


def test_a_run_of_a_machine_with_a_gpu_is_scored_on_one_without(settings, tmp_path):
    run = settings("trainer.max_epochs=1")
    train(run, folder=tmp_path)
    here = evaluate(run, tmp_path / "best.ckpt", part="validation")
    elsewhere = evaluate(settings("trainer.accelerator=gpu"), tmp_path / "best.ckpt", part="validation")
    assert elsewhere.values == here.values


def test_checkpoints_that_are_none_are_refused(settings, tmp_path):
    run = settings()
    missing, broken, foreign = (tmp_path / name for name in ("no.ckpt", "broken.ckpt", "foreign.ckpt"))
    broken.write_bytes(b"PK\x03\x04 half a checkpoint")
    torch.save({"state_dict": {}}, foreign)
    scores = train(settings("trainer.max_epochs=1", "model.hidden_size=4"), folder=tmp_path)

    for path, message in (
        (missing, "no such file"),
        (broken, "cannot be read"),
        (foreign, "was not written by rnnsweep"),
        (scores.checkpoint, "holds a network of another shape than the run's"),
    ):
        with pytest.raises(UserError) as caught:
            evaluate(run, path)
        assert str(caught.value).startswith(f"checkpoint {path}: {message}")


def test_checkpoints_hold_no_code(settings, tmp_path):
    scores = train(settings("trainer.max_epochs=1"), folder=tmp_path)

    for name in ("last.ckpt", "best.ckpt"):
        content = torch.load(tmp_path / name, weights_only=True)
        assert "weights" in content
    assert isinstance(scores, Scores)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said_so(settings):
    with pytest.raises(UserError) as caught:
        train(settings("trainer.accelerator=gpu"))

    assert str(caught.value).startswith("trainer.accelerator='gpu': this machine has no GPU")

    with pytest.raises(UserError) as caught:
        train(settings("trainer.precision=16-mixed"))

    assert str(caught.value) == "trainer.precision='16-mixed': needs a GPU; on the CPU take bf16-mixed"


@pytest.mark.parametrize(
    ("every", "points"),
    [(1.0, [10]), (0.5, [5, 10]), (0.25, [2, 5, 8, 10]), (0.3, [3, 6, 9, 10]), (0.01, list(range(1, 11)))],
)
def test_validations_come_at_fractions_of_an_epoch_and_at_its_end(every, points):
    assert validation_points(10, every) == points


@given(count=st.integers(2, 5000), parts=st.integers(1, 20))
def test_validations_of_any_number_of_batches_have_the_same_epochs(count, parts):
    every = 1 / parts
    found = [validated_share(point, count, every) for point in validation_points(count, every)]
    if count >= parts:
        assert found == pytest.approx([turn / parts for turn in range(1, parts + 1)], abs=1e-6)
    assert found[-1] == 1.0


def test_away_from_a_validation_the_epoch_is_that_of_the_batches():
    assert validated_share(30, 100, 0.5) == 0.3


def test_chunks_from_any_position_give_the_rest_of_the_epoch(settings):
    part = prepare(settings().data).train

    def chunks(position):
        return TrainingChunks(part, batch_size=16, seed=0, validate_every=0.5, position=position)

    whole = [(list(chunk), chunk.validate) for chunk in chunks(Position(epoch=1))]
    batches = [batch for mini, _ in whole for batch in mini]
    for done in range(len(batches) + 1):
        rest = [batch for chunk in chunks(Position(epoch=1, batch=done)) for batch in chunk]
        assert len(rest) == len(batches) - done
        assert all(torch.equal(a.tokens_BT, b.tokens_BT) for a, b in zip(rest, batches[done:], strict=True))
    assert sum(validate for _, validate in whole) == 2
    assert len(chunks(Position())) == len(whole)


@pytest.mark.parametrize(("lacks", "lines"), [(True, 1), (False, 0)])
def test_a_processor_without_bfloat16_is_named_before_a_training_in_it(
    settings, monkeypatch, caplog, lacks, lines
):
    from rnnsweep.training import fit

    monkeypatch.setattr(fit, "lacks_bfloat16", lambda: lacks)
    for precision in ("bf16-mixed", "32-true"):
        fit._warn_of_slow_precision(settings(f"trainer.precision={precision}", "trainer.accelerator=cpu"))
    told = "trainer.precision='bf16-mixed': this processor has no arithmetic for it"
    assert caplog.text.count(told) == lines
    assert len(caplog.records) == lines
