"""A barrier for the trainings of one process, where they take their steps together.

Each training runs in a thread of its own, and only one thread runs at a time: data, optimiser, validation,
checkpoints and records are computed as in a process of its own. At a step a training hands in its input and
waits. When all trainings wait, one of the threads computes the steps of each shape as one batch, and all go
on. On a GPU a training hands in a chunk of steps, which a stack computes. So a training may start, validate,
be pruned or end at any time.

PyTorch's random state changes with the thread that runs: each training draws what it would draw alone.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from rnnsweep.launchers.fused.stack.optimizer.stackable import StackableOptimizer
from rnnsweep.launchers.fused.stack.stack import ChunkResult, MemberSteps
from rnnsweep.launchers.fused.stack.stacks import Stacks, Work
from rnnsweep.launchers.fused.step import StepInput, StepResult, learn, make_step_input
from rnnsweep.networks import Network
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.training.loader import steps_of_a_chunk

Step: TypeAlias = Callable[[Sequence[StepInput]], list[StepResult]]


class Barrier:
    """The barrier of one process, and whose turn it is.

    Args:
        step: computes the steps of one shape; another one is for tests.
        stacks: compute whole chunks of steps, for the trainings that they accept.
        clock: seconds, from any start.
    """

    def __init__(
        self,
        *,
        step: Step = learn,
        stacks: Stacks | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._step, self._clock, self.stacks = step, clock, stacks or Stacks()
        self._mutex = threading.Lock()
        self._running: Member | None = None
        self._ready: deque[Member] = deque()  # to go on, in this order
        self._waiting: list[Member] = []  # for a step
        self.steps = 0  # shared steps so far
        self.inputs = 0  # members' steps in them

    def member(self, shape: str) -> "Member":
        """Return a member for a training; those of one `shape` and weights share their steps."""
        return Member(self, shape, self._clock)

    def enter(self, member: "Member") -> None:
        """Wait until this member may run."""
        with self._mutex:
            if self._running is None:
                self._running = member
                return
            self._ready.append(member)
        member.wait()

    def leave(self, member: "Member") -> None:
        """Let the next member run; this one does not come back."""
        self.stacks.leave(member)
        with self._mutex:
            self._running = self._next()
            if self._running is not None:
                self._running.wake()

    def take_part(self, member: "Member") -> None:
        """Wait until the member's step has been computed."""
        member.rest()  # before another thread wakes and draws random numbers
        with self._mutex:
            self._waiting.append(member)
            following = self._next()
            assert following is not None
            if following is not member:
                self._running = following
                following.wake()
        if following is not member:
            member.wait()
        member.resume()
        if member.step_input is not None:  # every other training waits too
            self._do_all(member)

    def _next(self) -> "Member | None":
        if self._ready:
            return self._ready.popleft()
        return self._waiting[0] if self._waiting else None

    def _do_all(self, member: "Member") -> None:
        """Compute all steps, shape by shape; then every member continues, this one first."""
        waiting, self._waiting = self._waiting, []
        for kind in dict.fromkeys(each.kind for each in waiting):
            began, members = self._clock(), [each for each in waiting if each.kind == kind]
            self._do(members)
            spent = self._clock() - began
            member.charge(-spent)
            for each in members:
                each.charge(spent / len(members))
        with self._mutex:
            self._ready.extend(each for each in waiting if each is not member)

    def _do(self, members: "list[Member]") -> None:
        try:
            results: list[Any] = self._results(members)
        except Exception as error:  # as too little memory: each training raises it
            results = [error] * len(members)
        for each, result in zip(members, results, strict=True):
            each.step_input, each.result = None, result

    def _results(self, members: "list[Member]") -> list[Any]:
        inputs = [each.step_input for each in members if isinstance(each.step_input, StepInput)]
        if inputs:
            self.steps, self.inputs = self.steps + 1, self.inputs + len(inputs)
            return list(self._step(inputs))
        works = [each.step_input for each in members if isinstance(each.step_input, Work)]
        steps = [len(work.member_steps.rows) for work in works]
        self.steps, self.inputs = self.steps + max(steps), self.inputs + sum(steps)
        return list(self.stacks.learn(members[0].kind, works))


