"""train(run): one configuration, one seed, one fit."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]

from rnnsweep.config import RunConfig, flatten
from rnnsweep.data import EncodedCorpus, batch_count, prepare
from rnnsweep.errors import UserError
from rnnsweep.hardware import gpus
from rnnsweep.networks import parameter_count
from rnnsweep.networks.backends import lacks_bfloat16
from rnnsweep.tasks import LOSS, Score
from rnnsweep.training import checkpoint
from rnnsweep.training.callbacks.best import Keeper
from rnnsweep.training.callbacks.stopping import Signals
from rnnsweep.training.distributed.ranks import AddedUp, companions, without_foreign_ranks
from rnnsweep.training.initial import fit_task, own_threads_and_random_numbers, start
from rnnsweep.training.lightning_loops import set_epoch
from rnnsweep.training.loader import TrainingChunks, ValidationBatches
from rnnsweep.training.memory import activation_bytes
from rnnsweep.training.module import TrainingModule
from rnnsweep.training.quiet import quiet
from rnnsweep.training.scores import Scores

_LOG = logging.getLogger(__name__)
# what may differ between the two parts of a resumed training
# what was read, the corpus's digest says; data.text is recorded also where no setting named it
_READ = ("data.dir", "data.train", "data.validation", "data.test", "data.text")
_FREE = ("tracking", "trainer.", "experiment", *_READ)
_BOUND = ("trainer.validate_every", "trainer.precision")
# what settings that came later were before
_DEFAULTS = {key: repr(value) for key, value in flatten(RunConfig()).items()}


def train(
    run: RunConfig,
    *,
    logger: Logger | None = None,
    callbacks: Sequence[pl.Callback] = (),
    folder: Path | None = None,
    resume: bool = False,
    module: Callable[..., TrainingModule] = TrainingModule,
) -> Scores:
    """Train one run; the same run gives the same scores to the last digit (CPU, one thread).

    Args:
        run: the composed configuration.
        logger: receives train/*, validation/*, epoch and optimizer/lr at every validation, with the number of
            optimiser steps.
        callbacks: Lightning's; hooks around "batches" are called once a chunk of about 1,000 texts.
        folder: for `last.ckpt` and `best.ckpt`; None writes none.
        resume: go on from the folder's last checkpoint, where there is one.
        module: makes the LightningModule, as `TrainingModule` or a subclass of it does.

    Returns:
        The scores of the best weights.

    Raises:
        UserError: the data or the checkpoint is not what it should be.
        Diverged: the loss became NaN or infinite.
        LostProcess: one of several processes of the run is gone.
    """
    _refuse_missing_devices(run)
    _warn_of_slow_precision(run)
    with quiet(), without_foreign_ranks(), own_threads_and_random_numbers(run):
        corpus = prepare(run.data)
        with companions(run, folder=folder, resume=resume):
            return _train(
                run,
                corpus,
                _module(run, corpus, module),
                logger=logger,
                callbacks=callbacks,
                folder=folder,
                resume=resume,
            )


def _train(
    run: RunConfig,
    corpus: EncodedCorpus,
    module: TrainingModule,
    *,
    logger: Logger | None,
    callbacks: Sequence[pl.Callback],
    folder: Path | None,
    resume: bool,
) -> Scores:
    keeper = Keeper(
        folder,
        score=run.score,
        monitor=_monitor(run),
        patience=run.trainer.patience,
        identity=identity(run, corpus.digest),
        others=callbacks,
        clock=module.clock,
    )
    saved = _saved(folder, keeper) if resume else None
    if saved is not None:
        assert folder is not None
        checkpoint.load_weights(module.network, saved, folder / checkpoint.LAST)
        module.restore_training(saved["training"])
        keeper.restore(saved)
    signals = Signals()
    trainer = _trainer(run, logger, [*callbacks, signals, keeper])
    set_epoch(trainer, module.position.epoch)  # where in the epoch, the loader knows
    if not keeper.exhausted:
        with signals.given_back():
            trainer.fit(module, *_loaders(run, corpus, module, trainer))
    return _scores(run, corpus, module, keeper)


def _monitor(run: RunConfig) -> Score | None:
    """Return the score that patience watches; None is the loss."""
    return None if run.trainer.monitor == LOSS else run.spec.score(run.trainer.monitor or run.objective)


def identity(run: RunConfig, digest: str) -> dict[str, str]:
    """Return the settings that make a training what it is, for comparison with a checkpoint's."""
    settings = {
        key: repr(value) for key, value in flatten(run).items() if key in _BOUND or not key.startswith(_FREE)
    }
    return {**settings, "corpus": digest}


def _module(run: RunConfig, corpus: EncodedCorpus, make: Callable[..., TrainingModule]) -> TrainingModule:
    return make(
        start(run, corpus),
        config=run.optimizer,
        spec=run.spec,
        task=fit_task(run, corpus),
        batches=batch_count(corpus.train, batch_size=run.data.batch_size),
        epochs=run.trainer.max_epochs,
        validate_every=run.trainer.validate_every,
        accumulate=run.trainer.accumulate,
        dropout_seed=run.seed_of("dropout"),
    )


def _trainer(run: RunConfig, logger: Logger | None, callbacks: list[pl.Callback]) -> pl.Trainer:
    return pl.Trainer(
        accelerator=_accelerator(run),
        devices=run.trainer.devices,
        strategy=AddedUp() if run.trainer.devices > 1 else "auto",
        precision=run.trainer.precision,  # type: ignore[arg-type]
        max_epochs=run.trainer.max_epochs,
        logger=logger if logger is not None else False,
        callbacks=callbacks,
        plugins=LightningEnvironment(),  # found by what is around us, it would be Slurm's or torchrun's
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


def _accelerator(run: RunConfig) -> str:
    if run.trainer.accelerator == "auto":
        return "gpu" if torch.cuda.is_available() else "cpu"
    return run.trainer.accelerator


def _refuse_missing_devices(run: RunConfig) -> None:
    present = torch.cuda.device_count()
    if run.trainer.accelerator == "gpu" and not present:
        raise UserError(
            f"trainer.accelerator='gpu': this machine has no GPU that PyTorch can use{_unused_metal()};"
            " take cpu or auto"
        )
    if run.trainer.precision == "16-mixed" and _accelerator(run) == "cpu":
        raise UserError("trainer.precision='16-mixed': needs a GPU; on the CPU take bf16-mixed")
    if _accelerator(run) == "gpu" and run.trainer.devices > present:
        raise UserError(f"trainer.devices={run.trainer.devices}: this machine has {present} GPUs")


def _warn_of_slow_precision(run: RunConfig) -> None:
    """Warn where the processor converts to bfloat16 and back: it may cost more than it saves."""
    if run.trainer.precision == "bf16-mixed" and _accelerator(run) == "cpu" and lacks_bfloat16():
        _LOG.warning(
            "trainer.precision='bf16-mixed': this processor has no arithmetic for it and converts each"
            " number: compare the speed with 32-true"
        )


def _unused_metal() -> str:
    return " (Apple's MPS is not used)" if gpus.has_metal() else ""


def _loaders(
    run: RunConfig, corpus: EncodedCorpus, module: TrainingModule, trainer: pl.Trainer
) -> tuple[TrainingChunks, ValidationBatches]:
    training = TrainingChunks(
        corpus.train,
        batch_size=run.data.batch_size,
        seed=run.seed_of("order"),
        validate_every=run.trainer.validate_every,
        position=module.position,
        grouped=run.data.grouping == "length",
    )
    share = {"rank": trainer.global_rank, "world": trainer.world_size}
    return training, ValidationBatches(corpus.validation, run.data, **share)


def _saved(folder: Path | None, keeper: Keeper) -> dict[str, Any] | None:
    """Read the checkpoint to go on from, if there is one."""
    if folder is None or not (folder / checkpoint.LAST).is_file():
        return None
    path = folder / checkpoint.LAST
    content = checkpoint.read(path)
    theirs = content["identity"]
    for key, value in keeper.identity.items():
        recorded = theirs.get(
            key, _DEFAULTS.get(key, value)
        )  # of a setting that came later than the checkpoint
        if recorded != value:
            raise UserError(f"checkpoint {path}: is of a run with {key}={recorded}, here it is {value}")
    return content


def _scores(run: RunConfig, corpus: EncodedCorpus, module: TrainingModule, keeper: Keeper) -> Scores:
    best, position = keeper.best, module.position
    learned = position.epoch * len(corpus.train)
    learned += min(position.batch * run.data.batch_size, len(corpus.train))
    stopped = module.stopped or ("early" if keeper.exhausted else None)
    has_best = best is not None and keeper.folder is not None
    return Scores(
        score=run.score,
        values=dict(best or {}),
        parameters=parameter_count(run.model, vocabulary=len(corpus.vocabulary), classes=module.task.outputs),
        activations=activation_bytes(module.network, corpus.train, run),
        seconds=keeper.seconds,
        samples_per_second=learned / max(keeper.learning_seconds, 1e-9),
        epochs=module.epochs_done,
        steps=position.step,
        checkpoint=keeper.folder / checkpoint.BEST if has_best and keeper.folder else None,
        stopped=stopped,
    )
