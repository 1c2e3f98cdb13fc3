"""The LightningModule. One Lightning "batch" is a chunk of mini-batches, with one optimiser step for each.

Lightning spends 300 to 450 microseconds around every batch, a small network 2,000 within; a chunk of about a
thousand texts makes that cost nothing, and callbacks and loggers are called at the end of every chunk.
Optimisation is Lightning's "manual" kind.

Shapes: B rows of a batch, T time steps, K outputs for each row.
"""

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from rnnsweep.data import Batch
from rnnsweep.networks.network import Network
from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.dropout import DropoutDraw
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.optim.schedule import Plateau, factor
from rnnsweep.tasks import LOSS, Task, TaskSpec
from rnnsweep.training.distributed.gradients import GradientSum
from rnnsweep.training.lightning_loops import set_step, validate_next
from rnnsweep.training.loader import Chunk, Position, validated_share
from rnnsweep.training.metrics import Metrics, Tally, named
from rnnsweep.training.reading import embedded, read_embedded


class Diverged(Exception):
    """The loss is NaN or infinite: no further step can mend the weights."""


class TrainingModule(pl.LightningModule):
    """Trains a network on a task.

    Args:
        network: has `embedding`, `embedding_dropout`, ``read(embedded_TBE, lengths_B) -> outputs_BK``, and
            `reads_distinct` and `read_distinct` as `networks.Network` has.
        config: how the weights move.
        spec: the task.
        task: the same on the corpus.
        batches: mini-batches of an epoch.
        epochs: of the whole training; schedules end there.
        validate_every: share of an epoch between two validations.
        accumulate: pieces that a mini-batch is cut into.
        dropout_seed: of the masks of embedded tokens.

    `train(run, module=...)` trains with a subclass, which may override `clock`, `make_optimizer`,
    `learn_chunk` and `learn_piece`.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        config: OptimizerConfig,
        spec: TaskSpec,
        task: Task,
        batches: int,
        epochs: int,
        validate_every: float = 1.0,
        accumulate: int = 1,
        dropout_seed: int = 0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.config = config
        self.task = task
        self.position = Position()
        self.validation: Metrics | None = None  # of the last validation
        self.stopped: str | None = None  # why the training was asked to stop
        self._batches, self._total = batches, batches * epochs
        self._validate_every = validate_every
        self._accumulate, self._dropout_seed = accumulate, dropout_seed
        self._learned = Tally(spec, task, scores=spec.running)
        self._validated = Tally(spec, task)
        self._plateau = Plateau()
        self._optimizer: Optimizer | None = None
        self._gradients = GradientSum()
        self._restored: dict[str, Any] | None = None
        self._scaler: torch.amp.GradScaler | None = None  # of 16-mixed; other precisions need none
        self._scaled: dict[str, Any] = {}  # state of the gradient scaler to be restored
        self._rank, self._world = 0, 1  # of the processes that share each batch

    def clock(self) -> float:
        """Return the seconds that this training has used, counted from any start."""
        return time.perf_counter()

    @property
    def epochs_done(self) -> float:
        """Epochs done, as a number with a fraction."""
        return self.position.step / self._batches

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self.rate_at(self.position.step)

    def rate_at(self, step: int) -> float:
        """Return the learning rate after so many steps."""
        planned = factor(self.config.schedule, step=step, total=self._total)
        return self.config.lr * planned * self._plateau.factor

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make the optimiser, now that the weights are where they will be trained."""
        embedding = self.network.embedding
        assert isinstance(embedding, nn.Embedding)
        others = [weight for weight in self.network.parameters() if weight is not embedding.weight]
        self._optimizer = self.make_optimizer(embedding, others)
        if self._restored is not None:
            self._optimizer.load_state_dict(self._restored)
            self._restored = None
        self._scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        self._rank, self._world = self.trainer.global_rank, self.trainer.world_size
        if self._scaler and self._scaled:
            self._scaler.load_state_dict(self._scaled)
        for tally in (self._learned, self._validated):
            tally.to(self.device)
        return self._optimizer.dense

    def make_optimizer(self, embedding: nn.Embedding, others: Iterable[nn.Parameter]) -> Optimizer:
        """Make what moves the weights: the embedding, and all others."""
        return Optimizer(self.config, embedding, others)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave batches where they are: the steps move what they need (lengths are read on the CPU)."""
        return batch

    def training_step(self, chunk: Chunk, batch_idx: int) -> None:
        """Learn from each mini-batch of a chunk."""
        steps = self.learn_chunk(chunk)
        if steps:
            logits, targets, losses = zip(*steps, strict=True)
            loss = torch.cat([each.view(-1) for each in losses]).double().sum()
            self._learned.add(torch.cat(logits), torch.cat(targets), loss)
            self._refuse_divergence(loss)
        self.position.validation_due = chunk.validate
        set_step(self.trainer, self.position.step)

    def on_train_batch_end(self, outputs: Any, batch: Chunk, batch_idx: int) -> None:
        """Let Lightning validate where the chunk says so."""
        validate_next(self.trainer, batch.validate)

    def on_train_epoch_end(self) -> None:
        """Go over to the next epoch, unless this one was broken off."""
        if self.position.batch == self._batches and not self.position.validation_due:
            self.position.epoch, self.position.batch = self.position.epoch + 1, 0

    def on_validation_start(self) -> None:
        """Bring the whole embedding up to date: validation reads it all."""
        self.optimizer.catch_up()
        self._validated.clear()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count what the network answers for some rows."""
        outputs_BK = self.network(batch.tokens_BT.to(self.device), batch.lengths_B)
        targets_B = batch.targets_B.to(self.device)
        self._validated.add(outputs_BK, targets_B, self.task.loss(outputs_BK, targets_B))

    def on_validation_epoch_end(self) -> None:
        """Read the metrics off, log them with those of the training since the last time."""
        self._validated.add_up(world=self._world)
        self._learned.add_up(world=self._world)
        self._refuse_divergence(self._validated.loss)
        self.validation, learned = self._validated.result(), self._learned.result()
        self._learned.clear()
        self.position.validation_due = False
        rate = self.learning_rate  # of the stretch that was just measured
        if self.config.schedule == "plateau":
            self._plateau.update(self.validation[LOSS])
        values = named(learned, "train") | named(self.validation, "validation")
        at, count, every = self.position, self._batches, self._validate_every
        # the same number in replicates whose epochs have other numbers of batches: mean curves join these
        epoch = at.epoch + validated_share(at.batch, count, every)
        self._log({**values, "epoch": epoch, "optimizer/lr": rate})

    @property
    def optimizer(self) -> Optimizer:
        """What moves the weights; there is one from the start of the fit on."""
        assert self._optimizer is not None
        return self._optimizer

    def training_state(self) -> dict[str, Any]:
        """Return everything of the training but the network's weights."""
        return {
            "scaler": self._scaler.state_dict() if self._scaler else {},
            "optimizer": self.optimizer.state_dict(),
            "position": asdict(self.position),
            "plateau": self._plateau.state_dict(),
            "learned": self._learned.state_dict(),
        }

    def restore_training(self, state: dict[str, Any]) -> None:
        """Take a saved state over, before the fit; the weights are the network's own affair."""
        self._restored, self._scaled = state["optimizer"], state["scaler"]
        self.position = Position(**state["position"])
        self._plateau.load_state_dict(state["plateau"])
        self._learned.load_state_dict(state["learned"])
        self.on_train_epoch_end()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Bring the embedding up to date before Lightning saves it."""
        self.optimizer.catch_up()
        checkpoint["state_dict"] = self.state_dict()

    def learn_chunk(self, chunk: Chunk) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Take the optimiser steps of a chunk.

        Returns:
            logits_NC, targets_N and summed losses of some texts each, in their order.
        """
        return [seen for texts in chunk for seen in self._learn(texts)]

    def _learn(self, batch: Batch) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
        """Take one optimiser step; return outputs, targets and summed loss of each piece of this process."""
        seen, scaler = [], self._scaler
        targets_B = batch.targets_B.to(self.device)
        draw = DropoutDraw(self._dropout_seed, self.position.step)
        self.optimizer.look(batch.tokens_BT.t().to(self.device), draw)
        for texts in cut_batch(len(targets_B), rank=self._rank, world=self._world, pieces=self._accumulate):
            logits_BC, loss = self.learn_piece(batch.lengths_B[texts], targets_B, texts)
            seen.append((logits_BC, targets_B[texts], loss))
        if self._world > 1:
            self._gradients.add_up(self.optimizer.gradients())
        self.optimizer.clip(scaler=scaler)
        self.optimizer.step(lr=self.learning_rate, scaler=scaler)
        # inside one autocast region the low-precision copies of the weights would outlive the step
        torch.clear_autocast_cache()
        self.position.step += 1
        self.position.batch += 1
        return seen

    def learn_piece(self, lengths_B: Tensor, targets_B: Tensor, texts: slice) -> tuple[Tensor, Tensor]:
        """Add the gradient of a piece of a batch: forward and backward.

        Args:
            lengths_B: of the piece's texts.
            targets_B: of the whole batch.
            texts: which of the batch are the piece.

        Returns:
            outputs_BK of the piece and its summed loss, both without a gradient.
        """
        network, scaler = self.network, self._scaler
        own_B, weight = targets_B[texts], self.task.weight(targets_B)
        read = embedded(network, self.optimizer, texts)
        if scaler is None and type(network) is Network and network.learns_by_hand(read.vectors):
            return network.learn(read, lengths_B, lambda outputs: self.task.judge(outputs, own_B, weight))
        outputs_BK = read_embedded(network, read, lengths_B)
        loss = self.task.loss(outputs_BK, own_B)
        part = loss / weight
        torch.autograd.backward(part if scaler is None else scaler.scale(part))
        return outputs_BK.detach(), loss.detach()

    def _refuse_divergence(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {loss.item()} after {self.position.step} steps")

    def _log(self, values: dict[str, float]) -> None:
        for logger in self.loggers:
            logger.log_metrics(values, step=self.position.step)
        self.log_dict(values, logger=False)  # for callbacks: trainer.callback_metrics, in single precision


def cut_batch(size: int, *, rank: int, world: int, pieces: int) -> list[slice]:
    """Return the share that one process has of a batch, in pieces, none of them empty.

    Args:
        size: rows of the batch.
        rank: number of the process.
        world: how many processes share the batch.
        pieces: of a share.
    """
    starts = range(rank, min(size, world * pieces), world)
    return [slice(first, None, world * pieces) for first in starts]
