"""How often verdicts are right: simulated comparisons whose truth is known, through the code that decides.

`python -m benchmarks statistics` renews the tables of docs/statistics.md; `renew` takes some of them, and
smaller numbers, as tests do. Scores lie around one level with a spread of half a point: normal, skewed (a
long tail downwards, skewness -1) or on a coarse grid.

Shapes: R replicates, N test rows.
"""

import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnsweep.comparison import Replicate, ReplicatePlan, Standing, TestScore, next_total, race
from rnnsweep.comparison.statistics.intervals import difference_interval, mean_interval
from rnnsweep.comparison.statistics.permutation import sign_flip_p
from rnnsweep.comparison.statistics.power import minimum_detectable_difference
from rnnsweep.comparison.verdicts.decisions import decide
from rnnsweep.tasks.row_values import macro_f1_rows

PAGE = Path(__file__).resolve().parents[1] / "docs" / "statistics.md"
LEVEL, SPREAD, MARGIN = 0.7, 0.005, 0.002
KINDS = ("normal", "skewed", "discrete")
DESIGN = (6, 13, 30)  # looks of the default: first 6, most 30
CLAIMS = ("better", "worse")
NUMBER = 2000


def draw(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Scores with mean LEVEL and standard deviation SPREAD."""
    if kind == "normal":
        unit = rng.normal(size=shape)
    elif kind == "skewed":
        unit = (4 - rng.gamma(4, size=shape)) / 2  # skewness -1
    else:
        unit = np.round(rng.normal(size=shape) * 1.5) / 1.5 / 1.0183  # the grid adds 1/12 to the variance
    return LEVEL + SPREAD * unit


def limit(number: int, share: float = 0.05) -> float:
    """A share and three standard errors of so many simulations."""
    return share + 3 * (share * (1 - share) / number) ** 0.5


def standing(name: str, scores: Sequence[float] | np.ndarray, *, baseline: bool = False) -> Standing:
    """An architecture with replicates of seeds 0, 1, ... and nothing else."""
    replicates = tuple(Replicate(str(seed), float(score)) for seed, score in enumerate(scores))
    test = TestScore(float(np.mean(scores)), None, None, len(replicates))
    return Standing(name, {}, None, test, replicates, None, None, None, baseline=baseline)


def named(scores_AR: np.ndarray) -> list[Standing]:
    """Architectures a0, a1, ..., best mean first, as standings are."""
    made = [standing(f"a{i}", row_R) for i, row_R in enumerate(scores_AR)]
    return sorted(made, key=lambda one: -(one.test.mean or 0.0))


def false_claims(kind: str, replicates: int, architectures: int, number: int) -> float:
    """Share of comparisons without any difference in which some pair is called better or worse."""
    rng = np.random.default_rng([replicates, architectures, KINDS.index(kind)])
    wrong = 0
    for _ in range(number):
        made = decide(named(draw(rng, kind, (architectures, replicates))), margin=0.0)
        wrong += any(one.verdict in CLAIMS for one in made)
    return wrong / number


def false_claims_against(
    factor: float, replicates: int, number: int, *, single: bool = False, kind: str = "normal"
) -> float:
    """The same against a baseline whose scores vary `factor` times as much as those of the one network.

    With `single` the baseline is one fit on one split, as before it had replicates.
    """
    rng = np.random.default_rng([replicates, int(100 * factor), single, KINDS.index(kind)])
    wrong = 0
    for _ in range(number):
        network_R = draw(rng, kind, (replicates,))
        linear_R = LEVEL + factor * (draw(rng, kind, (1 if single else replicates,)) - LEVEL)
        compared = [standing("a", network_R), standing("linear", linear_R, baseline=True)]
        wrong += any(one.verdict in CLAIMS for one in decide(compared, margin=0.0))
    return wrong / number


@dataclass(frozen=True)
class Followed:
    """What following the advice to its end came to."""

    claimed: float  # share in which some pair was called better or worse at the end
    replicates: float  # mean of all architectures
    rounds: float  # mean number of commands that were followed


def follow_advice(
    architectures: int, sizes: Sequence[int], number: int, *, effect: float = 0.0, margin: float = MARGIN
) -> Followed:
    """Run a plan, with its race where it has several looks, then the advice until none is left.

    Args:
        architectures: of equal scores but for the first, which is `effect` spreads better.
        sizes: planned numbers of replicates.
        number: of simulations.
        effect: in standard deviations of paired differences.
        margin: differences below it count as nothing.
    """
    rng = np.random.default_rng([architectures, *sizes, int(1000 * effect)])
    claimed = replicates = rounds = 0.0
    for _ in range(number):
        scores_AR = draw(rng, "normal", (architectures, 64))
        scores_AR[0] += effect * 2**0.5 * SPREAD
        made, own, said = _followed(scores_AR, tuple(sizes), margin)
        claimed += any(one.verdict in CLAIMS for one in made)
        replicates += float(np.mean(own))
        rounds += said
    return Followed(claimed / number, replicates / number, rounds / number)


def _followed(scores_AR, sizes, margin):
    """Decisions at the end, replicates of each, and commands that were followed."""
    wanted = dict.fromkeys([f"a{i}" for i in range(len(scores_AR))], sizes[-1])
    if len(sizes) > 1:
        wanted = dict(race(named(scores_AR[:, : sizes[-1]]), plan=ReplicatePlan(sizes), margin=margin).wanted)
    looks: list[dict[str, int]] = []
    while True:
        made = [standing(name, scores_AR[int(name[1:])][:n]) for name, n in wanted.items()]
        standings = sorted(made, key=lambda one: -(one.test.mean or 0.0))
        decisions = decide(standings, margin=margin, plan=ReplicatePlan(sizes, tuple(looks)))
        total = next_total(standings, decisions)
        if total is None:
            return decisions, list(wanted.values()), len(looks)
        looks.append(dict(wanted))
        wanted = {name: max(n, total) for name, n in wanted.items()}


@dataclass(frozen=True)
class OnNewRows:
    """What is said of two networks that are equally good on the population."""

    here: float  # share of *better* or *worse* on the test part that there was, by the replicates alone
    claimed: float  # share of *better* or *worse* that the verdict says
    covered: float  # share of intervals on new rows that hold the true difference, 0


def on_new_rows(rows: int, number: int, *, replicates: int = 10, distinct: float = 0.7) -> OnNewRows:
    """Compare two networks on a test part that is drawn anew each time.

    A row is right with the chance of a logit: the row's own difficulty, what one network makes of the row
    (`distinct`; of the same distribution for both, so that only this test part tells them apart), and an
    effect of the replicate. Each replicate draws each row.
    """
    rng = np.random.default_rng([rows, replicates, int(100 * distinct)])

    def draw_part() -> list[np.ndarray]:
        row_N = 0.9 + 1.5 * rng.standard_normal(rows)
        right = []
        for _ in range(2):
            own_N = row_N + distinct * rng.standard_normal(rows)
            logit_RN = own_N + 0.03 * rng.standard_normal((replicates, 1))
            right.append(rng.random((replicates, rows), dtype=np.float32) < 1 / (1 + np.exp(-logit_RN)))
        return right

    return _compared(draw_part, number)


def f1_on_new_rows(rows: int, shares: Sequence[float], number: int, *, replicates: int = 10) -> OnNewRows:
    """Do the same with macro F1, for classes of some shares of the rows.

    A row that is not right gets another class, which is the network's own choice for this row.
    """
    rng = np.random.default_rng([rows, replicates, len(shares)])

    def draw_part() -> list[np.ndarray]:
        target_N = rng.choice(len(shares), rows, p=shares)
        row_N = 1.5 + 0.8 * rng.standard_normal(rows)
        values = []
        for _ in range(2):
            own_N = row_N + 0.8 * rng.standard_normal(rows)
            wrong_N = (target_N + rng.integers(1, len(shares), rows)) % len(shares)
            logit_RN = own_N + 0.03 * rng.standard_normal((replicates, 1))
            right_RN = rng.random((replicates, rows)) < 1 / (1 + np.exp(-logit_RN))
            said_RN = np.where(right_RN, target_N, wrong_N)
            values.append(np.stack([macro_f1_rows(target_N, said_N) for said_N in said_RN]))
        return values

    return _compared(draw_part, number)


def _compared(draw_part: Callable[[], list[np.ndarray]], number: int) -> OnNewRows:
    """Decide on two equal networks so often; `draw_part` returns their values_RN on another test part."""
    here = claimed = covered = 0
    for _ in range(number):
        values = dict(zip("ab", draw_part(), strict=True))
        by_row = {name: {str(seed): row for seed, row in enumerate(own)} for name, own in values.items()}
        scored = [standing(name, own_RN.mean(axis=1)) for name, own_RN in values.items()]
        (one,) = decide(scored, margin=0.0, correct=by_row)
        here += one.verdict.startswith(CLAIMS)
        claimed += one.verdict in CLAIMS
        assert one.new_rows is not None
        covered += one.new_rows.low <= 0 <= one.new_rows.high
    return OnNewRows(here / number, claimed / number, covered / number)


@dataclass(frozen=True)
class Power:
    """The sequential design beside the fixed one of its maximum, for one true difference."""

    effect: float  # in standard deviations of paired differences
    fixed: float  # share that is called better by as many replicates as the design has at most
    sequential: float
    replicates: float  # mean of the sequential design


def compare_designs(effect: float, number: int, *, sizes: Sequence[int] = DESIGN) -> Power:
    """Simulate two architectures that differ by `effect`; the margin is 0."""
    rng = np.random.default_rng([*sizes, int(1000 * effect)])
    fixed = sequential = replicates = 0.0
    for _ in range(number):
        scores_AR = draw(rng, "normal", (2, sizes[-1]))
        scores_AR[0] += effect * 2**0.5 * SPREAD
        fixed += (
            sign_flip_p(scores_AR[0] - scores_AR[1]) <= 0.05 and scores_AR[0].mean() > scores_AR[1].mean()
        )
        wanted = race(named(scores_AR), plan=ReplicatePlan(tuple(sizes)), margin=0.0).wanted
        own = [standing(name, scores_AR[int(name[1:])][: wanted[name]]) for name in ("a0", "a1")]
        (one,) = decide(own, margin=0.0, plan=ReplicatePlan(tuple(sizes)))
        sequential += one.verdict == "better"
        replicates += wanted["a0"]
    return Power(effect, fixed / number, sequential / number, replicates / number)


def coverage(kind: str, replicates: int, number: int, *, paired: bool) -> float:
    """Share of 95 % intervals, of a paired difference or of a mean, that hold the truth."""
    rng = np.random.default_rng([replicates, KINDS.index(kind), paired])
    hit = 0
    for i in range(number):
        a, b = draw(rng, kind, (2, replicates))
        found = difference_interval(a, b) if paired else mean_interval(a, seed=i)
        hit += found.low <= (0 if paired else LEVEL) <= found.high  # type: ignore[operator]
    return hit / number


def separated(replicates: int, alpha: float, number: int) -> float:
    """Share of comparisons of the stated detectable difference that are told apart."""
    effect = minimum_detectable_difference(1.0, replicates, alpha=alpha)
    assert effect is not None
    rng = np.random.default_rng([replicates, 99])  # other draws than those that the power was computed from
    return float(np.mean([sign_flip_p(d) <= alpha for d in rng.normal(effect, 1, (number, replicates))]))


def percent(share: float, digits: int = 2) -> str:
    """Write a share in percent."""
    return f"{100 * share:.{digits}f} %"


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a Markdown table, numbers to the right."""
    rule = ["---:"] * len(heads)
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (heads, rule, *rows))