class Member:
    """One training at a barrier; a context in which the training runs."""

    def __init__(self, barrier: Barrier, shape: str, clock: Callable[[], float]) -> None:
        self.kind: tuple[object, ...] = (shape,)
        self.step_input: StepInput | Work | None = None  # handed in and not computed yet
        self.result: StepResult | ChunkResult | Exception | None = None
        self._shape = shape
        self._barrier, self._clock = barrier, clock
        self._turn = threading.Semaphore(0)
        self._seconds, self._began = 0.0, clock()
        self._random: list[Tensor] = []

    def __enter__(self) -> "Member":
        """Wait until this member may run."""
        self._barrier.enter(self)
        self._began = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the other members run."""
        self._barrier.leave(self)

    def learn(
        self, network: nn.Module, hidden_TBE: Tensor, lengths_B: Tensor, targets_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute forward and backward passes with the other members, for the mean loss of a batch.

        Args:
            network: the member's own.
            hidden_TBE: embedded tokens after dropout, with a gradient to the embedding.
            lengths_B: tokens of each text.
            targets_B: class of each text.

        Returns:
            logits_BC and the summed loss, both without a gradient.
        """
        assert isinstance(network, Network)
        if len(self.kind) == 1:  # the same settings may give other shapes, as with fewer labels in a corpus
            self.kind = (*self.kind, *_shapes(network))
        result = self._hand_in(make_step_input(network, hidden_TBE, lengths_B, targets_B))
        assert isinstance(result, StepResult)
        return result.logits_BC, result.loss

    def takes(self, network: nn.Module, optimizer: Optimizer) -> bool:
        """Return whether the training may hand whole chunks of steps in."""
        return isinstance(network, Network) and self._barrier.stacks.takes(network, optimizer)

    def learn_chunk(
        self, network: nn.Module, optimizer: Optimizer, chunk: Any, rates: Callable[[int], float], done: int
    ) -> ChunkResult:
        """Compute all steps of a chunk with the other members.

        Args:
            network: the training's own.
            optimizer: its optimiser, a `StackableOptimizer`.
            chunk: of mini-batches.
            rates: returns the learning rate after so many steps.
            done: steps before these.

        Returns:
            The outputs of every step, with targets and losses.
        """
        assert isinstance(network, Network)
        assert isinstance(optimizer, StackableOptimizer)
        rows = chunk.rows()
        if not rows:  # a validation alone
            nothing = network.output.weight.detach()[:0]
            return ChunkResult(nothing, nothing[:, 0].long(), nothing[:, 0])
        work = Work(
            owner=self,
            network=network,
            optimizer=optimizer,
            part=chunk.part,
            texts=chunk.batch_size,
            steps=steps_of_a_chunk(chunk.batch_size),
            member_steps=MemberSteps(rows, [rates(done + number) for number in range(len(rows))]),
            done=done,
            seed=torch.initial_seed(),
        )
        self.kind = (*self._barrier.stacks.kind(work), self._shape)
        result = self._hand_in(work)
        assert isinstance(result, ChunkResult)
        return result

    def _hand_in(self, step_input: StepInput | Work) -> StepResult | ChunkResult:
        self.step_input = step_input
        self._barrier.take_part(self)
        result, self.result = self.result, None
        if isinstance(result, Exception):
            raise result
        assert result is not None
        return result

    def seconds(self) -> float:
        """Return the seconds of the own turns and the part of the shared steps; asked for in an own turn."""
        return self._seconds + self._clock() - self._began

    def charge(self, seconds: float) -> None:
        """Add seconds."""
        self._seconds += seconds

    def rest(self) -> None:
        """End a turn: keep the own random numbers, and count what it cost."""
        self.charge(self._clock() - self._began)
        self._random = _random_numbers()

    def resume(self) -> None:
        """Begin a turn with the own random numbers."""
        _set_random_numbers(self._random)
        self._began = self._clock()

    def wait(self) -> None:
        """Wait for the turn."""
        self._turn.acquire()

    def wake(self) -> None:
        """Let this member run."""
        self._turn.release()


def _shapes(network: Network) -> list[tuple[int, ...]]:
    table = network.embedding.weight
    return [tuple(weight.shape) for weight in network.parameters() if weight is not table]


def _random_numbers() -> list[Tensor]:
    on_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return [torch.get_rng_state(), *on_devices]


def _set_random_numbers(states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state_all(states[1:])
