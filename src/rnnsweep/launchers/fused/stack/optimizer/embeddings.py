"""The members' embeddings as one table; its rows are updated lazily, all at each step, or not at all.

Lazy rows are exact (`rnnsweep.optim.lazy`): a row is brought up to date when a batch reads it. Here
without a search for distinct rows, whose number is not fixed: each position of a batch reads its
row, the first of those with one row gathers their gradients and writes it back, the others write to a spare.

Shapes: K members, V rows of a member, R = K * V + 1 rows and the spare one, E numbers a row, M positions of a
member's batch, N = K * M.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from rnnsweep.launchers.fused.stack.optimizer.rules import Numbers, Rule
from rnnsweep.launchers.fused.stack.optimizer.skipped import StackedSums

# The quadrature of the skipped steps never spans more than a factor of two while corrections change fast.
EARLY_LEVELS = frozenset(2**power for power in range(11))
_ROWS_AT_ONCE = 65536


class EmbeddingTable(ABC):
    """K embeddings in one; `weights_RE` and the states keep their addresses."""

    def __init__(self, like_VE: Tensor, *, members: int, states: int) -> None:
        self.members, (self.rows, width) = members, like_VE.shape
        shape = (members * self.rows + 1, width)
        self.weights_RE = torch.zeros(shape, dtype=like_VE.dtype, device=like_VE.device)
        self.states = [torch.zeros_like(self.weights_RE) for _ in range(states)]

    @property
    def values(self) -> list[Tensor]:
        """The weights and the states."""
        return [self.weights_RE, *self.states]

    def of(self, member: int) -> list[Tensor]:
        """Return a member's rows of the weights and of each state."""
        own = slice(member * self.rows, (member + 1) * self.rows)
        return [values_RE[own] for values_RE in self.values]

    def numbered(self, tokens_KM: Tensor) -> Tensor:
        """Return each token's row of the table."""
        members = torch.arange(self.members, device=tokens_KM.device)
        return tokens_KM + self.rows * members.unsqueeze(1)

    def read(self, rows_KM: Tensor, n: Numbers) -> Tensor:
        """Return the current vectors_KME, without a gradient."""
        return self.weights_RE.index_select(0, rows_KM.flatten()).view(*rows_KM.shape, -1)

    @abstractmethod
    def gather(self, rows_KM: Tensor, gradient_KME: Tensor) -> Tensor:
        """Add up the gradients of one row; return them as gradient_Kxx, for `move`."""

    @abstractmethod
    def move(self, gradient_Kxx: Tensor, *, rate_K: Tensor, active_K: Tensor, n: Numbers) -> None:
        """Take a step of the members that take part; `n["step"]` counts it already.

        Args:
            gradient_Kxx: as `gather` returns it.
            rate_K: learning rates.
            active_K: which members take part.
            n: numbers of the optimiser; ``n["step"]`` counts this step already.
        """

    def start(self, member: int, ratios: list[float]) -> None:  # noqa: B027 - most tables keep no sums
        """Begin a member, whose weights and states have been put in."""

    def counted(self, member: int, steps: int) -> None:  # noqa: B027
        """Count a member's step number `steps`."""

    def level(self, member: int) -> None:  # noqa: B027
        """Bring all rows of a member up to date."""


class FrozenTable(EmbeddingTable):
    """Frozen embeddings."""

    def gather(self, rows_KM: Tensor, gradient_KME: Tensor) -> Tensor:
        """Return an empty gradient."""
        return gradient_KME.new_zeros(self.members, 1, 1)

    def move(self, gradient_Kxx: Tensor, *, rate_K: Tensor, active_K: Tensor, n: Numbers) -> None:
        """Leave all as it is."""


class DenseTable(EmbeddingTable):
    """All rows move at every step."""

    def __init__(self, like_VE: Tensor, *, members: int, rule: Rule) -> None:
        super().__init__(like_VE, members=members, states=len(rule.states))
        self._rule = rule

    def gather(self, rows_KM: Tensor, gradient_KME: Tensor) -> Tensor:
        """Return gradient_KVE."""
        sums_RE = torch.zeros_like(self.weights_RE).index_add_(
            0, rows_KM.flatten(), gradient_KME.flatten(0, 1)
        )
        return sums_RE[:-1].view(self.members, self.rows, -1)

    def move(self, gradient_Kxx: Tensor, *, rate_K: Tensor, active_K: Tensor, n: Numbers) -> None:
        """Move every row."""
        values = [values_RE[:-1].view(gradient_Kxx.shape) for values_RE in self.values]
        step = self._rule.step(values, gradient_Kxx, rate_K=rate_K, n=n)
        for old, new in zip(values, step, strict=True):
            old.copy_(torch.where(active_K.view(-1, 1, 1), new, old))


