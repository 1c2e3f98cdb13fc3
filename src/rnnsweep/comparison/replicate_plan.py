"""The plan of a sweep's replicates, and the looks at them that were not planned: what each look may claim."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from rnnsweep.comparison.statistics.group_sequential import Look, plan_looks
from rnnsweep.comparison.statistics.permutation import fewest_pairs
from rnnsweep.sweepfile.model import BASELINE


@dataclass(frozen=True)
class _Noted:
    """One look at the family of a pair."""

    other: bool  # at another pair: one of the two had another configuration, or was not there yet
    pairs: int
    seeds: frozenset[str]  # of the pairs; none where they were not noted


@dataclass(frozen=True)
class ReplicatePlan:
    """How many replicates a sweep takes, and when they are looked at.

    `sizes` are the planned numbers, rising: one for a fixed design, none where no plan is known, so that
    what is there is the plan. `extensions` are the replicates of each architecture at each look whose
    verdicts were shown. A search that continues after a look may find another best configuration: its
    replicates are new, but they answer the same question once more and share the 5 %. `finished` is False
    while replicates of the plan are missing: then only planned looks that are complete may claim anything.
    """

    sizes: tuple[int, ...] = ()
    extensions: tuple[Mapping[str, int], ...] = ()
    finished: bool = True
    unknown: int = 0  # looks of an earlier version, which did not note their replicates
    configurations: tuple[Mapping[str, str], ...] = ()  # of each extension: what each architecture was then
    now: Mapping[str, str] = field(default_factory=dict)  # what each architecture is now
    seeds: tuple[Mapping[str, Sequence[str]], ...] = ()  # of each extension: the replicates that there were

    @property
    def most(self) -> int:
        """The largest planned number of replicates; 0 where no plan is known."""
        return self.sizes[-1] if self.sizes else 0

    def unplanned(self, seeds: Mapping[str, Sequence[str]]) -> int:
        """Count the looks that the plan does not have: all but the first, or all where that had more.

        Args:
            seeds: of each architecture's replicates now: a look of its own where none so far had them.
        """
        looks = [max(replicates.values(), default=0) for replicates in self.extensions]
        trained = {name: self.now[name] for name in seeds if name in self.now}
        if (
            self.finished
            and seeds
            and (seeds, trained) not in zip(self.seeds, self.configurations, strict=False)
        ):
            looks.append(max(map(len, seeds.values())))
        first = not self.unknown and looks and looks[0] <= (self.most or looks[0])
        return max(0, self.unknown + len(looks) - bool(first))

    def history(self, a: str, b: str, pairs: int) -> tuple[int, ...]:
        """Return the numbers of replicates at which a pair was looked at, rising, the present look last."""
        noted = {look.pairs for look in self._noted(a, b) if not look.other}
        earlier = {n for n in (*self.sizes, *noted) if 0 < n <= pairs}
        return tuple(sorted(earlier | ({pairs} if self.finished else set())))

    def former(self, a: str, b: str) -> tuple[int, ...]:
        """Return the numbers of replicates at which the family of a pair was looked at without this pair.

        One of the two had another configuration then, or was not there yet.
        """
        looked: list[int] = []
        for look in self._noted(a, b):
            if look.other:
                planned = [n for n in self.sizes if n < look.pairs and n not in looked]
                looked += [*planned, look.pairs]
        return tuple(looked)

    def in_order(self, a: str, b: str, seeds: Iterable[str]) -> list[str]:
        """Sort the seeds of a pair: those of the first look first, by number within a look.

        A replicate that failed and was tried again after a look is none of that look.
        """
        first: dict[str, int] = {}
        for place, look in enumerate(one for one in self._noted(a, b) if not one.other):
            first = dict.fromkeys(look.seeds, place) | first
        return sorted(seeds, key=lambda seed: (first.get(seed, len(self.extensions)), natural(seed)))

    def changed(self) -> tuple[str, ...]:
        """Name the architectures that had another best configuration at an earlier look."""
        then = {(name, one) for configurations in self.configurations for name, one in configurations.items()}
        return tuple(sorted({name for name, one in then if name in self.now and self.now[name] != one}))

    def added(self) -> tuple[str, ...]:
        """Name the architectures that were not there at an earlier look at which they share the 5 %."""
        others = [name for name in self.now if name != BASELINE]
        pairs = [(name, other) for name in others for other in self.now if other != name]
        return tuple(
            sorted({a for a, b in pairs for one in self.extensions if a not in one and _looked_at(one, a, b)})
        )

    def _noted(self, a: str, b: str) -> "Iterator[_Noted]":
        """Yield the looks at the family of a pair."""
        # a look without configurations: they were what they are now; without seeds: the first by number
        nothing: dict[str, Any] = {}
        for replicates, then, seeds in zip_longest(
            self.extensions, self.configurations, self.seeds, fillvalue=nothing
        ):
            pairs = _looked_at(replicates, a, b)
            changed = any(then[name] != self.now.get(name) for name in (a, b) if name in then)
            if {a, b} <= set(seeds):
                shared = frozenset(seeds[a]) & frozenset(seeds[b])
                yield _Noted(changed, len(shared), shared)
            elif pairs:
                yield _Noted(changed or not {a, b} <= set(replicates), pairs, frozenset())

    def looks(
        self,
        history: Sequence[int],
        comparisons: int,
        *,
        steps: bool = True,
        former: Sequence[int] = (),
    ) -> tuple[Look, ...]:
        """Return the looks of a history with their levels.

        Args:
            history: replicates of the pair at each look, rising.
            comparisons: of the family.
            steps: as for `plan_looks`.
            former: replicates at looks before those, at other configurations, which used what they could.
        A fixed design that lost a replicate for good is as good as complete.
        """
        if not history:
            return ()
        first = (*former, *history)[0]
        most = self.most or first
        if len(self.sizes) == 1 and self.finished:
            most = min(most, first)
        every = plan_looks((*former, *history), most=most, comparisons=comparisons, steps=steps)
        share = 1 / (self.unknown * (self.unknown + 1)) if self.unknown else 1.0
        return tuple(replace(look, level=share * look.level) for look in every[len(former) :])

    def next_level(self, history: Sequence[int], comparisons: int) -> float:
        """Level of the next look, with so many comparisons in the family."""
        now = history[-1] if history else 0
        return self.looks([*history, max(now + 1, self.most)], comparisons)[-1].level

    def fewest(self, history: Sequence[int], comparisons: int, *, limit: int) -> int | None:
        """Fewest replicates in all at which the next look can claim a difference; None above `limit`."""
        now = history[-1] if history else 0
        able = (n for n in range(now + 1, limit + 1) if self.looks([*history, n], comparisons)[-1].able)
        return next(able, None)


def natural(seed: str) -> tuple[tuple[int, str], ...]:
    """Order seeds by their numbers, as replicates are."""
    parts = re.findall(r"\d+|\D+", seed)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def _looked_at(replicates: Mapping[str, int], a: str, b: str) -> int:
    """Return at how many replicates a look tested a pair, or the family of one that was not there yet.

    Args:
        replicates: of each architecture at the look.
        a: an architecture.
        b: another one, or the baseline; `a` again: the one fit of a baseline.
    """
    if a in replicates and b in replicates:
        return min(replicates[a], replicates[b])
    networks = sorted((n for name, n in replicates.items() if name != BASELINE), reverse=True)
    if BASELINE in (a, b) or a == b:
        return networks[0] if networks and BASELINE in replicates else 0
    return networks[1] if len(networks) > 1 else 0


@dataclass(frozen=True)
class Reach:
    """What planned replicates can decide before any score is known.

    There are two families of comparisons, each corrected for its own number: the pairs of networks, and each
    network beside the baseline.
    """

    planned: int
    networks: int
    among: int | None  # fewest replicates of each that can separate two networks; None: there is one
    beside: int | None  # fewest that can separate a network from the baseline; None: there is none
    folds: int = 0  # of a cross-validation, whose corrected resampled t needs no number of pairs; 0: none

    @property
    def fewest(self) -> int:
        """Replicates of each that can show a difference in every comparison; 0 where nothing is compared."""
        return max(self.among or 0, self.beside or 0)

    @property
    def decides(self) -> bool:
        """Whether so many are planned."""
        return 0 < self.fewest <= self.planned

    @property
    def aim(self) -> str:
        """What takes more replicates than are planned, as "to compare the networks with the baseline"."""
        families = {"with each other": self.among, "with the baseline": self.beside}
        lacking = [words for words, fewest in families.items() if fewest and fewest > self.planned]
        return f"to compare the network{'s' * (self.networks > 1)} {' and '.join(lacking)}" if lacking else ""

    def __str__(self) -> str:
        """Return it as one line."""
        if not self.fewest:
            return "one network and no baseline: nothing is compared"
        shows = f"a clear difference {' and '.join(self._families())}"
        if self.folds and self.planned > 1:
            covered = min(self.planned, self.folds)
            more = "" if covered == self.folds else f"; {self.folds} replicates test on each"
            return (
                f"{self.planned} replicates test on {covered} of {self.folds} folds: enough to show {shows}"
                f" where the folds agree (corrected resampled t, {covered - 1} degrees of freedom){more}"
            )
        if self.decides:
            planned = "" if self.planned == self.fewest else f"; {self.planned} are planned"
            return f"{self.fewest} replicates are enough to show {shows}, on these test rows{planned}"
        if not self.planned:
            return f"without replicates nothing can be claimed; {self.fewest} or more can show {shows}"
        who = f"{self.planned} replicate{'s' * (self.planned != 1)}"
        able = [words for words, fewest in self._families().items() if fewest <= self.planned]
        unable = [words for words, fewest in self._families().items() if fewest > self.planned]
        if able:
            can = f"can show a clear difference {able[0]}; one {unable[0]}"
            return f"{who} {can} takes {self.fewest} or more, whatever the scores"
        cannot = f"cannot show a difference {', nor '.join(unable)}, whatever the scores"
        return f"{who} {cannot}; {self.fewest} or more can"

    def _families(self) -> dict[str, int]:
        """Return what is compared, in words, and the fewest replicates of each that can show it."""
        n = self.networks
        pairs = "the two networks" if n == 2 else f"any two of the {n} networks ({n * (n - 1) // 2} pairs)"
        who = "the network" if n == 1 else "either of them" if n == 2 else "any of them"
        linear = f"{who} from the baseline{f' ({n} pairs)' * (n > 1)}"
        known = {f"between {pairs}": self.among, f"of {linear}": self.beside}
        return {words: fewest for words, fewest in known.items() if fewest}


def reach_of(sizes: Sequence[int], networks: int, *, baseline: bool, folds: int | None = None) -> Reach:
    """Return whether planned numbers of replicates can separate networks, and each from the baseline.

    Args:
        sizes: of the planned looks, rising; one for a fixed design.
        networks: that are compared.
        baseline: whether each is compared with one, too.
        folds: of a cross-validation, where the replicates test on them in turn.
    """
    most = max(sizes, default=0)

    def fewest(comparisons: int) -> int | None:
        if not comparisons:
            return None
        if folds is not None:  # two folds have a variance; the statistic has no smallest p
            return 2
        able = (look.pairs for look in plan_looks(sizes, most=most, comparisons=comparisons) if look.able)
        return next(able, fewest_pairs(comparisons=comparisons))

    pairs = networks * (networks - 1) // 2
    return Reach(most, networks, fewest(pairs), fewest(networks if baseline else 0), folds or 0)
