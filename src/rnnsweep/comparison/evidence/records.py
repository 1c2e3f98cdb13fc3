"""What a comparison says, as typed records; `Comparison.to_json()` is the contract of ``compare --json``."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.comparison.evidence.intervals_svg import interval_svg
from rnnsweep.comparison.evidence.reads_of_test_part import TestReads
from rnnsweep.comparison.predictions import TestPart
from rnnsweep.comparison.statistics.cross_validation import METHOD
from rnnsweep.comparison.statistics.improvement import McNemar
from rnnsweep.comparison.statistics.intervals import Interval
from rnnsweep.comparison.statistics.new_rows import NewRows, Remedies
from rnnsweep.comparison.statistics.pareto import Front
from rnnsweep.comparison.statistics.time_curves import Bought, say_spending
from rnnsweep.comparison.trials import INFEASIBLE, configuration_of
from rnnsweep.comparison.words import summary
from rnnsweep.json_text import plain
from rnnsweep.tasks import Score, score_named

if TYPE_CHECKING:
    import pandas as pd

    from rnnsweep.comparison.mistakes import Mistakes
    from rnnsweep.comparison.statistics.marginals import Marginal

HERE = " on these rows"  # after better or worse: holds on this test part, and is not shown for new rows
NOT_COMPARABLE = "not comparable"  # tested on different rows
_CLAIMS = ("better", "worse", f"better{HERE}", f"worse{HERE}")
VERDICTS = (*_CLAIMS, "equivalent", "not separable", "needs more", NOT_COMPARABLE)
OUTCOMES = ("complete", "pruned", "failed")
_VERDICT_FIELDS = ("a", "b", "difference", "low", "high", "p", "verdict", "replicates_needed", "sentence")
Triple = tuple[float | None, float | None, float | None]  # a number and the ends of its interval


def _natural(score: Score, value: float | None, low: float | None, high: float | None) -> Triple:
    """Return a turned number with its interval in natural values; None where there is none."""
    ends = (None, None) if low is None or high is None else score.turned_interval(low, high)
    return (None, None, None) if value is None else (score.turned(value), *ends)


@dataclass(frozen=True)
class Spent:
    """What trials with one outcome used up."""

    trials: int = 0
    epochs: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Replicate:
    """The test score of one seed."""

    seed: str
    test: float
    run_id: str = ""
    fold: int = 0  # which fold of a cross-validation was the test part; 0: there are no folds
    folds: int = 0
    validation: float | None = None  # its own, which no search chose
    split: str = ""  # settings that say which rows it was trained and validated on
    tested: str = ""  # digest of the rows that it was tested on; empty: not known


@dataclass(frozen=True)
class TestScore:
    """The mean of the replicates' test scores with a 95 % interval, and what else describes them."""

    __test__ = False  # no test case, whatever pytest thinks of the name
    mean: float | None
    low: float | None
    high: float | None
    replicates: int
    method: str = ""
    median: Interval | None = None
    interquartile_mean: Interval | None = None
    spread: float | None = None  # standard deviation


@dataclass(frozen=True)
class Standing:
    """One architecture: what its search spent and found, and how its best configuration does on test."""

    architecture: str
    spent: Mapping[str, Spent]
    validation: float | None
    test: TestScore
    replicates: tuple[Replicate, ...]
    parameters: int | None
    seconds: float | None
    samples_per_second: float | None
    overrides: tuple[str, ...] = ()
    run_id: str = ""
    baseline: bool = False
    derived: tuple[Mapping[str, Any], ...] = ()  # widths that follow a budget: key, value, budget ...
    score: Score = field(default_factory=score_named)  # what `validation` and `test` are, turned
    note: str = ""  # what is unusual about it, as a baseline that cannot be fitted

    @property
    def natural(self) -> Triple:
        """Mean test score and its interval in natural values of the score."""
        return _natural(self.score, self.test.mean, self.test.low, self.test.high)

    @property
    def configuration(self) -> str:
        """A digest of the settings that its replicates were trained with."""
        return hashlib.sha256("\n".join(configuration_of(self.overrides)).encode()).hexdigest()[:12]

    @property
    def trials(self) -> dict[str, int]:
        """Trials by outcome: complete, pruned, failed, and infeasible where there are any."""
        outcomes = (*OUTCOMES, INFEASIBLE) if INFEASIBLE in self.spent else OUTCOMES
        return {outcome: self.spent[outcome].trials if outcome in self.spent else 0 for outcome in outcomes}