def null_table(number: int) -> str:
    """No difference in truth, one look."""
    rows = [
        (r, a, *(percent(false_claims(kind, r, a, number)) for kind in KINDS))
        for r in (6, 10, 20)
        for a in (2, 5)
    ]
    return table(("replicates", "architectures", *KINDS), rows)


def baseline_table(number: int) -> str:
    """No difference from the baseline in truth."""
    factors = (0.0, 0.25, 0.5, 1.0)
    rows = [
        (
            r if kind == "normal" else f"{r}, {kind}",
            *(percent(false_claims_against(f, r, number, kind=kind)) for f in factors),
        )
        for kind in ("normal", "skewed")
        for r in (6, 10, 20)
    ]
    rows.append(
        (
            "10, against one fit",
            *(percent(false_claims_against(f, 10, number, single=True)) for f in factors),
        )
    )
    return table(("replicates", *(f"baseline varies {f:g} times as much" for f in factors)), rows)


def advice_table(number: int) -> str:
    """No difference in truth, and the advice followed to its end."""
    rows = []
    for sizes in ((6,), (9,), (10,), DESIGN):
        for architectures in (2, 4):
            found = follow_advice(architectures, sizes, number)
            plan = f"{sizes[0]}" if len(sizes) == 1 else "6, 13, 30 with the race"
            rows.append(
                (
                    plan,
                    architectures,
                    percent(found.claimed),
                    f"{found.replicates:.1f}",
                    f"{found.rounds:.2f}",
                )
            )
    heads = ("plan", "architectures", "false claims", "mean replicates at the end", "mean commands followed")
    return table(heads, rows)


