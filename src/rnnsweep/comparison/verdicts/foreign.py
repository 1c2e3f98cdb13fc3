"""A comparison of scores that any tool measured: one line for each architecture and seed.

Shapes: N test rows.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import category

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsweep.comparison.evidence.records import Comparison, HealthRemark, Standing, Verdict
from rnnsweep.comparison.predictions import TestPart
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.statistics.new_rows import groups_counted
from rnnsweep.comparison.verdicts.advice import next_total, say_aim
from rnnsweep.comparison.verdicts.answers import say_answer
from rnnsweep.comparison.verdicts.coverage import count_rows, say_conclusion
from rnnsweep.comparison.verdicts.standings import make_standings, margin_of
from rnnsweep.comparison.verdicts.verdicts import make_verdicts
from rnnsweep.comparison.words import names_of
from rnnsweep.errors import UserError, nearest, refuse_unless
from rnnsweep.tasks.score import HIGHER, LOWER, Score, share

NEEDED = ("architecture", "seed", "score")
ROW = "row"  # optional: the test row that a line is the score of
GROUP = "group"  # optional beside it: what rows that belong together share
MOST_NAMES = 50  # architectures: 1,225 pairs; the drawing of 2,415 ends in an error of Vega
MOST_SEEDS = 1_000
_NO_LETTERS = ("Cc", "Cs", "Cn", "Zl", "Zp")  # of Unicode: what no picture can hold, and ends of lines
_RELATIVE_MARGIN = 0.01
FAR_APART = 20  # times: scores of one kind are nearer to each other, shares and percent are not
_RUN = ("run_id", "trial", "reason", "validation", "parameters", "seconds", "samples_per_second", "epochs")


def compare_foreign(
    frame: pd.DataFrame,
    *,
    name: str = "scores",
    baseline: str | None = None,
    lower: bool = False,
    margin: float | None = None,
    looks: Sequence[int] = (),
) -> Comparison:
    """Compare architectures by the test scores of runs that were trained elsewhere.

    Args:
        frame: columns `architecture`, `seed` and `score`, one line for each run; with a column `row`, one
            line for each test row of each run, whose scores' mean is the run's score; with a column `group`
            beside it, rows of one group count as one unit on new rows.
        name: of the comparison.
        baseline: the architecture that all others are compared with apart; it may have one line alone.
        lower: lower scores are better.
        margin: smallest difference that matters, in the score's unit; None: .002 where all scores are
            between 0 and 1 and higher is better, else a hundredth of the baseline's score (or of the best).
        looks: seeds of each at earlier comparisons, which share the 5 % with this one. The seeds that are
            first by number are those of the first look.

    Returns:
        Standings, verdicts, and what the report needs.

    Raises:
        UserError: a column that is missing, a value that is none, a run that occurs twice, fewer than two
            architectures or too many, too many seeds, a baseline that is not among them, or more seeds at
            an earlier look than there are.
    """
    table = _checked(frame)
    by_row = ROW in table
    score = _score(table["score"].to_numpy(), lower=lower)
    test_rows = sorted(set(table[ROW].astype(str))) if by_row else []
    values = _by_row(table, test_rows) if by_row else {}
    groups_N = _groups(table, test_rows) if GROUP in table else None
    runs = _as_runs(table, baseline)
    turned = runs.assign(test=score.turned(runs["test"]))
    standings = make_standings(turned, score=score)
    if margin is None:
        margin = margin_of(score, standings)
    refuse_unless(0 <= margin < np.inf, "margin", margin, "0 or more")
    correct = {a: {seed: score.turned(v) for seed, v in own.items()} for a, own in values.items()}
    seeds = max(len(one.replicates) for one in standings)
    refuse_unless(
        all(0 < n <= seeds for n in looks), "looks", _listed(looks), f"from 1 to {seeds}, the seeds"
    )
    plan = ReplicatePlan((), tuple(dict.fromkeys((s.architecture for s in standings), n) for n in looks))
    verdicts = make_verdicts(standings, margin=margin, correct=correct or None, plan=plan, groups=groups_N)
    part = _part(test_rows, groups_N) if by_row else None
    total, aim = next_total(standings, verdicts), say_aim(standings, verdicts)
    again, why = _listed(sorted({*looks, seeds})), f", {aim}" if aim else ""
    further = f" Next{why}: train {total} seeds of each in all, and compare with --looks {again}."
    return Comparison(
        sweep=name,
        question="",
        answer=" ".join(filter(None, (say_answer(standings, verdicts), _covered(verdicts, part))))
        + (further if total else ""),
        standings=standings,
        verdicts=verdicts,
        health=(*_percent(runs), *_unpaired(standings)),
        margin=margin,
        runs=runs,
        score=score,
        facts={"selection": "made outside of rnnsweep: whether searches were equally large is not known"},
        test_part=part,
        conclusion=say_conclusion(verdicts, part, searched=False),
        searched=False,
    )


def _covered(verdicts: Sequence[Verdict], part: TestPart | None) -> str:
    """Return one sentence on what the verdicts cover: seeds alone, or new rows too."""
    if not any(v.pairs for v in verdicts):
        return ""
    if any(v.new_rows is not None for v in verdicts) and part is not None:
        return f"The verdicts cover other seeds, and new rows drawn like these {count_rows(part)}."
    return (
        "The verdicts cover other seeds on the same test rows, and no new rows: those take a column 'row',"
        " with the score of each test row."
    )


def _listed(looks: Sequence[int]) -> str:
    return ",".join(map(str, looks))


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    table = _chosen(frame)
    refuse_unless(len(table) > 0, "rows", 0, "one or more")
    names = [str(column) for column in table if column != "score"]
    for column in names:
        _refuse_control_characters(table, column)
    numbers = pd.to_numeric(table["score"], errors="coerce").astype(float)
    for place in np.flatnonzero(~np.isfinite(numbers.to_numpy())):
        value = table["score"].tolist()[place]
        raise UserError(f"score={value!r} (row {place + 1}): must be a finite number; {_remedy(str(value))}")
    for column in names:
        empty = table[column].isna() | (table[column].astype(str).str.strip() == "")
        for place in np.flatnonzero(empty.to_numpy()):
            raise UserError(f"{column} (row {place + 1}): is empty; each row needs one")
    table = table.assign(score=numbers, architecture=table["architecture"].astype(str).str.strip())
    return _without_doubles(table.assign(seed=table["seed"].map(_seed)))


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are needed, by their own names."""
    names = {str(column).strip().lower(): column for column in reversed(list(frame.columns))}
    missing = [column for column in NEEDED if column not in names]
    for column in missing:
        there = f"there is {', '.join(map(str, frame.columns))}"
        named = ",".join(f"{one}=COLUMN" for one in missing)
        hint = f" A column of another name: --columns {named} (in Python: frame.rename)"
        raise UserError(f"no column {column!r}; {there}.{nearest(column, names)}{hint}")
    optional = (ROW, GROUP) if ROW in names else ()  # a group of runs, as W&B exports, is no group of rows
    known = [column for column in (*NEEDED, *optional) if column in names]
    for column in known:
        if list(frame.columns).count(names[column]) > 1:
            raise UserError(f"column {names[column]!r}: is there twice; leave one out")
    return frame[[names[column] for column in known]].set_axis(known, axis=1)


