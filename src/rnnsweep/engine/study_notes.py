"""What is told of the studies while they run: how far each is, and that one ended early."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rnnsweep.engine.scheduling.agenda import Agenda
from rnnsweep.search.study import Search
from rnnsweep.search.trials import REJECTED
from rnnsweep.state.ledger import Ledger
from rnnsweep.state.watching.progress import ArchitectureProgress, Listener
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE


@dataclass
class StudyNotes:
    """Tells the ledger and the listener of studies that ended early, went on, or rejected proposals."""

    ledger: Ledger
    listener: Listener
    _noted: dict[str, tuple[str | None, int]] = field(default_factory=dict)

    def write(self, searches: Mapping[str, Search]) -> None:
        """Tell what changed since the last call."""
        for name, search in searches.items():
            now = (search.stopped, search.counts[REJECTED])
            before = self._noted.get(name, (None, 0))
            if now == before:
                continue
            self._noted[name] = now
            self.ledger.write("study", architecture=name, stopped=now[0], rejected=now[1])
            if now[0] and now[0] != before[0]:
                self.listener.message(f"{name}: its search ends early: {now[0]}")


def standings_of(agenda: Agenda, running: Mapping[str, int]) -> tuple[ArchitectureProgress, ...]:
    """Return how far each study is, given how many of its trials run."""
    return tuple(_standing(search, agenda, running[name]) for name, search in agenda.searches.items())


def _standing(search: Search, agenda: Agenda, running: int) -> ArchitectureProgress:
    name, sweep = search.architecture, search.sweep
    return ArchitectureProgress(
        architecture=name,
        budget=sweep.trials,
        complete=search.counts["complete"],
        pruned=search.counts["pruned"],
        failed=search.counts["failed"],
        running=running,
        best=search.best_validation,
        share=min(1.0, search.open_budget()),
        replicates=len(agenda.ended.get(name, {})),
        replicates_wanted=agenda.wanted(name),
        replicates_most=agenda.most(name),
        infeasible=search.counts[INFEASIBLE],
        rejected=search.counts[REJECTED],
        stopped=search.stopped,
    )
