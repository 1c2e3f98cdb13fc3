"""The LightningModule of a training that shares a process: it takes its steps at its seat."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from rnnsweep.launchers.fused.meeting import Seat
from rnnsweep.launchers.fused.stack.lent import LentOptimizer
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.training.module import Chunk, Classifier, embedding_rate


class FusedClassifier(Classifier):
    """A `Classifier` whose steps are taken together with those of other trainings.

    Args:
        seat: its place in the meeting of its process.
        settings: those of `Classifier`.
    """

    def __init__(self, *args: Any, seat: Seat, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._seat = seat

    def clock(self) -> float:
        """Return the seconds of the own turns and the part of the shared steps."""
        return self._seat.seconds()

    def make_optimizer(self, embedding: nn.Embedding, others: Iterable[nn.Parameter]) -> Optimizer:
        """Make an optimiser whose weights a stack may move."""
        return LentOptimizer(self.config, embedding, others)

    def learn_chunk(self, chunk: Chunk) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Let a stack do the steps of a chunk, the optimiser's part included, where one takes them."""
        if not self._seat.takes(self.network, self.optimizer):
            return super().learn_chunk(chunk)
        before = self.position.step
        heard = self._seat.learn_chunk(self.network, self.optimizer, chunk, self.rate_at, before)
        steps = len(heard.losses_S)
        self.position.step, self.position.batch = before + steps, self.position.batch + steps
        return [(heard.logits_NC, heard.targets_N, heard.losses_S)] if steps else []

    def learn_piece(self, lengths_B: Tensor, targets_B: Tensor, texts: slice) -> tuple[Tensor, Tensor]:
        """Do forward and backward with the others; one piece is the whole batch."""
        hidden_TBE = self.optimizer.vectors(texts, rate=embedding_rate(self.network))
        return self._seat.learn(self.network, hidden_TBE, lengths_B, targets_B)
