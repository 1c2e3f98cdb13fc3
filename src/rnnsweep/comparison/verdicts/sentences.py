"""Verdicts and answers in words, for someone who has not read the papers."""

from collections.abc import Sequence
from dataclasses import replace

from rnnsweep.comparison.beside import from_other_side
from rnnsweep.comparison.evidence.records import HERE, NOT_COMPARABLE, HealthRemark, Standing, Verdict
from rnnsweep.comparison.statistics.cross_validation import METHOD
from rnnsweep.comparison.statistics.improvement import RULE, meets_rule
from rnnsweep.comparison.statistics.permutation import smallest_p
from rnnsweep.comparison.verdicts.decisions import MOST
from rnnsweep.comparison.verdicts.remedies import say_remedies
from rnnsweep.comparison.words import MOST_NAMES, apart, names_of, rounded
from rnnsweep.tasks import Score
from rnnsweep.tasks.score import LOWER

ALPHA = 0.05
SMALL_P = 0.001  # below it a p is not written out
ENOUGH = 10  # replicates from which on intervals hold what they promise


def p_value(p: float) -> str:
    """Write a p as ``p = .031`` or ``p < .001``."""
    return "p < .001" if p < SMALL_P else f"p = {p:.3f}".replace("= 0.", "= .")


def say_verdict(
    verdict: Verdict,
    *,
    margin: float,
    left: int,
    test_share: float | None = None,
    grouped: bool = False,
) -> str:
    """Return the verdict as one sentence with its reason: the interval, the test, or what is missing.

    What comes next is no part of it: one command settles the question of a sweep, not each pair its own.
    A difference with a sign is the advantage of the architecture that is named first, for any score; beside
    *worse* it is that of the other one, so that the interval is of the number before it.

    Args:
        verdict: with everything but its sentence.
        margin: differences below this count as nothing.
        left: comparisons of the family that are not separated yet.
        test_share: of all rows, drawn for the test; 0: the rows are given; None: not known.
        grouped: the test rows belong together in groups.
    """
    who, score = f"{verdict.a} and {verdict.b}", verdict.score
    if verdict.verdict == "equivalent":
        near = f"less than {apart(score, margin)} apart on this test part"
        return f"{who} are equivalent: {near} ({_evidence(verdict)}){_also(verdict)}."
    if verdict.verdict.startswith(("better", "worse")):
        word = verdict.verdict.removesuffix(HERE)
        size = apart(score, abs(verdict.difference or 0.0))
        claim = f"{verdict.a} is {word} than {verdict.b} by {size}"
        shown = from_other_side(verdict) if word == "worse" else verdict
        if verdict.verdict.endswith(HERE):
            return f"{claim}{HERE} ({_evidence(shown)}){_not_beyond(shown, test_share)}."
        return f"{claim} ({_evidence(shown)}){_closeness(shown)}{_also(shown)}."
    if verdict.verdict == NOT_COMPARABLE:
        return f"{who} were tested on different rows, so their replicates are in no pair."
    if not verdict.able:
        return _too_few(verdict, left)
    size = apart(score, verdict.difference or 0.0, sign=True)
    whose = f"the advantage of {verdict.a} is " if score.direction == LOWER else ""
    yet = "are not separated yet" if verdict.verdict == "needs more" else "are not separable"
    so_far = f"{who} {yet}: {whose}{size} ({_evidence(verdict)}){_also(verdict)}"
    return f"{so_far}; {_what_it_takes(verdict, margin, grouped=grouped)}."


def _also(verdict: Verdict) -> str:
    """Return what holds on new rows, where that is known."""
    new_rows = verdict.new_rows
    if new_rows is None:
        return ""
    return f"; on new rows like these {_bounds(verdict)} ({p_value(new_rows.p)})"


def _not_beyond(verdict: Verdict, test_share: float | None) -> str:
    new_rows = verdict.new_rows
    if new_rows is None:
        why = "the test rows of these replicates, or their groups, are not all known"
        if verdict.score.rows is None:
            why = f"{verdict.score.title} takes more of each row than the answer that is kept"
        return f"; not known for new rows, as {why}"
    shown = f"{_bounds(verdict)} ({p_value(new_rows.p)})"
    if _contradict(new_rows.p, new_rows.low, new_rows.high):
        before = f"(before that correction, the interval of this pair is {_bounds(verdict)})"
        shown = f"{p_value(new_rows.p)} after correction for all comparisons {before}"
    remedy = say_remedies(new_rows, verdict.remedies, test_share)
    return f"; not shown for new rows like these: {shown}{remedy}"


