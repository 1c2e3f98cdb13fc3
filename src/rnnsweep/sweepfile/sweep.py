"""What a file of sweeps/ asks, as the code reads it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnsweep.sweepfile.search_space.dimensions import Derived, Dimension


@dataclass(frozen=True)
class Method:
    """A sampler, a pruner or a launcher: its name and options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sweep:
    """A question and what may be spent on it. Budgets are for each architecture."""

    path: Path
    text: str
    question: str
    name: str
    architectures: tuple[str, ...]
    trials: int | None  # trials of one study; None where seconds or epochs end it
    seconds: float | None  # seconds in trials of one study
    epochs: float | None  # epochs of training of one study
    overrides: tuple[str, ...]
    space: tuple[Dimension, ...]
    per_architecture: dict[str, tuple[Dimension, ...]]  # further dimensions of some architectures
    replicates: int
    vary: str  # what replicates vary: split of train and validation, initialisation, order, all, or the seed
    sampler: Method
    pruner: Method
    seed: int
    slots: str | None
    retries: int  # further attempts of a trial whose process crashed or was lost
    time_limit: float | None  # seconds of one trial
    baseline: bool  # fit the linear baseline on the same split
    variants: dict[str, tuple[str, ...]] = field(default_factory=dict)  # overrides of each, where given
    derived: tuple[Derived, ...] = ()  # keys that are worked out from a number of parameters
    own_derived: dict[str, tuple[Derived, ...]] = field(default_factory=dict)  # of some architectures
    constraints: dict[str, float] = field(
        default_factory=dict
    )  # parameters, seconds, memory in bytes: at most
    objectives: tuple[str, ...] = ("validation",)  # validation is made large, the others small
    warm_start: tuple[str, ...] = ()  # earlier sweeps whose trials the samplers start from
    stop_after: int | None = None  # trials of a study in a row that bring nothing better before it ends
    target: float | None = None  # natural validation score at which a study ends
    more: dict[str, int] = field(default_factory=dict)  # replicates of architectures that need more of them
    launcher: Method | None = None  # where the trials run; None: on this machine
    idle: dict[str, frozenset[str]] = field(default_factory=dict)  # searched keys that change nothing in some
    design: tuple[int, ...] = ()  # numbers of replicates at which one looks, where there are several

    @property
    def digest(self) -> str:
        """The SHA-256 of the file's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def planned(self) -> tuple[int, ...]:
        """The planned numbers of replicates, rising: one for a fixed design."""
        return self.design or (self.replicates,)

    @property
    def comparisons(self) -> int:
        """Comparisons of the larger family: all pairs of architectures, or all with the baseline."""
        number = len(self.architectures)
        return max(1, number * (number - 1) // 2, number if self.baseline else 0)

    def chosen(self, architecture: str) -> list[str]:
        """Return the overrides that make an architecture: its file of conf/model, or a variant's own list.

        A variant's overrides stand after the common ones and win over them.
        """
        if architecture in self.variants:
            return [*self.overrides, *self.variants[architecture]]
        return [f"model={architecture}", *self.overrides]

    def wanted(self, architecture: str) -> int:
        """Return the replicates of one architecture: the common number, or its own where it needs more."""
        return max(self.replicates, self.more.get(architecture, 0))

    def dimensions(self, architecture: str) -> tuple[Dimension, ...]:
        """Return the search space of one architecture: the common one, and its own."""
        own = self.per_architecture.get(architecture, ())
        replaced = self._own_keys(architecture)
        gone = replaced | {d.searched for d in self.derived if d.key in replaced}
        idle = self.idle.get(architecture, frozenset())
        return tuple(d for d in (*(d for d in self.space if d.key not in gone), *own) if d.key not in idle)

    def derivations(self, architecture: str) -> tuple[Derived, ...]:
        """Return the keys of one architecture that are derived from a number of parameters."""
        replaced = self._own_keys(architecture)
        common = (d for d in self.derived if d.key not in replaced)
        return (*common, *self.own_derived.get(architecture, ()))

    def _own_keys(self, architecture: str) -> set[str]:
        own = (*self.per_architecture.get(architecture, ()), *self.own_derived.get(architecture, ()))
        return {one.key for one in own}
