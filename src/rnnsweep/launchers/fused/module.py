"""The LightningModule of a training that shares a process with others."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from rnnsweep.launchers.fused.barrier import Member
from rnnsweep.launchers.fused.stack.optimizer.stackable import StackableOptimizer
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.training.loader import Chunk
from rnnsweep.training.module import TrainingModule
from rnnsweep.training.reading import embedding_rate


class FusedTrainingModule(TrainingModule):
    """A `TrainingModule` whose steps are taken together with those of other trainings.

    Args:
        member: of the barrier of its process.
        settings: those of `TrainingModule`.
    """

    def __init__(self, *args: Any, member: Member, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._member = member

    def clock(self) -> float:
        """Return seconds: of its own work, and its part of the shared steps."""
        return self._member.seconds()

    def make_optimizer(self, embedding: nn.Embedding, others: Iterable[nn.Parameter]) -> Optimizer:
        """Make an optimiser whose weights a stack may move."""
        return StackableOptimizer(self.config, embedding, others)

    def learn_chunk(self, chunk: Chunk) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Let a stack do the steps of a chunk, the optimiser's part included, where one takes them."""
        if not self._member.takes(self.network, self.optimizer):
            return super().learn_chunk(chunk)
        before = self.position.step
        results = self._member.learn_chunk(self.network, self.optimizer, chunk, self.rate_at, before)
        steps = len(results.losses_S)
        self.position.step, self.position.batch = before + steps, self.position.batch + steps
        return [(results.logits_NC, results.targets_N, results.losses_S)] if steps else []

    def learn_piece(self, lengths_B: Tensor, targets_B: Tensor, texts: slice) -> tuple[Tensor, Tensor]:
        """Run forward and backward with the others; one piece is the whole batch."""
        hidden_TBE = self.optimizer.vectors(texts, rate=embedding_rate(self.network))
        return self._member.learn(self.network, hidden_TBE, lengths_B, targets_B)
