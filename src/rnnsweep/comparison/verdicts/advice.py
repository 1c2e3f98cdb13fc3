"""The one piece of advice: the command that is likely to settle what a sweep asks, and what that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnsweep.comparison.evidence.records import Standing, Verdict
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.verdicts.answers import learn_other_rows, none_complete
from rnnsweep.comparison.verdicts.decisions import MOST
from rnnsweep.comparison.words import names_of
from rnnsweep.safety.shell import command_line, run_command

OPEN = ("needs more", "not separable")


@dataclass(frozen=True)
class Step:
    """What comes next, and which question it settles."""

    command: str | None = None  # None: the question is settled, or nothing affordable settles it
    aim: str = ""  # as "to show whether a and b differ"; empty: the answer says it

    def __str__(self) -> str:
        """The two in one sentence; nothing without a command."""
        return f"Next{', ' * bool(self.aim)}{self.aim}: {self.command}" if self.command else ""


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


def say_aim(standings: Sequence[Standing], verdicts: Sequence[Verdict], *, most: int = MOST) -> str:
    """Return which question the replicates of `next_total` settle; nothing where there is no claim yet.

    Args:
        standings: best first.
        verdicts: of all pairs, and against the baseline.
        most: as for `next_total`.

    Returns:
        As "to show whether a and b differ".
    """
    about = _open(standings, verdicts, most)
    if not about or any(v.pairs < 2 for v in about):  # the answer says that it takes replicates
        return ""
    leader, *others = open_names(standings, about, most=most)
    if len(others) == 1:
        return f"to show whether {leader} and {others[0]} differ"
    return f"to show whether {leader} differs from {names_of(others)}"


def _total(verdict: Verdict) -> int:
    return verdict.pairs + (verdict.replicates_needed or 0)


def next_step(
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
) -> Step:
    """Return the next command with its aim; none where the question is settled or nothing affordable does it.

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
        return Step(command_line("compare", name))
    networks = [s for s in standings if not s.baseline]
    if not networks or not plan.finished:
        return Step(run_command("sweep", name, on=on) if networks or not plan.finished else None)
    if diverged:
        return Step()
    if none_complete(networks) and any(s.trials["failed"] for s in networks):
        return Step(command_line("retry", name))
    if failed or none_complete(networks):
        return _search_further(name, standings, failed=failed, converged=converged, on=on)
    most = max(MOST, plan.most)
    total, aim = next_total(standings, verdicts, most=most), say_aim(standings, verdicts, most=most)
    if total is None and refit:
        total, aim = max(s.test.replicates for s in networks), "to fit the baseline on the replicates' splits"
    return Step(run_command("replicate", name, "--n", str(total), on=on), aim) if total else Step()


def _search_further(
    name: str, standings: Sequence[Standing], *, failed: bool, converged: bool, on: str | None
) -> Step:
    """Return what comes after a search that reached nothing.

    Args:
        name: of the sweep.
        standings: best first.
        failed: as for `next_step`; False: no trial completed.
        converged: as for `next_step`.
        on: as for `next_step`.
    """
    if failed and learn_other_rows(standings):
        return Step(command_line("data", name), "to see how the rows of the parts differ")
    if failed and converged:
        return Step()
    trials = max(1, *(sum(s.trials.values()) for s in standings if not s.baseline))
    return Step(run_command("sweep", name, "--trials", str(2 * trials), on=on))
