"""Which training is in which stack: trainings join, hand in chunks of steps, and leave.

While a training is in a stack, its weights and the state of its optimiser are slices of the stack's: its
validation and checkpoints need no copy.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnnsweep.data import EncodedPart
from rnnsweep.launchers.fused.stack.backend import cell_for, draw_for
from rnnsweep.launchers.fused.stack.members import RATES
from rnnsweep.launchers.fused.stack.optimizer.rules import rule_of
from rnnsweep.launchers.fused.stack.optimizer.skipped import window_of
from rnnsweep.launchers.fused.stack.optimizer.stackable import StackableOptimizer
from rnnsweep.launchers.fused.stack.optimizer.weights import trained
from rnnsweep.launchers.fused.stack.stack import ChunkResult, MemberSteps, Stack, StackPlan
from rnnsweep.networks import Network
from rnnsweep.optim.optimizer import WORTH_IT, Optimizer, rows_because


@dataclass(frozen=True)
class Work:
    """What a training hands in: itself, and a chunk of its steps."""

    owner: object
    network: Network
    optimizer: StackableOptimizer
    part: EncodedPart
    texts: int  # B
    steps: int  # of a chunk, at most
    member_steps: MemberSteps
    done: int  # steps before these
    seed: int  # of its dropout


class Stacks:
    """The stacks of one process, one for each kind of training.

    Args:
        everywhere: on the CPU too, where nothing is gained: for tests.
        worth_it: numbers of an embedding from which on its rows are lazy.
    """

    def __init__(self, *, everywhere: bool = False, worth_it: int = WORTH_IT) -> None:
        self._everywhere, self._worth_it = everywhere, worth_it
        self._groups: dict[tuple[object, ...], _Group] = {}

    def takes(self, network: Network, optimizer: Optimizer) -> bool:
        """Return whether a training may hand whole chunks in; else it takes its steps one by one."""
        device = network.embedding.weight.device
        plain = network.config.input == "embedding" and optimizer.lazy is None
        return plain and (self._everywhere or device.type == "cuda")

    def kind(self, work: Work) -> tuple[object, ...]:
        """Name what trainings of one stack must share, beside the settings of their networks' shape."""
        config, table = work.optimizer.config, work.network.embedding.weight
        shapes = tuple((name, *weight.shape) for name, weight in trained(work.network).items())
        learns = (table.requires_grad, self._lazy(work), rule_of(config))
        return ("stack", tuple(table.shape), shapes, learns, work.texts, work.part.fingerprint)

    def learn(self, kind: tuple[object, ...], works: list[Work]) -> list[ChunkResult]:
        """Compute a chunk of each training, all as one batch."""
        group = self._groups.setdefault(kind, _Group(self._lazy(works[0])))
        group.admit(works)
        results = group.stack.learn({group.members[work.owner]: work.member_steps for work in works})
        return [results[group.members[work.owner]] for work in works]

    def leave(self, owner: object) -> None:
        """Remove a training; its weights become its own again."""
        for group in self._groups.values():
            if owner in group.members:
                group.dismiss(owner)
        self._groups = {kind: group for kind, group in self._groups.items() if group.members}

    @property
    def empty(self) -> bool:
        """Whether no training is in a stack."""
        return not self._groups

    def stack_of(self, owner: object) -> Stack:
        """Return the stack of a training."""
        return next(group.stack for group in self._groups.values() if owner in group.members)

    def _lazy(self, work: Work) -> bool:
        large = work.network.embedding.weight.numel() >= self._worth_it
        return large and rows_because(work.optimizer.config) is None