def new_rows_table(number: int) -> str:
    """No difference on the population, another test part each time."""
    rows = []
    for count in (500, 2000, 7600):
        found = on_new_rows(count, number)
        rows.append((f"{count:,}", percent(found.here), percent(found.claimed), percent(found.covered)))
    heads = (
        "test rows",
        "by the replicates alone",
        "*better* or *worse* as the verdict",
        "interval holds 0",
    )
    return table(heads, rows)


F1_PARTS = (
    (500, (0.9, 0.07, 0.03)),
    (500, (0.98, 0.01, 0.01)),
    (200, (0.98, 0.01, 0.01)),
    (500, (0.4, 0.3, 0.2, 0.1)),
    (2000, (0.8, 0.15, 0.05)),
)


def f1_table(number: int) -> str:
    """No difference of macro F1 on the population, another test part each time."""
    rows = []
    for count, shares in F1_PARTS:
        found = f1_on_new_rows(count, shares, number)
        classes = ", ".join(f"{100 * share:g} %" for share in shares)
        rows.append((f"{count:,}", classes, *map(percent, (found.here, found.claimed, found.covered))))
    heads = (
        "test rows",
        "classes",
        "by the replicates alone",
        "*better* or *worse* as the verdict",
        "interval holds 0",
    )
    return table(heads, rows)


