"""The learning rate of each step, as a plain function of the step: nothing to restore on resuming."""

import math


def factor(schedule: str, *, step: int, total: int) -> float:
    """Return what the learning rate is multiplied by at `step` (counted from 0) of `total`.

    The same values as torch.optim.lr_scheduler gives: `cosine` is CosineAnnealingLR down to 0;
    `one_cycle` is OneCycleLR with its defaults (Smith and Topin 2019), the learning rate being the
    highest and the momentum left alone. `none` and `plateau` (which acts at validations) give 1.
    """
    if schedule == "cosine":
        return (1 + math.cos(math.pi * min(step / total, 1.0))) / 2
    if schedule == "one_cycle":
        return _one_cycle(step, total)
    return 1.0


def _one_cycle(step: int, total: int, start: float = 1 / 25, end: float = 1 / 25e4) -> float:
    top = 0.3 * total - 1
    if step <= top:
        return _between(start, 1.0, step / top)
    return _between(1.0, end, min((step - top) / (total - 1 - top), 1.0))


def _between(first: float, second: float, share: float) -> float:
    return second + (first - second) / 2 * (1 + math.cos(math.pi * share))


class Plateau:
    """Halves the learning rate after two validations in a row without a lower loss."""

    def __init__(self) -> None:
        self.factor = 1.0
        self._best = math.inf
        self._waited = 0

    def update(self, loss: float) -> None:
        """Take one validation's loss into account."""
        if loss < self._best:
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited > 1:
            self.factor, self._waited = self.factor / 2, 0

    def state_dict(self) -> dict[str, float]:
        """Return the state, to be saved."""
        return {"factor": self.factor, "best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Take a saved state over."""
        self.factor, self._best = state["factor"], state["best"]
        self._waited = int(state["waited"])