@dataclass(frozen=True)
class Verdict:
    """What the replicates entitle one to say of `a` against `b`."""

    a: str
    b: str
    difference: float | None  # mean of a - b over pairs of replicates
    low: float | None
    high: float | None
    p: float | None  # sign-flip permutation test (over folds: corrected resampled t), after Holm's correction
    verdict: str
    # further replicates of each; 0 where the matter is settled, None: no telling
    replicates_needed: int | None
    sentence: str
    pairs: int = 0
    improvement: Interval | None = None  # P(A > B)
    detectable: float | None = None  # smallest true difference that these pairs separate in 80 % of cases
    baseline: bool = False  # b is the baseline
    mcnemar: McNemar | None = None
    score: Score = field(default_factory=score_named)  # what differs, turned
    spread: float | None = None  # standard deviation of the paired differences
    folds: int = 0  # of a cross-validation that the pairs were tested on; 0: one test part
    single: bool = False  # b is one fit, so a comparison with one number
    new_rows: NewRows | None = None  # for other test rows like these; p corrected as `p` is
    remedies: Remedies | None = None  # what would show on new rows a difference on these; None: not known
    able: bool = True  # so many replicates can show a difference at all
    smallest_p: bool = False  # no scores of so many replicates give a smaller p
    in_new_sweep: int | None = None  # replicates of each that settle it with the whole 5 %

    def __repr__(self) -> str:
        """The pair, the word and its sentence: what a Python prompt shows."""
        return f"<{self.a} : {self.b}, {self.verdict}> {self.sentence}"

    @property
    def natural(self) -> Triple:
        """Difference and interval in natural values of the score: a - b."""
        return _natural(self.score, self.difference, self.low, self.high)


@dataclass(frozen=True)
class Stop:
    """An architecture that got no further replicates at a planned look."""

    architecture: str
    replicates: int
    why: str


@dataclass(frozen=True)
class HealthRemark:
    """One plain sentence on the health of the search, and the command or setting that comes next."""

    sentence: str
    next: str = ""
    architecture: str | None = None