def _refuse_control_characters(table: pd.DataFrame, column: str) -> None:
    for value in map(str, table[column].dropna().unique()):
        if any(category(letter) in _NO_LETTERS for letter in value):
            raise UserError(f"{column} {value!r}: must be without control characters")


def _remedy(text: str) -> str:
    """Return what to do about a score that is no number."""
    if text.strip().endswith("%"):
        return "leave out the percent signs"
    if text.strip().replace(",", "", 1).lstrip("+-").isdecimal():
        return "write a decimal point"
    return "leave out the row of a run that failed"


def _seed(value: Any) -> str:
    """Write a seed in one way: 1, 1.0 and "1" are one seed."""
    text = str(value).strip()
    try:
        return str(int(text))  # digits of a long one are kept
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text


def _without_doubles(table: pd.DataFrame) -> pd.DataFrame:
    keys = [c for c in ("architecture", "seed", ROW) if c in table]
    for _, one in table[table.duplicated(keys)].iterrows():
        names = ", ".join(f"{key} {one[key]}" for key in keys)
        hint = "" if ROW in keys else "; one line for each run, or a column 'row' for the test rows"
        raise UserError(f"{names}: occurs twice{hint}")
    return table


def _score(values: NDArray[np.float64], *, lower: bool) -> Score:
    if not lower and values.min() >= 0 and values.max() <= 1:
        return share("score", "score", _not_computed)
    direction = LOWER if lower else HIGHER
    return Score("score", "score", "of the score", direction, _RELATIVE_MARGIN, _not_computed, relative=True)


def _not_computed(counts: Any) -> float:
    raise NotImplementedError("a score that another tool measured")


