"""One optimiser step over all weights: the dense ones by PyTorch's fused kernels, embedding rows lazily."""

import logging
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from rnnsweep.optim import kernels
from rnnsweep.optim.adam import MovedAdam, may_move
from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.distinct import Distinct, looked_up
from rnnsweep.optim.dropout import DropoutDraw, looked_up_and_dropped
from rnnsweep.optim.lazy import LazyAdam, LazyRows, LazySGD
from rnnsweep.optim.walked import WalkedRows
from rnnsweep.runtime.compiled import AVAILABLE

_LOG = logging.getLogger(__name__)
# Below this many numbers, walking the whole table costs no more than finding the rows. Measured with rows of
# 64 numbers, texts of 43 tokens, one thread (AMD EPYC): lazy and dense steps cost the same at 270,000 numbers
# with batches of 16 texts and at 600,000 with 64; at 1,000,000 lazy rows are 2.9 and 1.6 times as fast.
WORTH_IT = 300_000


class Optimizer:
    """What moves the weights. For each batch: `look`, `vectors` and backward, `step`."""

    def __init__(
        self, config: OptimizerConfig, embedding: nn.Embedding, others: Iterable[nn.Parameter]
    ) -> None:
        self.config = config
        self._embedding = embedding
        why_not = dense_because(config, embedding.weight)
        _LOG.info("embedding rows: %s", f"dense, because {why_not}" if why_not else "exact lazy update")
        self.lazy = None if why_not else _lazy_rows(config, embedding.weight)
        self._walked = WalkedRows(embedding) if may_walk(embedding.weight) and self.lazy is None else None
        self.dense = _dense(config, [*others, *embedding.parameters()] if why_not else [*others])
        self._moved = MovedAdam(self.dense) if AVAILABLE and may_move(self.dense) else None
        self._distinct = Distinct(embedding.num_embeddings)
        self._scale = 1.0  # by which the next step multiplies the gradients
        self._table_UD: Tensor = embedding.weight
        self._places_TB: Tensor | None = None
        self._draw: DropoutDraw | None = None
        self._padding = embedding.padding_idx

    def look(self, tokens_TB: Tensor, draw: DropoutDraw | None = None) -> None:
        """Prepare to read the vectors of a batch's tokens; `draw` decides their dropout on the CPU."""
        self._places_TB, self._draw = tokens_TB, draw
        table = self.lazy or self._walked
        if table is not None:
            rows_U, self._places_TB = self._distinct.find(tokens_TB)
            self._table_UD = table.read(rows_U)
            self._padding = self._distinct.place(self._embedding.padding_idx)

    def vectors(self, texts: slice, *, rate: float = 0.0) -> Tensor:
        """Return embedded_TBD of some texts of the batch, with dropout at `rate`; padding has no gradient.

        On a GPU, and without a `draw`, PyTorch's own random numbers decide the mask.
        """
        assert self._places_TB is not None
        places_TB = self._places_TB[:, texts]
        if rate and self._draw is not None and places_TB.device.type == "cpu":
            return looked_up_and_dropped(
                self._table_UD,
                self._places_TB,
                padding=self._padding,
                texts=texts,
                draw=self._draw,
                rate=rate,
            )
        return nn.functional.dropout(self._looked_up(places_TB), rate, training=rate > 0)

    def _looked_up(self, places_TB: Tensor) -> Tensor:
        if AVAILABLE and (self.lazy is not None or self._walked is not None):
            return looked_up(self._table_UD, places_TB, self._padding)
        return nn.functional.embedding(places_TB, self._table_UD, self._padding)

    def rows(self, texts: slice) -> tuple[Tensor, Tensor, int | None]:
        """Return the distinct vectors_UD of the batch, places_TB of some texts, and which vector is padding.

        Where the table is small, or lies on a GPU, the vectors are the whole table.
        """
        assert self._places_TB is not None
        return self._table_UD, self._places_TB[:, texts], self._padding

    def weights(self) -> list[Tensor]:
        """List what holds gradients: the dense weights and the embedding, or its rows read last."""
        dense = self._dense_weights()
        if self._walked is not None:
            dense = [weight for weight in dense if weight is not self._embedding.weight]
        return dense if self.lazy is None and self._walked is None else [*dense, self._table_UD]

    def _dense_weights(self) -> list[Tensor]:
        return [weight for group in self.dense.param_groups for weight in group["params"]]

    def clip(self, *, scaler: "torch.amp.GradScaler | None" = None) -> None:
        """Scale all gradients so that their common norm is within the limit; untouched rows' are zero."""
        limit = self.config.gradient_clip
        if scaler is not None:  # 16-mixed, which has no lazy rows
            if self._walked is not None:  # unscaled with the other weights
                self._walked.hand_over()
            scaler.unscale_(self.dense)
            if limit is not None:
                clip(self._dense_weights(), limit)
        elif limit is not None and self._moved is not None:  # the step multiplies, in its own pass
            self._scale = clip_factor(gradients_of(self.weights()), limit)
        elif limit is not None:
            clip(self.weights(), limit)

    def gradients(self) -> list[Tensor]:
        """List the gradients of all that moves, zeros where there is none: as many in each process of a run.

        All processes look at the whole batch, so they have the same rows in the same order.
        """
        weights = [weight for weight in self.weights() if weight.requires_grad]
        for weight in weights:  # a process without a text in a last, small batch has no gradient
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        return gradients_of(weights)

    def step(self, *, lr: float, scaler: "torch.amp.GradScaler | None" = None) -> None:
        """Move all weights and forget the gradients; a scaler leaves out a step that overflowed."""
        for group in self.dense.param_groups:
            group["lr"] = lr
        if self._walked is not None:
            self._walked.hand_over()
        if scaler is not None:
            scaler.step(self.dense)
            scaler.update()
        elif self._moved is not None:
            self._moved.step(lr=lr, scale=self._scale)
        else:
            self.dense.step()
        if self._moved is None or scaler is not None:
            self.dense.zero_grad()
        if self.lazy is not None:
            self.lazy.step(lr=lr, scale=self._scale)
        if self._walked is not None:
            self._walked.clear()
        self._scale = 1.0

    def catch_up(self) -> None:
        """Bring every row of the embedding up to date: before anything but `vectors` reads it."""
        if self.lazy is not None:
            self.lazy.catch_up()

    def adopt(self) -> None:
        """Take the weights and the dense optimiser's state where they lie now."""
        if self._moved is not None:
            self._moved.adopt()

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be saved beside the weights as they are now."""
        lazy = None if self.lazy is None else self.lazy.state_dict()
        return {"dense": self.dense.state_dict(), "lazy": lazy}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state over, after the weights."""
        self.dense.load_state_dict(state["dense"])
        self.adopt()
        if self.lazy is not None:
            self.lazy.load_state_dict(state["lazy"])


