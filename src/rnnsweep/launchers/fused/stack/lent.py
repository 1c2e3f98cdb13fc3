"""An optimiser whose weights and state may lie in a stack for a while."""

from typing import Any, Protocol

from rnnsweep.optim.optimizer import Optimizer


class Loan(Protocol):
    """What moves the weights in the optimiser's place, and holds its state."""

    def catch_up(self) -> None:
        """Bring weights and state up to date."""


class LentOptimizer(Optimizer):
    """The optimiser of a training that shares a process; `loan` is set while a stack moves its weights."""

    loan: Loan | None = None

    def catch_up(self) -> None:
        """Bring every row of the embedding up to date, wherever the weights lie."""
        super().catch_up()
        if self.loan is not None:
            self.loan.catch_up()

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be saved beside the weights as they are now."""
        if self.loan is not None:
            self.loan.catch_up()
        return super().state_dict()

    def take_back(self) -> None:
        """Move the weights again; they lie elsewhere now than before the loan."""
        self.loan = None
        self.adopt()