def _bounds(verdict: Verdict) -> str:
    assert verdict.new_rows is not None
    return _ends(verdict.score, verdict.new_rows.low, verdict.new_rows.high)


def _ends(score: Score, low: float, high: float) -> str:
    """Write an interval of turned differences: above 0 the one that is named first is better."""
    return f"{score.difference(low, sign=True)} to {score.difference(high, sign=True)}"


def say_few(standings: Sequence[Standing]) -> str:
    """Return whose intervals are wide or withheld, as there are fewer than 10 replicates; else nothing."""
    few = [s for s in standings if not s.baseline and 0 < s.test.replicates < ENOUGH]
    if not few:
        return ""
    who = ", ".join(f"{s.architecture} {s.test.replicates}" for s in few)
    who = who if len(few) <= MOST_NAMES else f"{len(few)} architectures"
    if any(one.folds for s in few for one in s.replicates):
        return f"With fewer than {ENOUGH} replicates ({who}) an interval is wide."
    return (
        f"With fewer than {ENOUGH} replicates ({who}) an interval is wide, below 3 it is withheld; where "
        "scores have a long tail, that of three holds the truth in 92 of 100 cases instead of 95."
    )


def say_claim(verdicts: Sequence[Verdict]) -> str:
    """Return the test by which better and worse are said, of verdicts of one comparison."""
    if any(v.folds for v in verdicts):
        return f"the {METHOD} of the paired replicates"
    return "an exact sign-flip permutation test of the paired replicates"


def say_improvement(verdict: Verdict) -> str:
    """Return in how many pairs of runs the better one has the better score, and what a single run says.

    Nothing where the verdict claims no difference: wins would read as if they claimed one.
    """
    improvement = verdict.improvement
    if improvement is None or improvement.low is None or improvement.high is None:
        return ""
    if not verdict.verdict.startswith(("better", "worse")):
        return ""
    winner, low, share, high = verdict.a, improvement.low, improvement.estimate, improvement.high
    if share < 0.5:
        winner, low, share, high = verdict.b, 1 - high, 1 - share, 1 - low
    here = HERE if verdict.verdict.endswith(HERE) else ""
    enough = "enough" if meets_rule(improvement) else "not enough"
    return (
        f"{winner} has the better score in {100 * share:.0f} % of the pairs of runs{here} (95 % interval"
        f" {100 * low:.0f} to {100 * high:.0f}), {enough} to rely on one run of each"
    )


def say_rule(verdicts: Sequence[Verdict]) -> str:
    """Return once what `say_improvement` means by enough; nothing where it is said of no pair."""
    if not any(say_improvement(v) for v in verdicts):
        return ""
    return (
        f"The better score in {100 * RULE:.0f} % of the pairs of runs, with the whole interval above 50 %, is"
        " enough to rely on one run of each; how large a difference must be to matter, the margin says."
    )


def say_detectable(verdict: Verdict) -> str:
    """Return the smallest true difference that so many replicates are likely to find."""
    if not verdict.detectable:
        return ""
    size = apart(verdict.score, verdict.detectable)
    return f"{verdict.pairs} replicates find a true difference of {size} in 80 of 100 cases"


def say_aside(verdict: Verdict) -> str:
    """Return what else is known of a pair: wins, what can be found, and rows that one alone got right."""
    return "; ".join(filter(None, (say_improvement(verdict), say_detectable(verdict), _say_mcnemar(verdict))))


def _say_mcnemar(verdict: Verdict) -> str:
    rows = verdict.mcnemar
    if rows is None:
        return ""
    of_these = f" (McNemar’s {p_value(rows.p)}, of these trained networks on other rows)"
    return (
        f"where only one of the two is right on a test row, it is {verdict.a} {rows.only_a:,} times and"
        f" {verdict.b} {rows.only_b:,} times, over all replicates{'' if verdict.new_rows else of_these}"
    )


