"""The answer to a sweep's question in words."""

from collections.abc import Collection, Sequence

from rnnsweep.comparison.beside import tied_first, words_against
from rnnsweep.comparison.evidence.records import HERE, Standing, Stop, Verdict
from rnnsweep.comparison.evidence.tested_rows import say_other_rows
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.words import names_of, say_constant, under
from rnnsweep.tasks.score import HIGHER, LOWER

OTHER_ROWS = 0.1  # validation score minus test mean, above which the test rows are blamed
NOT_BEYOND = "not shown for new rows"  # what HERE means, for readers of the answer alone


def say_answer(
    standings: Sequence[Standing],
    verdicts: Sequence[Verdict],
    *,
    floor: float | None = None,
    converged: bool = False,
    plain: Collection[str] = (),
    parts: Sequence[Sequence[str]] = (),
) -> str:
    """Answer the sweep's question in words: who is ahead of whom, and what of the baseline.

    Where a network without recurrence leads, it is said which recurrent one is ahead of the others.

    Args:
        standings: best first.
        verdicts: of all pairs, and against the baseline.
        floor: the score of one answer for every row, as the largest class, where it is known.
        converged: more trials are not likely to find a better configuration of any architecture.
        plain: networks without recurrence.
        parts: architectures that were tested on the same rows together, where not all were.

    Returns:
        One sentence or several.
    """
    networks = [s for s in standings if not s.baseline]
    if not networks:
        return "No run is recorded yet, so there is nothing to compare."
    if none_complete(networks):
        return _say_none_complete(networks)
    if failed_search(standings, floor):
        return _say_failed(standings, floor or 0.0, converged=converged)
    if min(s.test.replicates for s in networks) < 2:
        return _no_claim(networks)
    if len(parts) > 1:
        return _say_parts(standings, verdicts, parts)
    between = [v for v in verdicts if not v.baseline]
    first = _say_lead(standings, between) if len(networks) > 1 else _say_only(networks[0])
    recurrent = _say_recurrent(networks, between, plain) if any(v.able for v in between) else ""
    against = _say_low(standings, floor) or _say_baseline([v for v in verdicts if v.baseline])
    return " ".join(part for part in (first, recurrent, against, _say_unusual(standings)) if part)


def _say_parts(
    standings: Sequence[Standing], verdicts: Sequence[Verdict], parts: Sequence[Sequence[str]]
) -> str:
    """Say first that the test rows differ, and then what holds among those with the same ones."""
    said = [say_other_rows(standings, parts)]
    for part in parts:
        own = [s for s in standings if s.architecture in part]
        networks = [s for s in own if not s.baseline]
        compared = [v for v in verdicts if v.a in part and v.b in part]
        if len(networks) > 1:
            lead = _say_lead(own, [v for v in compared if not v.baseline])
            said.append(f"Of {names_of([s.architecture for s in networks])}: {lead}")
        said.append(_say_baseline([v for v in compared if v.baseline]))
    return " ".join(filter(None, (*said, _say_unusual(standings))))


def say_unfinished(plan: ReplicatePlan, *, behind: int) -> str:
    """Return a line on replicates that are still to come; nothing where there are none.

    Args:
        plan: of the replicates.
        behind: runs that the store does not have yet.
    """
    if behind:
        lacks = f"{behind} {'run' if behind == 1 else 'runs'}"
        return f"The store lacks {lacks} of this sweep, so this is not its whole answer."
    if not plan.finished:
        return "The sweep is not finished: verdicts are of the planned looks that are complete."
    return ""


def none_complete(networks: Sequence[Standing]) -> bool:
    """Return whether trials ended and none of them completed, so that there is no best configuration."""
    trials = [s.trials for s in networks]
    ended = any(sum(one.values()) for one in trials)
    return ended and not any(one["complete"] for one in trials) and not any(s.replicates for s in networks)


def _say_none_complete(networks: Sequence[Standing]) -> str:
    counts = {word: sum(s.trials[word] for s in networks) for word in networks[0].trials}
    words = ", ".join(f"{number:,} {word}" for word, number in counts.items() if number)
    return f"No trial completed ({words}), so there is nothing to compare."


def failed_search(standings: Sequence[Standing], floor: float | None) -> bool:
    """Return whether the best network is nearer to one answer for every row than to the baseline.

    Or worse than that: it beats nothing then, even where the baseline is worse yet.

    Without replicates, of either, the search's validation scores are compared.
    """
    reached, linear = _reached(standings)
    if floor is None or linear is None or reached is None:
        return False
    return reached < floor or (linear > floor and reached < (floor + linear) / 2)


