"""One trial that a study asks for, and what its ended trials used up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class SpentBudget:
    """What a study's ended trials used up."""

    seconds: float = 0.0
    epochs: float = 0.0

    def add(self, scores: Mapping[str, Any]) -> None:
        """Count one trial with its scores."""
        self.seconds += float(scores.get("seconds") or 0.0)
        self.epochs += float(scores.get("epochs") or 0.0)


@dataclass(frozen=True)
class Candidate:
    """One trial of the study, asked for and not told."""

    number: int
    overrides: tuple[str, ...]
    attempts: int  # processes that this trial has already lost
    begun: bool  # a process may have worked on it
    shrunk: bool = False  # it ran out of memory once, and continues in smaller pieces
    tags: Mapping[str, str] = field(default_factory=dict)  # of its run, beside the usual ones