@dataclass(frozen=True)
class Comparison:
    """A sweep's answer. Standings and verdicts hold turned values of `score`: more is better."""

    sweep: str
    question: str
    answer: str
    standings: tuple[Standing, ...]
    verdicts: tuple[Verdict, ...]
    health: tuple[HealthRemark, ...]
    margin: float
    runs: "pd.DataFrame"
    curves: "pd.DataFrame | None" = None
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    importance_method: str = ""
    marginals: "tuple[Marginal, ...]" = ()
    bought: Bought = field(default_factory=Bought)  # what trials and seconds of search buy
    facts: Mapping[str, str] = field(default_factory=dict)
    report: Path | None = None
    mistakes: "Mistakes | None" = None
    front: Front | None = None  # of a sweep with several objectives
    score: Score = field(default_factory=score_named)  # by which the architectures are compared
    test_reads: TestReads | None = None  # looks at the test part that were counted; None: no count was kept
    test_part: TestPart | None = None  # None: what replicates predicted was not kept
    next: str | None = None  # the command that is likely to settle the question; None: nothing is worth it
    aim: str = ""  # which question that is, as "to show whether a and b differ"
    conclusion: str = ""  # what the verdicts speak of
    caveat: str = ""  # the line of the answer that says whose configurations chance chose
    search: str = ""  # whose search has converged
    searched: bool = True  # whether trials of a search are among the records
    data: tuple[str, ...] = ()  # what was read, and what is remarkable in it, a line each
    stopped: tuple[Stop, ...] = ()  # architectures whose replicates ended before the plan did
    on: str | None = None  # the machine where its trials ran last, as `--on` takes it; None: this one

    @property
    def linear(self) -> Standing | None:
        """The linear baseline, where it was fitted."""
        return next((s for s in self.standings if s.baseline), None)

    def __repr__(self) -> str:
        """The answer, and a line for each architecture: what a Python prompt shows."""
        tests = [(s.test.mean, s.test.low, s.test.high, s.test.replicates, s.score) for s in self.standings]
        rows = [f"  {s.architecture:<16} {summary(*t)}" for s, t in zip(self.standings, tests, strict=True)]
        return "\n".join([self.answer, *rows, *([f"Report: {self.report}"] if self.report else [])])

    def _repr_html_(self) -> str:
        """The answer, the standings with their intervals, and the verdicts: what a notebook shows."""
        ends = [(s.test.low, s.test.mean, s.test.high) for s in self.standings]
        known = [value for three in ends for value in three if value is not None]
        rows = "".join(
            f"<tr><td>{escape(s.architecture)}</td><td>{s.score.write(s.test.mean)}</td>"
            f"<td>{interval_svg(*three, known)}</td><td>{s.test.replicates}</td></tr>"
            for s, three in zip(self.standings, ends, strict=True)
        )
        heads = "<tr><th>architecture</th><th>test</th><th>95 % interval</th><th>replicates</th></tr>"
        sentences = "".join(f"<li>{escape(one.sentence)}</li>" for one in self.verdicts[:10])
        return (
            f"<p>{escape(self.answer)}</p><table>{heads}{rows}</table><ul>{sentences}</ul>"
            f"<p>Report: {escape(str(self.report))}</p>"
        )

    def frame(self) -> "pd.DataFrame":
        """Return the standings as a DataFrame, one row an architecture."""
        import pandas as pd

        return pd.json_normalize([_standing(s) for s in self.standings])

    def to_json(self) -> dict[str, Any]:
        """Return the object of ``compare --json``: plain values, None where a number does not exist."""
        value: dict[str, Any] = {
            "sweep": self.sweep,
            "question": self.question,
            "score": self.score.facts(),
            "answer": self.answer,
            "standings": [_standing(s) for s in self.standings],
            "verdicts": [_verdict(v) for v in self.verdicts],
            "health": [{"sentence": r.sentence, "next": r.next} for r in self.health],
            "report": str(self.report) if self.report else None,
            "test_reads": self.test_reads.total if self.test_reads else None,
            "test_reads_by": asdict(self.test_reads) if self.test_reads else None,
            "budget": {
                "sentences": say_spending(self.bought.time_curves),
                "studies": self.bought.studies,
                "refusal": self.bought.refusal,
                "next": self.bought.next,
            },
            "front": self.front.to_json() if self.front else None,
            "next": self.next,
            "search": self.search,
            "conclusion": self.conclusion,
            "caveat": self.caveat,
            "test_rows": self.test_part.rows if self.test_part else None,
            "majority": self.test_part.majority if self.test_part else None,
            "data": list(self.data),
            "stopped": [asdict(stop) for stop in self.stopped],
        }
        return dict(plain(value))


def _verdict(verdict: Verdict) -> dict[str, Any]:
    value = {name: getattr(verdict, name) for name in _VERDICT_FIELDS}
    value |= dict(zip(("difference", "low", "high"), verdict.natural, strict=True))
    value |= {"folds": verdict.folds, "method": METHOD} if verdict.folds else {}
    if (rows := verdict.new_rows) is None:
        return {**value, "new_rows": None}
    low, high = verdict.score.turned_interval(rows.low, rows.high)
    return {**value, "new_rows": {"low": low, "high": high, "p": rows.p}}


def _standing(standing: Standing) -> dict[str, Any]:
    mean, low, high = standing.natural
    validation = None if standing.validation is None else standing.score.turned(standing.validation)
    return {
        "architecture": standing.architecture,
        "trials": standing.trials,
        "validation": validation,
        "test": {"mean": mean, "low": low, "high": high, "replicates": standing.test.replicates},
        "parameters": standing.parameters,
        "seconds": standing.seconds,
        "samples_per_second": standing.samples_per_second,
        **({"note": standing.note} if standing.note else {}),
        **({"derived": list(map(dict, standing.derived))} if standing.derived else {}),
    }
