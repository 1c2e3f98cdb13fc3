"""Researchers who act on what a comparison says: how often are they told of what is not there?

Each starts a sweep of architectures that are all equally good, compares, and goes on while nothing is
claimed: adds replicates, searches on, adds architectures. A claim at any comparison counts, and so does a
claim for which the race stops an architecture.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.statistics import CLAIMS, LEVEL, draw, percent, standing, table
from rnnsweep.comparison import ReplicatePlan, next_total, race
from rnnsweep.comparison.verdicts.decisions import Decision, decide
from rnnsweep.sweepfile.model import BASELINE

NUMBER = 1000
MOST = 40  # replicates that anybody trains
ROUNDS = 8  # comparisons after the first, at most


@dataclass
class Research:
    """A sweep without a difference, and the looks at it so far."""

    rng: np.random.Generator
    sizes: tuple[int, ...]
    networks: list[str]
    kind: str = "normal"
    baseline: float | None = None  # how much it varies, in spreads of the networks; None: there is none
    margin: float = 0.0
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    version: dict[str, int] = field(default_factory=dict)  # of each architecture's best configuration
    looks: list[dict[str, int]] = field(default_factory=list)
    then: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in self.names:
            self.train(name)

    @property
    def names(self) -> list[str]:
        """The architectures, and the baseline."""
        return [*self.networks, *([] if self.baseline is None else [BASELINE])]

    def train(self, name: str) -> None:
        """Give an architecture a configuration, and a score for each replicate that it may get."""
        own = draw(self.rng, self.kind, (MOST,))
        if name == BASELINE:
            own = LEVEL + (self.baseline or 0.0) * (draw(self.rng, "normal", (MOST,)) - LEVEL)
        self.scores[name] = own
        self.wanted.pop(name, None)
        self.version[name] = self.version.get(name, -1) + 1

    @property
    def plan(self) -> ReplicatePlan:
        """What `compare` makes of the looks that were noted."""
        return ReplicatePlan(self.sizes, tuple(self.looks), configurations=tuple(self.then))

    def standings(self, wanted: dict[str, int]) -> list:
        """Each architecture with so many replicates, best first."""
        made = [
            replace(
                standing(name, self.scores[name][:n], baseline=name == BASELINE),
                overrides=(f"version={self.version[name]}",),
            )
            for name, n in wanted.items()
        ]
        return sorted(made, key=lambda one: -(one.test.mean or 0.0))

    def run(self) -> bool:
        """Train the plan's replicates, with the race; return whether a stop claims a difference."""
        every = dict.fromkeys(self.names, self.sizes[-1])
        found = race(self.standings(every), plan=self.plan, margin=self.margin)
        self.wanted = {name: max(n, self.wanted.get(name, 0)) for name, n in found.wanted.items()}
        return any(stop.why.startswith(CLAIMS) for stop in found.stopped)

    def compare(self) -> tuple[bool, int | None]:
        """Compare, note the look, and return whether a difference is claimed, and the advice."""
        standings = self.standings(self.wanted)
        now = {one.architecture: one.configuration for one in standings}
        decisions = decide(standings, margin=self.margin, plan=replace(self.plan, now=now))
        self.looks.append(dict(self.wanted))
        self.then.append(now)
        return claims(decisions), next_total(standings, decisions)

    def extend(self, most: int) -> None:
        """Train replicates up to a number of each."""
        self.wanted = {name: max(n, min(most, MOST)) for name, n in self.wanted.items()}


def claims(decisions: tuple[Decision, ...]) -> bool:
    """Return whether any difference is claimed."""
    return any(one.verdict.startswith(CLAIMS) for one in decisions)


Actions = Callable[[Research, int | None, int], bool]  # goes on with a sweep; False: nothing is left to do


def follow(research: Research, advice: int | None, turn: int) -> bool:
    """Do what the printed command says until there is none."""
    if advice is not None:
        research.extend(advice)
    return advice is not None


def insist(research: Research, advice: int | None, turn: int) -> bool:
    """Add three replicates again and again, whatever the advice."""
    research.extend(max(research.wanted.values()) + 3)
    return max(research.wanted.values()) < MOST


def widen(research: Research, advice: int | None, turn: int) -> bool:
    """Search on: one architecture after the other gets another best configuration."""
    research.train(research.networks[turn % len(research.networks)])
    research.run()
    return True


def widen_all(research: Research, advice: int | None, turn: int) -> bool:
    """Search on until each architecture has another best configuration."""
    for name in research.networks:
        research.train(name)
    research.run()
    return True


def add(research: Research, advice: int | None, turn: int) -> bool:
    """Add another architecture."""
    research.networks.append(f"more{turn}")
    research.train(research.networks[-1])
    research.run()
    return turn < 4


def mix(research: Research, advice: int | None, turn: int) -> bool:
    """Do any of these."""
    return (follow, insist, widen, widen_all, add)[int(research.rng.integers(5))](
        research, advice, turn
    ) or turn < 4


ACTIONS: dict[str, Actions] = {
    "follows the advice": follow,
    "adds 3 again and again": insist,
    "widens one space after the other": widen,
    "widens all spaces": widen_all,
    "adds architectures": add,
    "does any of these": mix,
}


def is_told(research: Research, go_on: Actions) -> bool:
    """Return whether a difference is claimed at any time."""
    claimed = research.run()
    for turn in range(ROUNDS):
        told, advice = research.compare()
        if claimed or told:
            return True
        if not go_on(research, advice, turn):
            return research.compare()[0]
    return False


def share_told(
    go_on: Actions,
    sizes: tuple[int, ...],
    architectures: int,
    number: int,
    *,
    kind: str = "normal",
    baseline: float | None = None,
    margin: float = 0.0,
) -> float:
    """Share of researchers to whom a difference is claimed at any time; all architectures are equal."""
    rng = np.random.default_rng([*sizes, architectures, len(kind), int(100 * (baseline or 9))])
    names = [f"a{i}" for i in range(architectures)]
    told = 0
    for _ in range(number):
        research = Research(rng, sizes, list(names), kind, baseline, margin)
        told += is_told(research, go_on)
    return told / number


def researchers_table(number: int = NUMBER) -> str:
    """How often each kind of researcher is told of a difference, by plan and number of architectures."""
    plans = ((6,), (9,), (10,), (6, 15), (6, 13, 30))
    rows = []
    for words, go_on in ACTIONS.items():
        for architectures in (2, 4):
            shares = (share_told(go_on, sizes, architectures, number) for sizes in plans)
            rows.append((words, architectures, *(percent(share) for share in shares)))
    heads = ("a researcher who", "architectures", *(", ".join(map(str, sizes)) for sizes in plans))
    return table(heads, rows)
