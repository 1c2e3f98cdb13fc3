"""The table of a launcher's agents, kept in the sweep's folder for `status` of another process."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.watching.agents import AgentRow, write_agents
from rnnsweep.state.watching.progress import Listener, Snapshot
from rnnsweep.trial import Launcher


@runtime_checkable
class HasAgents(Protocol):
    """A launcher whose slots are on several nodes."""

    @property
    def agents(self) -> Sequence[AgentRow]:
        """The agents so far."""


class AgentTable:
    """A listener that writes the table of agents where it changed, and passes everything on."""

    def __init__(self, launcher: HasAgents, folder: SweepFolder, listener: Listener) -> None:
        self._launcher, self._folder, self._listener = launcher, folder, listener
        self._written: tuple[AgentRow, ...] | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Write what changed; called a few times a second."""
        rows = tuple(self._launcher.agents)
        if rows != self._written:
            with suppress(OSError):  # a full disk: nothing rests on it
                write_agents(self._folder, rows)
                self._written = rows
        self._listener.update(snapshot)

    def message(self, text: str) -> None:
        """Pass a line on."""
        self._listener.message(text)


def with_agents(launcher: Launcher, folder: SweepFolder, listener: Listener) -> Listener:
    """Return a listener that writes the launcher's agents too, where it has any."""
    return AgentTable(launcher, folder, listener) if isinstance(launcher, HasAgents) else listener
