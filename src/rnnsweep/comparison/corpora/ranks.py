"""Architectures over several corpora: what holds beyond one data set, and what too few data sets cannot show.

The blocks are corpora, never seeds: replicates say how it comes out on one corpus, and nothing of others.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnnsweep.comparison.corpora.blocks import CORPUS_DIGEST, Block, refuse_same_corpus
from rnnsweep.comparison.evidence.records import Comparison
from rnnsweep.comparison.statistics.permutation import fewest_pairs, holm
from rnnsweep.comparison.statistics.ranks import Friedman, friedman, nemenyi_difference
from rnnsweep.comparison.words import names_of
from rnnsweep.errors import UserError
from rnnsweep.safety.shell import run_command

ALPHA = 0.05


@dataclass(frozen=True)
class RankedPair:
    """Two architectures over all corpora: the difference of mean ranks, and the p of Wilcoxon's test."""

    a: str
    b: str
    rank_difference: float  # rank of a less that of b: below 0 where a is ahead
    p: float  # Wilcoxon's signed-rank test over the corpora, exact, after Holm's correction
    wins: int  # corpora where a scores more
    separated: bool


@dataclass(frozen=True)
class CorporaComparison:
    """Several sweeps of the same architectures; scores are mean test scores, one row a corpus."""

    sweeps: tuple[str, ...]
    architectures: tuple[str, ...]  # best mean rank first
    scores: NDArray[np.float64]
    ranks: tuple[float, ...]
    pairs: tuple[RankedPair, ...]
    answer: str
    left_out: tuple[str, ...] = ()  # architectures that not every sweep has
    friedman: Friedman | None = None
    critical_difference: float | None = None
    report: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the object of ``compare A B --json``: plain values, None where a number does not exist."""
        test = self.friedman
        return {
            "sweeps": list(self.sweeps),
            "answer": self.answer,
            "architectures": [
                {"architecture": name, "rank": rank, "scores": dict(zip(self.sweeps, row, strict=True))}
                for name, rank, row in zip(
                    self.architectures, self.ranks, self.scores.T.tolist(), strict=True
                )
            ],
            "pairs": [asdict(pair) for pair in self.pairs],
            "friedman": None
            if test is None
            else {
                "statistic": test.statistic,
                "p": test.p,
                "iman_davenport": test.iman_davenport if math.isfinite(test.iman_davenport) else None,
                "iman_davenport_p": test.iman_davenport_p if math.isfinite(test.iman_davenport) else None,
            },
            "critical_difference": self.critical_difference,
            "left_out": list(self.left_out),
            "report": str(self.report) if self.report else None,
        }


def compare_corpora(comparisons: Sequence[Comparison]) -> CorporaComparison:
    """Rank the architectures that all sweeps have over their corpora (Demsar 2006, JMLR 7:1).

    Friedman's test with the F of Iman and Davenport asks whether any differ; then each pair by Wilcoxon's
    signed-rank test over corpora, corrected after Holm; Nemenyi's critical difference is for the diagram.

    Raises:
        UserError: fewer than two sweeps, one given twice, several scores, a sweep without replicates, or
            fewer than two architectures that all have.
    """
    names = tuple(c.sweep for c in comparisons)
    refuse_same_corpus([_block(c) for c in comparisons])
    means = {
        c.sweep: {s.architecture: s.test.mean for s in c.standings if s.test.mean is not None}
        for c in comparisons
    }
    shared = _shared(means, machines={c.sweep: c.on for c in comparisons})
    table = np.array([[means[name][a] for a in shared] for name in names], dtype=np.float64)
    ranks = stats.rankdata(-table, axis=1).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    architectures, table, ranks = tuple(shared[i] for i in order), table[:, order], ranks[order]
    test = friedman(table) if len(architectures) > 2 else None
    pairs = rank_pairs(architectures, table)
    every = {a for scores in means.values() for a in scores}
    return CorporaComparison(
        sweeps=names,
        architectures=architectures,
        scores=table,
        ranks=tuple(map(float, ranks)),
        pairs=pairs,
        answer=_say(architectures, ranks, pairs, len(names), test),
        left_out=tuple(sorted(every - set(architectures))),
        friedman=test,
        critical_difference=nemenyi_difference(len(architectures), len(names)) if test else None,
    )


def _block(comparison: Comparison) -> Block:
    networks = tuple(s.architecture for s in comparison.standings if not s.baseline)
    digest, score = comparison.facts.get(CORPUS_DIGEST), comparison.score.title
    return Block(comparison.sweep, digest, networks, score=score)


def _shared(means: Mapping[str, Mapping[str, float | None]], machines: Mapping[str, str | None]) -> list[str]:
    for name, scores in means.items():
        if not scores:
            again = run_command("replicate", name, "--n", "10", on=machines[name])
            raise UserError(f"{name}: has no test score yet: {again}")
    first = next(iter(means.values()))
    shared = [a for a in first if all(a in scores for scores in means.values())]
    if len(shared) < 2:
        raise UserError(
            f"{', '.join(means)}: have {len(shared)} architectures in common; it takes two or more"
        )
    return shared


def rank_pairs(architectures: Sequence[str], scores: NDArray[np.float64]) -> tuple[RankedPair, ...]:
    """Judge each pair over the corpora by Wilcoxon's signed-rank test, corrected after Holm.

    Args:
        architectures: the columns' names.
        scores: of shape (corpora, architectures), higher is better.
    """
    ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
    columns = list(itertools.combinations(range(len(architectures)), 2))
    corrected = holm([wilcoxon_p(scores[:, i] - scores[:, j]) for i, j in columns])
    return tuple(
        RankedPair(
            architectures[i],
            architectures[j],
            float(ranks[i] - ranks[j]),
            p,
            int(np.sum(scores[:, i] > scores[:, j])),
            p <= ALPHA,
        )
        for (i, j), p in zip(columns, corrected, strict=True)
    )


def wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (1945), with ties and zeros by their exact permutations."""
    if not np.any(differences):
        return 1.0
    exact = stats.PermutationMethod(n_resamples=9999, rng=np.random.default_rng(0))
    return float(stats.wilcoxon(differences, zero_method="zsplit", method=exact).pvalue)


