"""Trainings of made-up texts, by themselves and in a stack: what `gpu` measures."""

import time
from collections.abc import Callable

import numpy as np
import torch

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedPart, gather
from rnnsweep.launchers.fused.stack.optimizer.stackable import StackableOptimizer
from rnnsweep.launchers.fused.stack.stack import MemberSteps
from rnnsweep.launchers.fused.stack.stacks import Stacks, Work
from rnnsweep.networks import build
from rnnsweep.tasks import Facts

_STEPS, _ROWS, _CLASSES, _MEAN_TOKENS = 32, 2048, 4, 40


def made_up_part(run: RunConfig) -> EncodedPart:
    """Make rows of random tokens, of the settings' vocabulary and about the length of news."""
    draw = np.random.default_rng(0)
    most = min(run.data.max_length, 2 * _MEAN_TOKENS)
    lengths_N = draw.integers(max(1, most // 4), most + 1, _ROWS)
    ids = draw.integers(1, run.data.vocabulary, int(lengths_N.sum())).astype(np.int32)
    offsets_N1 = np.concatenate([[0], lengths_N.cumsum()])
    return EncodedPart(ids, offsets_N1, draw.integers(0, _CLASSES, _ROWS))


class Member:
    """A training of made-up texts."""

    def __init__(self, run: RunConfig, part: EncodedPart, device: torch.device, *, seed: int) -> None:
        torch.manual_seed(seed)
        self.network = build(run.model, vocabulary=run.data.vocabulary, classes=_CLASSES).to(device)
        table = self.network.embedding.weight
        others = [weight for weight in self.network.parameters() if weight is not table]
        self.optimizer = StackableOptimizer(run.optimizer, self.network.embedding, others)
        self.task = run.spec.make(run.task, Facts(tuple(map(str, range(_CLASSES))), part.targets_N))
        self.part, self.seed, self.run, self.done = part, seed, run, 0
        by_length_N = np.argsort(
            part.lengths_N, kind="stable"
        )  # batches of about one length, as trainings have
        size = run.data.batch_size
        starts = np.random.default_rng(seed).integers(0, max(1, len(part) - size), _STEPS)
        self._rows = [by_length_N[start : start + size] for start in starts]

    def work(self) -> Work:
        """Return a chunk of steps to hand in."""
        member_steps, done = MemberSteps(self._rows, [self.run.optimizer.lr] * _STEPS), self.done
        self.done += _STEPS
        parts = (self.network, self.optimizer, self.part, self.run.data.batch_size, _STEPS, member_steps)
        return Work(self, *parts, done=done, seed=self.seed)

    def alone(self) -> None:
        """Do a chunk of steps by itself, as a training does."""
        device = self.network.embedding.weight.device
        for rows_B in self._rows:
            batch = gather(self.part, rows_B)
            self.optimizer.look(batch.tokens_BT.t().to(device))
            targets_B = batch.targets_B.to(device)
            logits_BC = self.network.read(self.optimizer.vectors(slice(None)), batch.lengths_B)
            loss = self.task.loss(logits_BC, targets_B)
            torch.autograd.backward(loss / self.task.weight(targets_B))
            self.optimizer.clip()
            self.optimizer.step(lr=self.run.optimizer.lr)


def speed_alone(run: RunConfig, device: torch.device) -> float:
    """Measure the texts a second of one run by itself."""
    member = Member(run, made_up_part(run), device, seed=0)
    return _STEPS * run.data.batch_size / _seconds(member.alone, device)


def speed_together(run: RunConfig, members: int, device: torch.device, *, stacks: Stacks) -> float:
    """Measure the texts a second of so many runs in a stack."""
    part = made_up_part(run)
    every = [Member(run, part, device, seed=seed) for seed in range(members)]

    def step() -> None:
        works = [member.work() for member in every]
        stacks.learn(stacks.kind(works[0]), works)

    seconds = _seconds(step, device)
    for member in every:
        stacks.leave(member)
    return members * _STEPS * run.data.batch_size / seconds


def _seconds(function: Callable[[], None], device: torch.device) -> float:
    """Time a function, after once to warm up: the best of three."""
    taken = []
    for _ in range(4):
        _wait(device)
        began = time.perf_counter()
        function()
        _wait(device)
        taken.append(time.perf_counter() - began)
    return min(taken[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