def gather(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    """Return (word, sentence) for each verdict, those of one wording made into one."""
    gathered: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        reason = verdict.sentence.removeprefix(f"{verdict.a} and {verdict.b}: ")
        gathered.setdefault((verdict.verdict, reason), []).append(verdict)
    return [
        (word, same[0].sentence if len(same) == 1 else f"{len(same)} pairs ({_whom(same)}): {reason}")
        for (word, reason), same in gathered.items()
    ]


def _whom(verdicts: Sequence[Verdict]) -> str:
    if all(v.baseline for v in verdicts):
        return f"{names_of([v.a for v in verdicts])} with {verdicts[0].b}"
    return f"of {names_of(list(dict.fromkeys(name for v in verdicts for name in (v.a, v.b))))}"


def gather_remarks(remarks: Sequence[HealthRemark]) -> list[HealthRemark]:
    """Make remarks with the same advice into one, which says of whom else it is true."""
    gathered: dict[str, list[HealthRemark]] = {}
    for remark in remarks:
        gathered.setdefault(remark.next or remark.sentence, []).append(remark)
    return [_together(same) for same in gathered.values()]


def _together(remarks: Sequence[HealthRemark]) -> HealthRemark:
    others = [r.architecture for r in remarks[1:] if r.architecture]
    also = f" The same holds for {names_of(others)}." if others else ""
    return replace(remarks[0], sentence=remarks[0].sentence + also)


def _evidence(verdict: Verdict) -> str:
    kind = "replicates against one fit" if verdict.single else "paired replicates"
    parts = [f"{verdict.pairs} {kind}"]
    if verdict.folds:
        parts = [f"{verdict.pairs} {kind} over {verdict.folds} folds", METHOD]
    low, high = verdict.low, verdict.high
    if low is not None and high is not None:
        parts.insert(0, f"95 % interval {_ends(verdict.score, low, high)}")
    if verdict.p is not None:
        smallest = (
            f", the smallest that {verdict.pairs} replicates can give"
            if verdict.smallest_p and verdict.p >= SMALL_P
            else ""
        )
        skewed = verdict.baseline and not verdict.folds
        parts.append(_p_beside(verdict.p, low, high, skewed=skewed) + smallest)
    return ", ".join(parts)


def _p_beside(p: float, low: float | None, high: float | None, *, skewed: bool = False) -> str:
    """Write a p beside an interval of one pair alone: where they disagree, say that the p is corrected.

    Args:
        p: after all corrections.
        low: end of the interval.
        high: its other end.
        skewed: p is corrected for skewness, too, as that against a baseline.
    """
    skewness = "skewness and " if skewed else ""
    one_pair = "the interval is of this pair, before that correction"
    corrected = f" after correction for {skewness}all comparisons; {one_pair}"
    return p_value(p) + (corrected if _contradict(p, low, high) else "")


def _contradict(p: float, low: float | None, high: float | None) -> bool:
    """Return whether an interval of one pair excludes zero and a corrected p claims nothing."""
    return p > ALPHA and low is not None and high is not None and low * high > 0


def _closeness(verdict: Verdict) -> str:
    """Name an interval that reaches zero though the test separates: two methods may differ at the edge."""
    if verdict.low is None or verdict.high is None or not verdict.low <= 0 <= verdict.high:
        return ""
    return "; a close call, as the interval reaches zero"


def _too_few(verdict: Verdict, left: int) -> str:
    n = verdict.pairs
    who = f"{verdict.a} and {verdict.b}"
    if n < 2:
        return f"{who}: no claim is possible {'without a replicate' if n == 0 else 'from one seed'}."
    of = "" if left == 1 else f" in {left} comparisons"
    reach = smallest_p(n, comparisons=left)
    why = (
        f", since they reach no smaller p{of} than {p_value(reach).removeprefix('p = ')}"
        if reach > ALPHA
        else f"{of} at this look, which may spend little of the 5 %"
    )
    return f"{who}: {n} replicates cannot show that one is better, whatever they score{why}."


def _what_it_takes(verdict: Verdict, margin: float, *, grouped: bool) -> str:
    if verdict.folds and verdict.replicates_needed is None:
        units = "groups of rows" if grouped else "rows"
        return f"each fold was a test part, so that more {units} are needed rather than more replicates"
    if verdict.folds:
        return f"not every one of the {verdict.folds} folds was a test part yet"
    small = abs(verdict.difference or 0.0) < margin
    aim = (
        f"show them equivalent (less than {apart(verdict.score, margin)} apart)" if small else "separate them"
    )
    if verdict.verdict == "needs more":
        return f"more replicates are likely to {aim}"
    anew = verdict.in_new_sweep
    if anew is None:
        return f"even many more replicates are not likely to {aim}"
    new_rows = verdict.new_rows
    where = " on these test rows" if not small and new_rows and new_rows.p > ALPHA else ""
    number = rounded(anew) if anew > MOST else str(anew)
    takes = f"it takes a new sweep of about {number} replicates of each to {aim}{where}"
    if anew > MOST:
        return takes
    spent = "its looks have spent most of the 5 % of false claims that are allowed"
    return f"{takes}. This sweep would need more: {spent}"