def power_table(number: int) -> str:
    """The default design beside thirty replicates at once."""
    most = DESIGN[-1]
    at_85 = minimum_detectable_difference(1.0, most, power=0.85) or 0.0
    twice = 2 * (minimum_detectable_difference(1.0, most) or 0.0)
    rows = []
    for words, effect in (("found in 85 % by 30", at_85), ("twice the smallest detectable", twice)):
        found = compare_designs(effect, number)
        rows.append(
            (
                f"{words} ({effect:.2f} spreads)",
                percent(found.fixed, 1),
                percent(found.sequential, 1),
                f"{found.replicates:.1f} of {most}",
            )
        )
    return table(("true difference", "30 at once", "6, 13, 30", "mean replicates"), rows)


def coverage_table(number: int) -> str:
    """Intervals of scores."""
    rows = []
    for paired in (True, False):
        for r in (10, 20, 30):
            covered = (percent(coverage(kind, r, number, paired=paired)) for kind in KINDS)
            rows.append((r, "difference" if paired else "mean", *covered))
    return table(("replicates", "of", *KINDS), rows)


def separation_table(number: int) -> str:
    """What the stated numbers of replicates separate."""
    rows = [
        (r, *(percent(separated(r, alpha, number), 1) for alpha in (0.05, 0.005)))
        for r in (9, 10, 12, 13, 14, 16, 20)
    ]
    return table(("pairs", "one comparison", "ten comparisons"), rows)


TABLES: dict[str, Callable[[int], str]] = {
    "baseline": baseline_table,
    "new rows": new_rows_table,
    "macro F1": f1_table,
    "power": power_table,
    "separation": separation_table,
    "advice": advice_table,
    "null": null_table,
    "coverage": coverage_table,
}


def replaced(page: str, name: str, text: str) -> str:
    """Put a table in the place of the one between its two markers.

    Raises:
        ValueError: the page has no such markers.
    """
    pattern = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(\n<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{PAGE}: has no table {name!r}")
    return pattern.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page)


def renew(names: Sequence[str] = (), *, number: int = NUMBER) -> None:
    """Simulate and write the named tables of the page, or all."""
    for name in names or TABLES:
        began = time.perf_counter()
        text = TABLES[name](number)
        said = f"<!-- {name}: {number:,} simulations of each, {time.strftime('%Y-%m-%d')} -->\n"
        page = replaced(PAGE.read_text(), name, text)
        PAGE.write_text(re.sub(rf"<!-- {name}: [^\n]*-->\n", lambda _: said, page))  # noqa: B023
        print(f"{name}: {time.perf_counter() - began:.0f} s\n{text}\n", file=sys.stderr, flush=True)
