"""Verdicts and answers in words, for someone who has not read the papers."""

from collections.abc import Sequence
from dataclasses import replace

from rnnsweep.comparison.statistics.improvement import RULE, meets_rule
from rnnsweep.comparison.statistics.permutation import fewest_pairs, smallest_p
from rnnsweep.comparison.verdicts.records import Remark, Standing, Verdict
from rnnsweep.shell import command_line
from rnnsweep.tasks import Score
from rnnsweep.tasks.score import HIGHER

ALPHA = 0.05
ENOUGH = 10  # replicates from which on intervals hold what they promise


def apart(score: Score, value: float, *, sign: bool = False) -> str:
    """Write a difference of natural values with its unit: ``1.23 points``."""
    return f"{score.difference(value, sign=sign)} {score.words}"


def p_value(p: float) -> str:
    """Write a p as ``p = .031`` or ``p < .001``."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("= 0.", "= .")


def replicate_command(sweep: str, total: int) -> str:
    """Give the command that brings every architecture of a sweep to `total` replicates."""
    return command_line("replicate", sweep or "SWEEP", "--n", str(total))


def say_verdict(verdict: Verdict, *, margin: float, left: int, sweep: str) -> str:
    """Give the verdict as one sentence with its reason: the interval, the test, or what is missing.

    Args:
        verdict: with everything but its sentence.
        margin: differences below this count as nothing.
        left: comparisons of the family that are not separated yet.
        sweep: the sweep's name, for the next command.
    """
    who, score = f"{verdict.a} and {verdict.b}", verdict.score
    if verdict.verdict == "equivalent":
        return f"{who} are equivalent: less than {apart(score, margin)} apart ({_evidence(verdict)})."
    if verdict.verdict in ("better", "worse"):
        size = apart(score, abs(verdict.difference or 0.0))
        found = f"{verdict.a} is {verdict.verdict} than {verdict.b} by {size} ({_evidence(verdict)})"
        return f"{found}{_closeness(verdict)}."
    if smallest_p(verdict.pairs, comparisons=left) > ALPHA:
        return _too_few(verdict, left, sweep)
    size = apart(score, verdict.natural[0] or 0.0, sign=True)
    yet = "cannot be told apart yet" if verdict.verdict == "needs more" else "are not separable"
    return f"{who} {yet}: {size} ({_evidence(verdict)}); {_what_it_takes(verdict, margin)}."


def say_few(standings: Sequence[Standing]) -> str:
    """Say whose intervals are wide or withheld, as there are fewer than 10 replicates; else nothing."""
    few = [s for s in standings if not s.baseline and 0 < s.test.replicates < ENOUGH]
    if not few:
        return ""
    who = ", ".join(f"{s.architecture} {s.test.replicates}" for s in few)
    return (
        f"With fewer than {ENOUGH} replicates ({who}) an interval is wide, below 3 it is withheld; where "
        "scores have a long tail, that of three holds the truth in 92 of 100 cases instead of 95."
    )


def say_improvement(verdict: Verdict) -> str:
    """Say how often `a` wins a pair of runs, with its interval and the rule of three wins in four."""
    found = verdict.improvement
    if found is None:
        return ""
    said = f"{verdict.a} wins {100 * found.estimate:.0f} % of the pairs of runs"
    if found.low is None or found.high is None:
        return said
    rule = f"{RULE:.0%}".replace("%", " %")
    met = f"one side wins at least {rule}, and surely more than half: a difference that counts in use"
    missed = f"short of the {rule}, and surely more than half, that count in use"
    return f"{said} (95 % interval {100 * found.low:.0f} to {100 * found.high:.0f}), " + (
        f"so {met}" if meets_rule(found) else missed
    )


def gather(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    """Give (word, sentence) for each verdict, those of one wording made into one."""
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
        return f"{_names([v.a for v in verdicts])} with {verdicts[0].b}"
    return f"of {_names(list(dict.fromkeys(name for v in verdicts for name in (v.a, v.b))))}"


def gather_remarks(remarks: Sequence[Remark]) -> list[Remark]:
    """Make remarks with the same advice into one, which says of whom else it is true."""
    gathered: dict[str, list[Remark]] = {}
    for remark in remarks:
        gathered.setdefault(remark.next or remark.sentence, []).append(remark)
    return [_together(same) for same in gathered.values()]


def _together(remarks: Sequence[Remark]) -> Remark:
    others = [r.architecture for r in remarks[1:] if r.architecture]
    also = f" The same holds for {_names(others)}." if others else ""
    return replace(remarks[0], sentence=remarks[0].sentence + also)


def _evidence(verdict: Verdict) -> str:
    kind = "replicates against one fit" if verdict.baseline else "paired replicates"
    parts = [f"{verdict.pairs} {kind}"]
    _, low_end, high_end = verdict.natural
    if low_end is not None and high_end is not None:
        low, high = (verdict.score.difference(end, sign=True) for end in (low_end, high_end))
        parts.insert(0, f"95 % interval {low} to {high}")
    if verdict.p is not None:
        parts.append(p_value(verdict.p))
    return ", ".join(parts)


def _closeness(verdict: Verdict) -> str:
    """Say where the interval reaches zero though the test separates: two methods may differ at the edge."""
    if verdict.low is None or verdict.high is None or not verdict.low <= 0 <= verdict.high:
        return ""
    return "; a close call, as the interval reaches zero"


def _too_few(verdict: Verdict, left: int, sweep: str) -> str:
    n, more = verdict.pairs, verdict.replicates_needed or 0
    command = replicate_command(sweep, n + more)
    who = f"{verdict.a} and {verdict.b}"
    if n < 2:
        have = "without a replicate" if n == 0 else "from one seed"
        least = fewest_pairs(comparisons=left)
        return f"{who}: no claim is possible {have}; {least} replicates can show a difference: {command}"
    of = "" if left == 1 else f" in {left} comparisons"
    reach = p_value(smallest_p(n, comparisons=left))
    return (
        f"{who}: {n} replicates cannot show that one is better, whatever they score, since they reach no "
        f"smaller p{of} than {reach.removeprefix('p = ')}; it takes {more} more: {command}"
    )


def _what_it_takes(verdict: Verdict, margin: float) -> str:
    more = verdict.replicates_needed
    small = abs(verdict.difference or 0.0) < margin
    equal = f"show that less than {apart(verdict.score, margin)} lie between them"
    aim = equal if small else "separate so much in 8 of 10 cases"
    each = "" if verdict.baseline else " of each"
    if more is None:
        return f"no affordable number of replicates is likely to {aim}"
    return f"about {more} more {'replicate' if more == 1 else 'replicates'}{each} would {aim}"


def say_answer(standings: Sequence[Standing], verdicts: Sequence[Verdict], *, sweep: str) -> str:
    """Answer the sweep's question in words: who is ahead of whom, and what of the linear baseline."""
    networks = [s for s in standings if not s.baseline]
    if not networks:
        return "No run is recorded yet, so there is nothing to compare."
    if min(s.test.replicates for s in networks) < 2:
        return _no_claim(networks, sweep)
    between = [v for v in verdicts if not v.baseline]
    first = _say_lead(networks, between) if len(networks) > 1 else _say_only(networks[0])
    against = _say_baseline([v for v in verdicts if v.baseline])
    following = _next(verdicts, networks[0].architecture, sweep)
    return " ".join(part for part in (first, against, following) if part)