def learn_other_rows(standings: Sequence[Standing]) -> bool:
    """Return whether the best network and the baseline are both far better on validation than on test.

    What they learn holds for the validation rows, and not for the test rows: no other search helps.
    """
    both = [next((s for s in standings if s.baseline is of), None) for of in (False, True)]
    known = [s for s in both if s and s.validation is not None and s.test.mean is not None]
    gaps = [(s.validation or 0.0) - (s.test.mean or 0.0) for s in known if not s.score.relative]
    return len(gaps) == len(both) and min(gaps) > OTHER_ROWS


def _reached(standings: Sequence[Standing]) -> tuple[float | None, float | None]:
    """The best score of a network and that of the baseline, on test where both have one."""
    networks = [s for s in standings if not s.baseline]
    linear = next((s for s in standings if s.baseline), None)
    tests = [s.test.mean for s in networks if s.test.mean is not None]
    if linear is not None and tests and linear.test.mean is not None:
        return max(tests), linear.test.mean
    validations = [s.validation for s in networks if s.validation is not None]
    return max(validations, default=None), None if linear is None else linear.validation


def _say_failed(standings: Sequence[Standing], floor: float, *, converged: bool) -> str:
    best = next(s for s in standings if not s.baseline)
    linear = next(s for s in standings if s.baseline)
    write, (reached, of_linear) = best.score.write, _reached(standings)
    if learn_other_rows(standings):
        naming = say_constant(best.score).capitalize()
        floors = f" {naming} scores {write(floor)} on test." if floor else ""
        return (
            f"What networks and baseline learn does not hold for the test rows: {best.architecture} scores"
            f" {write(best.validation)} on validation and {write(best.test.mean)} on test, the"
            f" {linear.architecture} baseline {write(linear.validation)} and {write(of_linear)}.{floors} No"
            " architecture is introduced as better than another: the test rows differ from the rows that"
            " train, as where few groups or repeated texts make up most rows."
        )
    part = "test" if best.test.mean is not None and linear.test.mean is not None else "validation"
    ways = "train for more epochs, or widen the space"
    ways = ways if converged else f"search longer, {ways}"
    naming = f" {say_constant(best.score)} scores {write(floor)} and" if floor else ""
    return (
        f"The search failed: the best of the networks scores {write(reached)} on {part}, where{naming} the "
        f"{linear.architecture} baseline scores {write(of_linear)}. No architecture is introduced as better "
        f"than another: {ways}."
    )


def _say_low(standings: Sequence[Standing], floor: float | None) -> str:
    """Say which networks do worse than one answer for all, as the baseline does: to beat it is nothing."""
    low = [s for s in standings if floor is not None and s.test.mean is not None and s.test.mean < floor]
    linear, names = [s for s in low if s.baseline], [s.architecture for s in low if not s.baseline]
    if not linear or not names:
        return ""
    score, write, name = linear[0].score, linear[0].score.write, linear[0].architecture
    return (
        f"The {name} baseline scores {write(linear[0].test.mean)}, {under(score)} the {write(floor)} of"
        f" {say_constant(score)}, and so {'do' if len(names) > 1 else 'does'} {names_of(names)}."
    )


def _no_claim(networks: Sequence[Standing]) -> str:
    few = [s.architecture for s in networks if s.test.replicates < 2]
    bare = all(s.test.replicates == 0 for s in networks)
    have = f"{_verb(few, 'have')} {'no replicate' if bare else 'fewer than two replicates'}"
    return (
        f"No claim is possible yet: {names_of(few)} {have}, and the scores of a search say how well it "
        f"searched, not which architecture is better."
    )


def _say_only(standing: Standing) -> str:
    score, test = standing.score, standing.test
    mean = f"mean test {score.title} of {score.write(test.mean)}"
    return f"{standing.architecture} has a {mean} over {test.replicates} replicates."


def _say_lead(standings: Sequence[Standing], verdicts: Sequence[Verdict]) -> str:
    networks = [s for s in standings if not s.baseline]
    leader = networks[0].architecture
    apart = "Apart from the baseline, " if standings[0].baseline else ""  # it has the best mean of all
    score = networks[0].score
    mean = f"mean test {score.title} ({score.write(networks[0].test.mean)})"
    if not any(v.able for v in verdicts):
        return f"{apart}{_say_first(networks, mean)}. {_say_unable(verdicts)}"
    beaten, beside = _say_beside(networks, verdicts)
    if beaten == len(networks) - 1:
        return f"{apart}{leader} is ahead in {mean}: {beside}."
    start = apart if beaten else f"The data name no winner: {apart.lower()}"
    return f"{start}{_say_first(networks, mean, beside)}."