def groups(architectures: Sequence[str], ranks: Sequence[float], difference: float) -> list[tuple[str, ...]]:
    """Return the longest runs of neighbours with ranks within the critical difference: the diagram's bars."""
    bars = []
    last = 0
    for i in range(len(ranks)):
        end = max(j for j in range(len(ranks)) if ranks[j] - ranks[i] <= difference + 1e-12)
        if end > i and end > last:
            bars.append(tuple(architectures[i : end + 1]))
            last = end
    return bars


def say_iman_davenport(test: Friedman) -> str:
    """Return the p of Iman and Davenport's F, which is no number where all corpora rank alike."""
    if not math.isfinite(test.iman_davenport):
        return "Iman and Davenport: no p, as all corpora rank alike"
    return f"Iman and Davenport: p = {test.iman_davenport_p:.3f}"


def _say(
    architectures: Sequence[str],
    ranks: NDArray[np.float64],
    pairs: Sequence[RankedPair],
    corpora: int,
    test: Friedman | None,
) -> str:
    best = [name for name, rank in zip(architectures, ranks, strict=True) if math.isclose(rank, ranks[0])]
    has = "has" if len(best) == 1 else "share"
    first = f"Over {corpora} corpora {names_of(best)} {has} the best mean rank ({ranks[0]:.2f})."
    separated = [f"{p.a} ranks before {p.b}" for p in pairs if p.separated]
    if separated:
        return f"{first} Significant: {'; '.join(separated)}."
    least = fewest_pairs(comparisons=len(pairs))
    if corpora < least:
        return (
            f"{first} {corpora} corpora cannot show that any pair differs, whatever they score: "
            f"{len(pairs)} {'pair takes' if len(pairs) == 1 else 'pairs take'} {least} corpora; more "
            "replicates on these cannot replace them."
        )
    omnibus = "" if test is None else f" ({say_iman_davenport(test)})"
    return f"{first} No pair differs significantly{omnibus}."