def clip(weights: list[Tensor], limit: float) -> None:
    """Clip as torch.nn.utils.clip_grad_norm_ does, on the CPU in one pass and a second where it clips."""
    gradients = gradients_of(weights)
    if not AVAILABLE or any(gradient.device.type != "cpu" for gradient in gradients):
        nn.utils.clip_grad_norm_(weights, limit)
        return
    factor = clip_factor(gradients, limit)
    if factor != 1.0:
        torch._foreach_mul_(gradients, factor)


def gradients_of(weights: list[Tensor]) -> list[Tensor]:
    """List the gradients that there are."""
    return [gradient for weight in weights if (gradient := weight.grad) is not None]


def clip_factor(gradients: list[Tensor], limit: float) -> float:
    """Return the factor that brings the gradients' common norm within the limit, 1 where it is."""
    total = sum(kernels.sum_of_squares(g.contiguous().view(-1).numpy()) for g in gradients)
    return min(1.0, limit / (math.sqrt(total) + 1e-6)) if total > 0 else 1.0


def dense_because(config: OptimizerConfig, table: Tensor) -> str | None:
    """Return why the embedding is walked as a whole at every step, or None where rows can be lazy."""
    if not table.requires_grad:
        return "it is frozen"
    if table.device.type != "cpu":
        return "the device walks it in microseconds"
    if table.numel() < WORTH_IT:
        return "it is small"
    return rows_because(config)


def may_walk(table: Tensor) -> bool:
    """Return whether a table that is not lazy is worth a gradient array that stays: see `walked`."""
    return table.requires_grad and table.device.type == "cpu" and table.numel() >= WORTH_IT


def rows_because(config: OptimizerConfig) -> str | None:
    """Return which setting keeps rows from being lazy, whatever the table; None where none does."""
    if config.lazy_embedding == "off":
        return "optimizer.lazy_embedding=off"
    if config.weight_decay and config.name != "adamw":
        return "weight decay gives every row a gradient at every step"
    if config.name != "sgd" and max(LazyAdam.ratios((config.beta1, config.beta2))) > 0.99:
        return "beta1 is too near to beta2"
    return None


def _lazy_rows(config: OptimizerConfig, table: Tensor) -> LazyRows:
    if config.name == "sgd":
        return LazySGD(table, momentum=config.momentum)
    return LazyAdam(table, betas=(config.beta1, config.beta2), decay=config.weight_decay)


def _dense(config: OptimizerConfig, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    if config.name == "sgd":
        return torch.optim.SGD(
            weights,
            lr=config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=True,
        )
    kind = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
    return kind(
        weights,
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=True,
    )