class _Group:
    """One stack and its trainings."""

    def __init__(self, lazy: bool) -> None:
        self._lazy = lazy
        self.members: dict[object, int] = {}
        self._works: dict[object, Work] = {}  # as first handed in
        self._stack: Stack | None = None

    @property
    def stack(self) -> Stack:
        """The stack, once a training was admitted."""
        assert self._stack is not None
        return self._stack

    def admit(self, works: list[Work]) -> None:
        """Add the new trainings; a stack that is too small for them, or of another plan, is built anew."""
        new = {work.owner: work for work in works if work.owner not in self.members}
        if not new:
            return
        all_works = {**self._works, **new}
        plan = self._plan(list(all_works.values()))
        if self._stack is None or plan != self._stack.plan:
            new = {owner: self.dismiss(owner) for owner in list(self.members)} | new
            self._stack = Stack(works[0].network, works[0].part, _fitted(plan, works[0].network))
        free = sorted(set(range(plan.members)) - set(self.members.values()))
        for work, member in zip(new.values(), free, strict=False):
            self._add(work, member)

    def dismiss(self, owner: object) -> Work:
        """Remove a training; return its work with the steps done so far."""
        member, work = self.members.pop(owner), self._works.pop(owner)
        _MemberWeights(self.stack, work, member).end()
        return replace(work, done=self.stack.done(member))

    def _plan(self, works: list[Work]) -> StackPlan:
        """Return the plan of a stack that holds these; it never shrinks, so that a later training fits."""
        first, had = works[0], None if self._stack is None else self._stack.plan
        rule = rule_of(first.optimizer.config)
        windows = [window_of(_ratios(work)) for work in works] if self._lazy else [1]
        dropouts = {name for work in works for name in RATES if getattr(work.network.config, name)}
        plan = StackPlan(
            members=len(works),
            texts=first.texts,
            steps=max(work.steps for work in works),
            rule=rule,
            lazy=self._lazy,
            window=max(windows),
            dropouts=frozenset(dropouts),
        )
        return plan if had is None else _covering(plan, had)

    def _add(self, work: Work, member: int) -> None:
        self.members[work.owner], self._works[work.owner] = member, work
        _MemberWeights(self.stack, work, member).begin()


def _fitted(plan: StackPlan, network: Network) -> StackPlan:
    """Choose the backend of a new stack for its shape and device."""
    table = network.embedding.weight
    run = cell_for(network.config, table.device, table.dtype, members=plan.members, texts=plan.texts)
    return replace(plan, run=run, draw=draw_for(table.device))


def _covering(plan: StackPlan, had: StackPlan) -> StackPlan:
    """Return the plan that holds what both hold; one that must grow grows by half at least."""
    members = had.members if plan.members <= had.members else max(plan.members, had.members * 3 // 2)
    return replace(
        plan,
        members=members,
        steps=max(plan.steps, had.steps),
        window=max(plan.window, had.window),
        dropouts=plan.dropouts | had.dropouts,
    )


def _ratios(work: Work) -> list[float]:
    config = work.optimizer.config
    settings = {"beta1": config.momentum if config.name == "sgd" else config.beta1, "beta2": config.beta2}
    return rule_of(config).ratios(settings)


class _MemberWeights:
    """A training's weights and optimiser state while they lie in a stack."""

    def __init__(self, stack: Stack, work: Work, member: int) -> None:
        self._stack, self._work, self._member = stack, work, member

    def begin(self) -> None:
        """Copy everything into the stack, and point the training there."""
        stack, work, member = self._stack, self._work, self._member
        for name, values in self._slices().items():
            self._move_in(name, values)
        stack.members.start(
            member,
            model=work.network.config,
            optimizer=work.optimizer.config,
            steps=work.done,
            seed=work.seed,
        )
        stack.begin(member, steps=work.done, ratios=_ratios(work))
        work.optimizer.stacked = self

    def end(self) -> None:
        """Copy the weights back to the training."""
        self.catch_up()
        for weight in self._weights().values():
            weight.data = weight.detach().clone()
            state = self._state.get(weight, {})
            for name in self._stack.plan.rule.states:
                if state.get(name) is not None:
                    state[name] = state[name].clone()
        self._work.optimizer.unstack()

    def catch_up(self) -> None:
        """Bring the embedding up to date, and set how many steps the optimiser did."""
        self._stack.level(self._member)
        steps = self._stack.done(self._member)
        for weight in self._weights().values():
            if weight.requires_grad and "step" in self._state[weight]:
                self._state[weight]["step"].fill_(steps)

    @property
    def _state(self) -> Any:
        return self._work.optimizer.dense.state

    def _weights(self) -> dict[str, Tensor]:
        network = self._work.network
        return {**trained(network), "embedding.weight": network.embedding.weight}

    def _slices(self) -> dict[str, list[Tensor]]:
        """Return each weight's place in the stack, and those of its states."""
        own = self._stack.weights.of(self._member)
        dense = {name: [values[name] for values in own] for name in own[0]}
        return {**dense, "embedding.weight": self._stack.table.of(self._member)}

    def _move_in(self, name: str, places: list[Tensor]) -> None:
        weight = self._weights()[name]
        places[0].copy_(weight.detach())
        weight.data = places[0]
        states = self._stack.plan.rule.states
        state = self._state[weight] if weight.requires_grad else {}
        for key, place in zip(states, places[1:], strict=False):
            saved = state.get(key)
            place.zero_() if saved is None else place.copy_(saved)
            state[key] = place
        if "exp_avg" in state and "step" not in state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)  # as fused Adam has it