def _say_first(networks: Sequence[Standing], mean: str, beside: str = "") -> str:
    """Return who has the best mean: one network, or several where their scores are exactly equal.

    Args:
        networks: best first.
        mean: its name, and the score.
        beside: what the first is beside the others.
    """
    tied, best = tied_first(networks), f"the {_end(networks[0])} {mean}"
    if len(tied) == 1:
        return f"{tied[0]} has {best}{f', and is {beside}' if beside else ''}"
    return f"{names_of(tied)} share {best}{f'; {tied[0]} is {beside}' if beside else ''}"


def _say_unable(verdicts: Sequence[Verdict]) -> str:
    """Return that so few replicates claim nothing, of verdicts of which none can."""
    which = "the two" if len(verdicts) == 1 else "any two"
    return (
        f"{max(v.pairs for v in verdicts)} replicates of each cannot separate {which}, whatever the scores."
    )


def _say_recurrent(networks: Sequence[Standing], verdicts: Sequence[Verdict], plain: Collection[str]) -> str:
    """Return which recurrent network is ahead of the others, where the leader is none."""
    recurrent = [s for s in networks if s.architecture not in plain]
    if networks[0].architecture not in plain or len(recurrent) < 2:
        return ""
    leader, (beaten, beside) = recurrent[0].architecture, _say_beside(recurrent, verdicts)
    if beaten == len(recurrent) - 1:
        return f"Of the recurrent networks, {leader} is ahead: {beside}."
    return f"Of the recurrent networks, {_say_first(recurrent, 'mean', beside)}."


def _say_beside(networks: Sequence[Standing], verdicts: Sequence[Verdict]) -> tuple[int, str]:
    """Return how many of the others the first network is better than, and what it is beside each of them."""
    others = [s.architecture for s in networks[1:]]
    words = words_against(networks[0].architecture, verdicts)
    beaten = [a for a in others if words[a] == "better"]
    here = [a for a in others if words[a] == f"better{HERE}"]
    equal = [a for a in others if words[a] == "equivalent"]
    tied = [a for a in others if a not in beaten + here + equal]
    parts = [f"better than {names_of(beaten)}"] if beaten else []
    parts += [f"better{HERE} than {names_of(here)} ({NOT_BEYOND})"] if here else []
    parts += [f"for practical purposes equal to {names_of(equal)}{HERE}"] if equal else []
    parts += [f"not separated from {names_of(tied)}"] if tied else []
    return len(beaten), ", and ".join(parts)


def _end(standing: Standing) -> str:
    return "highest" if standing.score.direction == HIGHER else "lowest"


def _say_unusual(standings: Sequence[Standing]) -> str:
    """Name a baseline without a score, so that nobody takes it for beaten, or an unusual one."""
    baseline = next((s for s in standings if s.baseline and s.note), None)
    if baseline is None:
        return ""
    if baseline.test.mean is None:
        return f"{baseline.note[0].upper()}{baseline.note[1:]}: whether a network is needed is not known."
    return f"Of the {baseline.architecture} baseline: {baseline.note}."


def _say_baseline(against: Sequence[Verdict]) -> str:
    if not against:
        return ""
    name = f"{against[0].b} baseline{' (one fit)' if against[0].single else ''}"
    if not any(v.able for v in against):
        few = max(v.pairs for v in against)
        return f"{few} replicates cannot show a difference from the {name}, whatever the scores."
    words = ("better", "worse", f"better{HERE}", f"worse{HERE}", "equivalent")
    better, worse, above, below, equal = ([v.a for v in against if v.verdict == w] for w in words)
    rest = [v.a for v in against if v.verdict not in words]
    if len(better) == len(against):
        return f"{'It beats' if len(better) == 1 else 'Every architecture beats'} the {name}."
    parts = [f"{names_of(better)} {_verb(better, 'beat')} it"] if better else []
    parts += [f"{names_of(above)} {_verb(above, 'beat')} it{HERE} ({NOT_BEYOND})"] if above else []
    fall = "score worse than" if against[0].score.direction == LOWER else "fall below"
    parts += [f"{names_of(worse)} {_verb(worse, fall)} it"] if worse else []
    parts += [f"{names_of(below)} {_verb(below, fall)} it{HERE} ({NOT_BEYOND})"] if below else []
    parts += [f"{names_of(equal)} {_verb(equal, 'equal')} it for practical purposes{HERE}"] if equal else []
    parts += [f"{names_of(rest)} {'are' if len(rest) > 1 else 'is'} not separated from it"] if rest else []
    start = "Against" if better or above else "None is shown to be better than"
    return f"{start} the {name}: {'; '.join(parts)}."


def say_stop(stop: Stop) -> str:
    """Return who got no further replicates, when and why."""
    return f"{stop.architecture} got no further replicates after {stop.replicates}: {stop.why}."


def _verb(names: Sequence[str], verb: str) -> str:
    if len(names) > 1:
        return verb
    first, blank, rest = verb.partition(" ")
    return {"have": "has"}.get(first, f"{first}s") + blank + rest