class LazyTable(EmbeddingTable):
    """Rows are updated when a batch reads them, skipped steps included.

    Args:
        like_VE: one member's embedding.
        members: K.
        rule: the optimiser's arithmetic.
        sums: what skipped steps add up to.
        numbers: the members' numbers as they stand between two steps.
    """

    def __init__(
        self, like_VE: Tensor, *, members: int, rule: Rule, sums: StackedSums, numbers: Numbers
    ) -> None:
        super().__init__(like_VE, members=members, states=len(rule.states))
        self._rule, self._numbers, self.sums = rule, numbers, sums
        rows, device = len(self.weights_RE), like_VE.device
        self.last_R = torch.zeros(rows, dtype=torch.int64, device=device)
        self._first_R = torch.zeros(rows, dtype=torch.int64, device=device)  # position that owns a row
        self._read: tuple[Tensor, list[Tensor]] | None = None

    def read(self, rows_KM: Tensor, n: Numbers) -> Tensor:
        """Return vectors_KME with the skipped steps applied; the table itself is written by `move`."""
        flat_N, shape = rows_KM.flatten(), rows_KM.shape
        values = [values_RE.index_select(0, flat_N).view(*shape, -1) for values_RE in self.values]
        last_KM = self.last_R.index_select(0, flat_N).view(shape)
        current = self._rule.catch_up(values, *self.sums.since(last_KM), n)
        self._read = (rows_KM, current)
        return current[0]

    def gather(self, rows_KM: Tensor, gradient_KME: Tensor) -> Tensor:
        """Return gradient_KME with each row's sum at its first position, zeros at the others."""
        flat_N = rows_KM.flatten()
        numbers_N = torch.arange(len(flat_N), device=flat_N.device)
        self._first_R.scatter_reduce_(0, flat_N, numbers_N, "amin", include_self=False)
        first_N = self._first_R.index_select(0, flat_N)
        sums_NE = torch.zeros_like(gradient_KME).flatten(0, 1)
        sums_NE.index_add_(0, first_N, gradient_KME.flatten(0, 1))
        return sums_NE.view_as(gradient_KME)

    def move(self, gradient_Kxx: Tensor, *, rate_K: Tensor, active_K: Tensor, n: Numbers) -> None:
        """Move the rows read last, and count the step for all the others."""
        assert self._read is not None
        (rows_KM, values), self._read = self._read, None
        step = self._rule.step(values, gradient_Kxx, rate_K=rate_K, n=n)
        kept_K = (1 - rate_K * n["decoupled"]).to(self.weights_RE.dtype).double()  # as `Rule.step` rounds it
        self.sums.push(self._rule.gains(rate_K, n), kept_K, active_K)
        numbers_KM = torch.arange(rows_KM.numel(), device=rows_KM.device).view(rows_KM.shape)
        owns_KM = self._first_R.index_select(0, rows_KM.flatten()).view(rows_KM.shape) == numbers_KM
        writes_KM = owns_KM & active_K.unsqueeze(1)
        to_N = torch.where(writes_KM, rows_KM, len(self.weights_RE) - 1).flatten()
        for values_RE, new in zip(self.values, step, strict=True):
            values_RE.index_copy_(0, to_N, new.flatten(0, 1))
        self.last_R.index_copy_(0, to_N, self.sums.now_K.unsqueeze(1).expand_as(rows_KM).flatten())

    def start(self, member: int, ratios: list[float]) -> None:
        """Begin a member: its rows are up to date."""
        self.sums.start(member, ratios)
        self.last_R[member * self.rows : (member + 1) * self.rows].zero_()

    def counted(self, member: int, steps: int) -> None:
        """Bring the rows up to date at a member's early steps, so that the quadrature is exact."""
        if steps in EARLY_LEVELS:
            self._bring_up(member)

    def level(self, member: int) -> None:
        """Bring all rows of a member up to date, and forget the steps before."""
        self._bring_up(member)
        self.sums.clear(member)
        self.last_R[member * self.rows : (member + 1) * self.rows].zero_()

    @torch.no_grad()
    def _bring_up(self, member: int) -> None:
        """Do so a stretch of rows at a time, which bounds the memory on the way."""
        end, one = (member + 1) * self.rows, slice(member, member + 1)
        n = {name: numbers_K[one] for name, numbers_K in self._numbers.items()}
        for start in range(member * self.rows, end, _ROWS_AT_ONCE):
            part = slice(start, min(start + _ROWS_AT_ONCE, end))
            since = self.sums.of(one).since(self.last_R[part].unsqueeze(0))
            values = [values_RE[part].unsqueeze(0) for values_RE in self.values]
            for old, new in zip(values, self._rule.catch_up(values, *since, n), strict=True):
                old.copy_(new)
        self.last_R[member * self.rows : end] = self.sums.now_K[member]
