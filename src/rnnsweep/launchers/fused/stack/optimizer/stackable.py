"""An optimiser whose weights and state may lie in a stack."""

from typing import Any, Protocol

from rnnsweep.optim.optimizer import Optimizer


class StackedWeights(Protocol):
    """The weights and the optimiser's state in a stack."""

    def catch_up(self) -> None:
        """Bring weights and state up to date."""


class StackableOptimizer(Optimizer):
    """The optimiser of a training that shares a process; `stacked` is set while it is in a stack."""

    stacked: StackedWeights | None = None

    def catch_up(self) -> None:
        """Bring every row of the embedding up to date, wherever the weights lie."""
        super().catch_up()
        if self.stacked is not None:
            self.stacked.catch_up()

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be saved beside the weights as they are now."""
        if self.stacked is not None:
            self.stacked.catch_up()
        return super().state_dict()

    def unstack(self) -> None:
        """Update the weights itself again; they have other addresses than before."""
        self.stacked = None
        self.adopt()
