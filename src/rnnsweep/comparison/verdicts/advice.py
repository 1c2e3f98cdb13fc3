"""The one piece of advice: the command that is likely to settle what a sweep asks, or none."""

from collections.abc import Sequence

from rnnsweep.comparison.evidence.records import Standing, Verdict
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.verdicts.answers import none_complete
from rnnsweep.comparison.verdicts.decisions import MOST
from rnnsweep.safety.shell import command_line, run_command

OPEN = ("needs more", "not separable")


def next_total(standings: Sequence[Standing], verdicts: Sequence[Verdict], *, most: int = MOST) -> int | None:
    """Replicates of each in all that are likely to settle who leads, and whether it beats the baseline.

    None where that is settled, or where no affordable number is likely to settle any of it.

    Args:
        standings: best first.
        verdicts: of all pairs, and against the baseline.
        most: replicates in all that are worth asking for.
    """
    totals = [_total(v) for v in _open(standings, verdicts, most)]
    return max(totals, default=None)


def open_names(standings: Sequence[Standing], verdicts: Sequence[Verdict], *, most: int = MOST) -> list[str]:
    """Name the architectures whose replicates decide: the leader, and those whose pair with it is open."""
    names = [name for v in _open(standings, verdicts, most) for name in (v.a, v.b)]
    known = {s.architecture for s in standings}
    return [name for name in dict.fromkeys(names) if name in known]


def _open(standings: Sequence[Standing], verdicts: Sequence[Verdict], most: int) -> list[Verdict]:
    """The leader's comparisons that an affordable number of replicates is likely to settle."""
    leader = next((s.architecture for s in standings if not s.baseline), None)
    about = [v for v in verdicts if leader in (v.a, v.b) and v.verdict in OPEN]
    return [v for v in about if v.replicates_needed and _total(v) <= most]


def _total(verdict: Verdict) -> int:
    return verdict.pairs + (verdict.replicates_needed or 0)


def next_command(
    sweep: str,
    standings: Sequence[Standing],
    verdicts: Sequence[Verdict],
    *,
    plan: ReplicatePlan,
    failed: bool = False,
    converged: bool = False,
    behind: int = 0,
    refit: bool = False,
    diverged: bool = False,
    on: str | None = None,
) -> str | None:
    """Return the next command; None where the question is settled or nothing affordable settles it.

    Args:
        sweep: its name.
        standings: best first.
        verdicts: of all pairs, and against the baseline.
        plan: of the replicates.
        failed: the search reached nothing: more of it, before any replicate.
        converged: more trials are not likely to find a better configuration of any architecture.
        behind: runs that the store does not have yet.
        refit: replicates vary the split and the baseline is one fit, as of an earlier version: it is fitted
            on the splits that there are, at least.
        diverged: all trials did: neither they nor others of this space are worth a try.
        on: the machine where its trials ran last, as ``--on`` takes it; None is this one.
    """
    name = sweep or "SWEEP"
    if behind:
        return command_line("compare", name)
    networks = [s for s in standings if not s.baseline]
    if not networks or not plan.finished:
        return run_command("sweep", name, on=on) if networks or not plan.finished else None
    if diverged:
        return None
    if none_complete(networks) and any(s.trials["failed"] for s in networks):
        return command_line("retry", name)
    if failed and converged:
        return None
    if failed or none_complete(networks):
        trials = max(1, *(sum(s.trials.values()) for s in networks))
        return run_command("sweep", name, "--trials", str(2 * trials), on=on)
    total = next_total(standings, verdicts, most=max(MOST, plan.most))
    if total is None and refit:
        total = max(s.test.replicates for s in networks)
    return run_command("replicate", name, "--n", str(total), on=on) if total else None