def _next(verdicts: Sequence[Verdict], leader: str, sweep: str) -> str:
    """The command that is likely to settle what is open about the leader."""
    about = [v for v in verdicts if leader in (v.a, v.b) and v.verdict == "needs more"]
    wanted = [v.pairs + v.replicates_needed for v in about if v.replicates_needed]
    return f"Next: {replicate_command(sweep, max(wanted))}" if wanted else ""


def _no_claim(networks: Sequence[Standing], sweep: str) -> str:
    few = [s.architecture for s in networks if s.test.replicates < 2]
    bare = all(s.test.replicates == 0 for s in networks)
    have = f"{_verb(few, 'have')} {'no replicate' if bare else 'fewer than two replicates'}"
    pairs = max(1, len(networks) * (len(networks) - 1) // 2)
    return (
        f"No claim is possible yet: {_names(few)} {have}, and the scores of a search say how well it "
        f"searched, not which architecture is better. "
        f"Next: {replicate_command(sweep, fewest_pairs(comparisons=pairs))}"
    )


def _say_only(standing: Standing) -> str:
    mean, replicates = standing.score.write(standing.test.mean), standing.test.replicates
    return f"{standing.architecture} scores {mean} on test over {replicates} replicates."


def _say_lead(networks: Sequence[Standing], verdicts: Sequence[Verdict]) -> str:
    leader = networks[0].architecture
    others = [s.architecture for s in networks[1:]]
    words = {v.b if v.a == leader else v.a: _word(v, leader) for v in verdicts if leader in (v.a, v.b)}
    beaten = [a for a in others if words[a] == "better"]
    equal = [a for a in others if words[a] == "equivalent"]
    tied = [a for a in others if a not in beaten + equal]
    score = networks[0].score
    mean = score.write(networks[0].test.mean)
    end = "highest" if score.direction == HIGHER else "lowest"
    if beaten == others:
        return f"{leader} is ahead with {mean} on test: better than {_names(others)}."
    parts = [f"better than {_names(beaten)}"] if beaten else []
    parts += [f"for practical purposes equal to {_names(equal)}"] if equal else []
    parts += [f"not separated from {_names(tied)}"] if tied else []
    start = "" if beaten else "The data name no winner: "
    return f"{start}{leader} has the {end} mean test score ({mean}), and is {', and '.join(parts)}."


def _word(verdict: Verdict, architecture: str) -> str:
    opposite = {"better": "worse", "worse": "better"}
    word = verdict.verdict
    return word if verdict.a == architecture else opposite.get(word, word)


def _say_baseline(against: Sequence[Verdict]) -> str:
    if not against:
        return ""
    better, worse = ([v.a for v in against if v.verdict == w] for w in ("better", "worse"))
    rest = [v.a for v in against if v.a not in better + worse]
    if len(better) == len(against):
        return f"{'It beats' if len(better) == 1 else 'Every architecture beats'} the linear baseline."
    parts = [f"{_names(better)} {_verb(better, 'beat')} it"] if better else []
    parts += [f"{_names(worse)} {_verb(worse, 'fall')} below it"] if worse else []
    parts += [f"{_names(rest)} cannot be told from it"] if rest else []
    return f"Against the linear baseline: {'; '.join(parts)}."


def _verb(names: Sequence[str], verb: str) -> str:
    return verb if len(names) > 1 else {"have": "has"}.get(verb, f"{verb}s")


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
