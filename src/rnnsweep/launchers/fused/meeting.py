"""Trainings of one process that take turns, and take their steps together.

Each training runs in a thread of its own, as it would in a process of its own, and only one thread runs at a
time: what a training does besides its steps (data, optimiser, validation, checkpoints, records) is its own.
At a step it hands its share in and waits; when every training waits, one does the shares of each shape at
once and all go on. On a GPU it hands a chunk of steps in, and a stack does those of all. So a training may
come, validate, be pruned or end at any time, unheard by the others.

PyTorch's random numbers change hands with the turn: each training draws what it would draw alone.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from rnnsweep.launchers.fused.stack.lent import LentOptimizer
from rnnsweep.launchers.fused.stack.seats import Stacks, Work
from rnnsweep.launchers.fused.stack.stack import Heard, Lesson
from rnnsweep.launchers.fused.step import Learned, Share, learn, take_share
from rnnsweep.networks import Network
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.training.loader import steps_of_a_chunk

Step: TypeAlias = Callable[[Sequence[Share]], list[Learned]]


class Meeting:
    """Where the trainings of one process meet.

    Args:
        step: does the shares of one shape; another one is for tests.
        stacks: do whole chunks of steps where they take a training.
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
        self._running: Seat | None = None
        self._ready: deque[Seat] = deque()  # to go on, in this order
        self._waiting: list[Seat] = []  # for a step
        self.steps = 0  # shared steps so far
        self.shares = 0  # members' steps in them

    def seat(self, shape: str) -> "Seat":
        """Make a seat for a training; those of one `shape` and equal weights take their steps together."""
        return Seat(self, shape, self._clock)

    def enter(self, seat: "Seat") -> None:
        """Wait for the first turn."""
        with self._mutex:
            if self._running is None:
                self._running = seat
                return
            self._ready.append(seat)
        seat.wait()

    def leave(self, seat: "Seat") -> None:
        """Give the turn up for good."""
        self.stacks.leave(seat)
        with self._mutex:
            self._running = self._next()
            if self._running is not None:
                self._running.wake()

    def take_part(self, seat: "Seat") -> None:
        """Wait until the seat's share has been done."""
        seat.rest()  # before another thread wakes and draws random numbers
        with self._mutex:
            self._waiting.append(seat)
            following = self._next()
            assert following is not None
            if following is not seat:
                self._running = following
                following.wake()
        if following is not seat:
            seat.wait()
        seat.resume()
        if seat.share is not None:  # every other training waits too
            self._do_all(seat)

    def _next(self) -> "Seat | None":
        if self._ready:
            return self._ready.popleft()
        return self._waiting[0] if self._waiting else None

    def _do_all(self, seat: "Seat") -> None:
        """Do all shares, shape by shape; then everybody continues, this seat first."""
        waiting, self._waiting = self._waiting, []
        for kind in dict.fromkeys(each.kind for each in waiting):
            began, members = self._clock(), [each for each in waiting if each.kind == kind]
            self._do(members)
            spent = self._clock() - began
            seat.charge(-spent)
            for each in members:
                each.charge(spent / len(members))
        with self._mutex:
            self._ready.extend(each for each in waiting if each is not seat)

    def _do(self, members: "list[Seat]") -> None:
        try:
            results: list[Any] = self._results(members)
        except Exception as error:  # as too little memory: each training hears it
            results = [error] * len(members)
        for each, result in zip(members, results, strict=True):
            each.share, each.result = None, result

    def _results(self, members: "list[Seat]") -> list[Any]:
        shares = [each.share for each in members if isinstance(each.share, Share)]
        if shares:
            self.steps, self.shares = self.steps + 1, self.shares + len(shares)
            return list(self._step(shares))
        works = [each.share for each in members if isinstance(each.share, Work)]
        steps = [len(work.lesson.rows) for work in works]
        self.steps, self.shares = self.steps + max(steps), self.shares + sum(steps)
        return list(self.stacks.learn(members[0].kind, works))


class Seat:
    """One training's place in a meeting; a context in which the training runs."""

    def __init__(self, meeting: Meeting, shape: str, clock: Callable[[], float]) -> None:
        self.kind: tuple[object, ...] = (shape,)
        self.share: Share | Work | None = None  # handed in and not done yet
        self.result: Learned | Heard | Exception | None = None
        self._shape = shape
        self._meeting, self._clock = meeting, clock
        self._turn = threading.Semaphore(0)
        self._seconds, self._began = 0.0, clock()
        self._random: list[Tensor] = []

    def __enter__(self) -> "Seat":
        """Wait for the first turn."""
        self._meeting.enter(self)
        self._began = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the others go on."""
        self._meeting.leave(self)

    def learn(
        self, network: nn.Module, hidden_TBE: Tensor, lengths_B: Tensor, targets_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Do forward and backward with the others: the gradient of the mean loss of a batch.

        Returns:
            logits_BC and the summed loss, both without a gradient.
        """
        assert isinstance(network, Network)
        if len(self.kind) == 1:  # the same settings may give other shapes, as with fewer labels in a corpus
            self.kind = (*self.kind, *_shapes(network))
        result = self._hand_in(take_share(network, hidden_TBE, lengths_B, targets_B))
        assert isinstance(result, Learned)
        return result.logits_BC, result.loss

    def takes(self, network: nn.Module, optimizer: Optimizer) -> bool:
        """Return whether the training may hand whole chunks of steps in."""
        return isinstance(network, Network) and self._meeting.stacks.takes(network, optimizer)

    def learn_chunk(
        self, network: nn.Module, optimizer: Optimizer, chunk: Any, rates: Callable[[int], float], done: int
    ) -> Heard:
        """Do all steps of a chunk with the others.

        Args:
            network: the training's own.
            optimizer: its optimiser, a `LentOptimizer`.
            chunk: of mini-batches.
            rates: returns the learning rate after so many steps.
            done: steps before these.
        """
        assert isinstance(network, Network)
        assert isinstance(optimizer, LentOptimizer)
        rows = chunk.rows()
        if not rows:  # a validation alone
            nothing = network.output.weight.detach()[:0]
            return Heard(nothing, nothing[:, 0].long(), nothing[:, 0])
        work = Work(
            owner=self,
            network=network,
            optimizer=optimizer,
            part=chunk.part,
            texts=chunk.batch_size,
            steps=steps_of_a_chunk(chunk.batch_size),
            lesson=Lesson(rows, [rates(done + number) for number in range(len(rows))]),
            done=done,
            seed=torch.initial_seed(),
        )
        self.kind = (*self._meeting.stacks.kind(work), self._shape)
        result = self._hand_in(work)
        assert isinstance(result, Heard)
        return result

    def _hand_in(self, share: Share | Work) -> Learned | Heard:
        self.share = share
        self._meeting.take_part(self)
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
        """Give this seat the turn."""
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
