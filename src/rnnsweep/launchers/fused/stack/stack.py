"""K members on one device: their steps, from row numbers to updated weights, as one function of fixed shapes.

Shapes: K members, S steps of a chunk, B texts of a member's batch, T time steps, M = T * B positions, E
numbers a token, C classes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from rnnsweep.data import EncodedPart
from rnnsweep.data.encoded import NO_TARGET
from rnnsweep.data.tokens import PADDING
from rnnsweep.launchers.fused.cells import run_direction
from rnnsweep.launchers.fused.forward import ForwardPass
from rnnsweep.launchers.fused.stack.batches import Batches, DevicePart
from rnnsweep.launchers.fused.stack.cuda_graph import GraphedFunction, bucket
from rnnsweep.launchers.fused.stack.members import MemberDraw, Members, draw_factors
from rnnsweep.launchers.fused.stack.optimizer.embeddings import (
    DenseTable,
    EmbeddingTable,
    FrozenTable,
    LazyTable,
)
from rnnsweep.launchers.fused.stack.optimizer.rules import Rule
from rnnsweep.launchers.fused.stack.optimizer.skipped import StackedSums
from rnnsweep.launchers.fused.stack.optimizer.weights import StackedWeights
from rnnsweep.networks import Network

_FEWEST = 4  # steps of a chunk: warming up before a capture goes over some
_ROOM = 8192  # steps between two times that all rows of a member are up to date


@dataclass(frozen=True)
class StackPlan:
    """The shapes of a stack."""

    members: int
    texts: int  # B
    steps: int  # S: of a chunk, at most
    rule: Rule
    lazy: bool  # rows of the embedding
    window: int = 1  # of `StackedSums`, for lazy rows
    dropouts: frozenset[str] = frozenset()  # those that any member has
    run: Callable[..., Tensor] = field(default=run_direction, compare=False)
    draw: MemberDraw = field(default=draw_factors, compare=False)


class StackChunk:
    """The input of some steps of all members, and their results."""

    def __init__(self, plan: StackPlan, *, classes: int, like: Tensor) -> None:
        steps, members, texts = max(plan.steps, _FEWEST), plan.members, plan.texts
        integers = partial(like.new_zeros, dtype=torch.int64)
        self.at = integers(1)  # the step to do next
        self.rows_SKB, self.texts_SK = integers((steps, members, texts)), integers((steps, members))
        self.rates_SK = like.new_zeros((steps, members), dtype=torch.float64)
        self.targets_SKB = integers((steps, members, texts))
        self.logits_SKBC = like.new_zeros((steps, members, texts, classes))
        self.losses_SK = like.new_zeros(steps, members)

    def now(self) -> list[Tensor]:
        """Return rows_KB, texts_K and rate_K of the step to do."""
        return [each.index_select(0, self.at)[0] for each in (self.rows_SKB, self.texts_SK, self.rates_SK)]

    def done(self, targets_KB: Tensor, logits_KBC: Tensor, losses_K: Tensor) -> None:
        """Write the results of the step, and go on to the next."""
        pairs = ((self.targets_SKB, targets_KB), (self.logits_SKBC, logits_KBC), (self.losses_SK, losses_K))
        for tensor, value in pairs:
            tensor.index_copy_(0, self.at, value.unsqueeze(0))
        self.at.add_(1)


@dataclass(frozen=True)
class MemberSteps:
    """A member's steps of a chunk: row numbers and learning rate of each."""

    rows: Sequence[NDArray[np.int64]]
    rates: Sequence[float]


@dataclass(frozen=True)
class ChunkResult:
    """One member's results: logits of all its texts, and the summed loss of each step."""

    logits_NC: Tensor
    targets_N: Tensor
    losses_S: Tensor