def _by_row(table: pd.DataFrame, test_rows: Sequence[str]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return {architecture: {seed: scores_N}} in the order of the test rows."""
    values: dict[str, dict[str, NDArray[np.float64]]] = {}
    for (name, seed), own in table.groupby(["architecture", "seed"], sort=False):
        scores = own.set_index(own[ROW].astype(str))["score"]
        if len(scores) != len(test_rows):
            missing = next(row for row in test_rows if row not in scores.index)
            raise UserError(
                f"architecture {name}, seed {seed}: has no test row {missing}; all runs need the same"
            )
        values.setdefault(str(name), {})[str(seed)] = scores.loc[list(test_rows)].to_numpy(dtype=np.float64)
    return values


def _groups(table: pd.DataFrame, test_rows: Sequence[str]) -> NDArray[np.str_]:
    """Return the group of each test row."""
    of_rows = table[[ROW, GROUP]].astype(str).drop_duplicates()
    for row in of_rows[of_rows[ROW].duplicated()][ROW].head(1):
        named = " and ".join(of_rows[of_rows[ROW] == row][GROUP].head(2))
        raise UserError(f"row {row}: has the groups {named}; a test row is in one group in all runs")
    group_of = dict(zip(of_rows[ROW], of_rows[GROUP], strict=True))
    groups_N = np.array([group_of[row] for row in test_rows], dtype=np.str_)
    number = len(np.unique(groups_N))
    refuse_unless(number > 1, "groups", number, "2 or more; where rows do not belong together leave it out")
    return groups_N


def _part(test_rows: Sequence[str], groups_N: NDArray[np.str_] | None) -> TestPart:
    if groups_N is None:
        return TestPart(len(test_rows))
    return TestPart(len(test_rows), len(np.unique(groups_N)), counted=groups_counted(groups_N)[0])


def _as_runs(table: pd.DataFrame, baseline: str | None) -> pd.DataFrame:
    """Return the runs in the columns that records of a sweep have."""
    runs = table.groupby(["architecture", "seed"], sort=False)["score"].mean().reset_index()
    names = sorted(set(runs["architecture"]))
    if baseline is not None and baseline not in names:
        raise UserError(f"baseline={baseline!r}: is not one of {', '.join(names)}.{nearest(baseline, names)}")
    refuse_unless(
        len(names) <= MOST_NAMES,
        "architectures",
        len(names),
        f"{MOST_NAMES:,} at most, as each is compared with each other; perhaps another column has the names",
    )
    most = runs.groupby("architecture", sort=False).size()
    if most.max() > MOST_SEEDS:
        raise UserError(
            f"architecture {most.idxmax()}: has {most.max():,} seeds, and at most {MOST_SEEDS:,} are"
            " compared; the scores of the test rows of one run need a column 'row'"
        )
    if len(names) < 2:
        raise UserError(f"architecture: {names[0]!r} alone cannot be compared; two or more are needed")
    is_baseline = runs["architecture"] == baseline
    repeated = runs.groupby("architecture")["seed"].transform("size") > 1
    ends = ["-r" + str(n) if again else "" for n, again in enumerate(repeated)]
    return runs.rename(columns={"score": "test"}).assign(
        **dict.fromkeys(_RUN, np.nan),
        key=[f"{a}{end}" for a, end in zip(runs["architecture"], ends, strict=True)],
        role=np.where(is_baseline, "baseline", "replicate"),
        state="complete",
        overrides="[]",
        started=range(len(runs)),
    )


def _percent(runs: pd.DataFrame) -> Iterator[HealthRemark]:
    """Remark on scores of which some seem to be shares and others percent, as of two tools."""
    scores = runs["test"].to_numpy()
    shares, others = scores[scores <= 1], scores[scores > 1]
    if scores.min() < 0 or scores.max() > 100 or not len(shares) or not len(others):
        return
    if 0 < FAR_APART * shares.max() <= others.min():
        yield HealthRemark(
            f"Scores from {shares.min():g} to {shares.max():g} stand beside others from {others.min():g} to"
            f" {others.max():g}: where the latter are percent, no verdict holds.",
            "write all scores in one unit",
        )


def _unpaired(standings: Sequence[Standing]) -> Iterator[HealthRemark]:
    """Name seeds that some architectures lack: pairs of replicates share their seed."""
    paired = [s for s in standings if not s.baseline or len(s.replicates) > 1]  # one fit is beside each seed
    seeds = {s.architecture: {r.seed for r in s.replicates} for s in paired}
    every = set().union(*seeds.values())
    lacking = [name for name, own in seeds.items() if own != every]
    if lacking:
        yield HealthRemark(
            "Replicates are compared in pairs of one seed. Others have seeds that are missing for"
            f" {names_of(lacking)}: these runs are left out of the pairs."
        )