class Stack:
    """The members' weights, and their steps."""

    def __init__(self, network: Network, part: EncodedPart, plan: StackPlan) -> None:
        table_VE, config = network.embedding.weight.detach(), network.config
        self.plan, self.config, self.device = plan, config, table_VE.device
        self._lengths_N = part.lengths_N
        self.part = DevicePart(part, self.device)
        self.members = Members(plan.members, self.device, draw=plan.draw)
        self.weights = StackedWeights(network, members=plan.members, rule=plan.rule)
        learns = network.embedding.weight.requires_grad
        self.table = (
            self._table(table_VE) if learns else FrozenTable(table_VE, members=plan.members, states=0)
        )
        self._learns = learns
        self.chunk = StackChunk(plan, classes=network.output.out_features, like=table_VE)
        self._padding = network.embedding.padding_idx
        self._done, self._since = [0] * plan.members, [0] * plan.members  # steps, as the host counts them
        self._pool = torch.cuda.graph_pool_handle() if self.device.type == "cuda" else None
        self._captured: dict[int, GraphedFunction] = {}

    def _table(self, table_VE: Tensor) -> EmbeddingTable:
        plan = self.plan
        if not plan.lazy:
            return DenseTable(table_VE, members=plan.members, rule=plan.rule)
        shape = {"moments": plan.rule.moments, "room": _ROOM + plan.steps, "window": plan.window}
        sums = StackedSums(plan.members, **shape, device=self.device)
        return LazyTable(
            table_VE, members=plan.members, rule=plan.rule, sums=sums, numbers=self.members.numbers
        )

    @property
    def graphs(self) -> int:
        """How many lengths a step has been made for so far."""
        return len(self._captured)

    def begin(self, member: int, *, steps: int, ratios: list[float]) -> None:
        """Count a member's steps from here on; its weights, states and numbers have been put in."""
        self._done[member], self._since[member] = steps, 0
        self.table.start(member, ratios)

    def done(self, member: int) -> int:
        """Count a member's steps so far."""
        return self._done[member]

    def level(self, member: int) -> None:
        """Bring a member's embedding up to date: before anything but a step reads it."""
        if self._since[member]:
            self.table.level(member)
            self._since[member] = 0

    def learn(self, steps_by_member: dict[int, MemberSteps]) -> dict[int, ChunkResult]:
        """Compute a chunk of steps of some members; the others do not change."""
        lengths = self._load(steps_by_member)
        for member, member_steps in steps_by_member.items():
            if self._since[member] + len(member_steps.rows) > _ROOM:
                self.level(member)
        for number, steps in enumerate(lengths):
            self._step(bucket(steps))
            for member, member_steps in steps_by_member.items():
                if number < len(member_steps.rows):
                    self._done[member] += 1
                    self._since[member] += 1
                    self.table.counted(member, self._done[member])
        return {
            member: self._result(member, member_steps) for member, member_steps in steps_by_member.items()
        }

    def _load(self, steps_by_member: dict[int, MemberSteps]) -> list[int]:
        """Write a chunk's input; return the time steps of each step's longest text."""
        chunk, longest = self.chunk, max(len(member_steps.rows) for member_steps in steps_by_member.values())
        rows, texts, rates = (
            np.zeros(each.shape, dtype=kind)
            for each, kind in (
                (chunk.rows_SKB, np.int64),
                (chunk.texts_SK, np.int64),
                (chunk.rates_SK, np.float64),
            )
        )
        for member, member_steps in steps_by_member.items():
            rates[: len(member_steps.rates), member] = member_steps.rates
            for step, rows_B in enumerate(member_steps.rows):
                rows[step, member, : len(rows_B)], texts[step, member] = rows_B, len(rows_B)
        for tensor, values in ((chunk.rows_SKB, rows), (chunk.texts_SK, texts), (chunk.rates_SK, rates)):
            tensor.copy_(torch.from_numpy(values))
        chunk.at.zero_()
        real = np.arange(rows.shape[2]) < texts[..., None]
        lengths_S = np.where(real, self._lengths_N[rows], 1).max((1, 2))
        return [int(length) for length in lengths_S[:longest]]

    def _result(self, member: int, member_steps: MemberSteps) -> ChunkResult:
        steps, chunk = len(member_steps.rows), self.chunk
        logits, targets = chunk.logits_SKBC[:steps, member], chunk.targets_SKB[:steps, member]
        texts = [len(rows_B) for rows_B in member_steps.rows]
        return ChunkResult(
            torch.cat([logits[step, :count] for step, count in enumerate(texts)]),
            torch.cat([targets[step, :count] for step, count in enumerate(texts)]),
            chunk.losses_SK[:steps, member].clone(),
        )

    def _step(self, steps: int) -> None:
        if steps not in self._captured:
            do = partial(self.step, steps)
            self._captured[steps] = GraphedFunction(do, device=self.device, idle=self.idle, pool=self._pool)
        self._captured[steps]()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Let no member take part for a while: steps change nothing."""
        at, texts_SK = self.chunk.at.clone(), self.chunk.texts_SK.clone()
        self.chunk.texts_SK.zero_()
        self.chunk.at.zero_()
        try:
            yield
        finally:
            self.chunk.texts_SK.copy_(texts_SK)
            self.chunk.at.copy_(at)

    @torch.no_grad()
    def step(self, steps: int) -> None:
        """Take the chunk's next step with texts of at most so many time steps: what a GPU captures."""
        rows_KB, texts_K, rate_K = self.chunk.now()
        batch, n = self.part.gather(rows_KB, texts_K, steps=steps), self.members.stepping()
        tokens_KM = batch.tokens_KTB.flatten(1)
        rows_KM = self.table.numbered(tokens_KM)
        vectors_KME = self.table.read(rows_KM, n).requires_grad_(self._learns)
        with torch.enable_grad():
            logits_KBC = self._logits(vectors_KME, batch)
            losses_K = _losses(logits_KBC, batch.targets_KB)
            total = (losses_K / texts_K.clamp(min=1)).sum()
        inputs = [self.weights.flat_KP, *([vectors_KME] if self._learns else [])]
        gradient_KP, *of_vectors = torch.autograd.grad(total, inputs)
        of_table = self._of_table(rows_KM, tokens_KM, *of_vectors) if of_vectors else None
        scale_K = self._scale(gradient_KP, of_table)
        active_K = texts_K > 0
        self.weights.move(gradient_KP * scale_K.unsqueeze(1), rate_K=rate_K, active_K=active_K, n=n)
        if of_table is not None:
            self.table.move(of_table * scale_K.view(-1, 1, 1), rate_K=rate_K, active_K=active_K, n=n)
        self.members.steps_K.add_(active_K)
        self.chunk.done(batch.targets_KB, logits_KBC, losses_K)

    def _logits(self, vectors_KME: Tensor, batch: Batches) -> Tensor:
        config, steps = self.config, batch.tokens_KTB.shape[1]
        hidden_KTBE = vectors_KME.view(self.plan.members, steps, self.plan.texts, -1)
        factors_KTBE = self._factors("embedding_dropout", tuple(hidden_KTBE.shape[1:]))
        width = config.hidden_size * (2 if config.bidirectional else 1)
        inner, outer = (steps, self.plan.texts, width), (self.plan.texts, self._pooled_width)
        lengths_KB = batch.lengths_KB
        if not config.masked:  # a member's padding is read up to its own longest text
            lengths_KB = lengths_KB.amax(1, keepdim=True).expand_as(lengths_KB)
        forward_pass = ForwardPass(
            config=config,
            weights=self.weights.named(),
            lengths_KB=lengths_KB,
            steps_K=[steps] * self.plan.members,
            ragged=True,
            between=[self._factors("layer_dropout", inner, layer) for layer in range(config.num_layers - 1)],
            last_KBH=self._factors("dropout", outer),
            run=partial(self.plan.run, ends_K=lengths_KB.amax(1)),
        )
        return forward_pass.logits(hidden_KTBE if factors_KTBE is None else hidden_KTBE * factors_KTBE)

    @property
    def _pooled_width(self) -> int:
        return self.weights.shapes["output.weight"][1]

    def _factors(self, name: str, shape: tuple[int, ...], number: int = 0) -> Tensor | None:
        if name not in self.plan.dropouts:
            return None
        return self.members.factors(name, shape, dtype=self.weights.flat_KP.dtype, number=number)

    def _of_table(self, rows_KM: Tensor, tokens_KM: Tensor, gradient_KME: Tensor) -> Tensor:
        if self._padding is not None:
            gradient_KME = gradient_KME.masked_fill((tokens_KM == PADDING).unsqueeze(2), 0.0)
        return self.table.gather(rows_KM, gradient_KME)

    def _scale(self, gradient_KP: Tensor, of_table: Tensor | None) -> Tensor:
        """Return what brings a member's gradients within its limit: as torch.nn.utils.clip_grad_norm_."""
        squares_K = gradient_KP.square().sum(1)
        if of_table is not None:
            squares_K = squares_K + of_table.square().sum((1, 2))
        scale_K = self.members.numbers["limit"] / (squares_K.double().sqrt() + 1e-6)
        return scale_K.clamp(max=1.0).to(gradient_KP.dtype)


def _losses(logits_KBC: Tensor, targets_KB: Tensor) -> Tensor:
    """Return each member's summed cross-entropy."""
    flat = cross_entropy(
        logits_KBC.flatten(0, 1), targets_KB.flatten(), reduction="none", ignore_index=NO_TARGET
    )
    return flat.view(targets_KB.shape).sum(1)
