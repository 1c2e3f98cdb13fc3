"""The table of a launcher's agents, kept in the sweep's folder for `status` of another process."""

from collections.abc import Sequence
from contextlib import suppress

from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.watching.agents import AgentRow, write_agents
from rnnsweep.trial import Launcher


class AgentTable:
    """Writes the agents of a launcher, where it has any: one whose slots are on several nodes."""

    def __init__(self, launcher: Launcher, folder: SweepFolder) -> None:
        self._launcher, self._folder = launcher, folder
        self._written: Sequence[AgentRow] | None = None

    def write(self) -> None:
        """Write the table where it changed; called a few times a second."""
        rows: Sequence[AgentRow] | None = getattr(self._launcher, "agents", None)
        if rows != self._written:
            with suppress(OSError):  # a full disk: nothing rests on it
                write_agents(self._folder, rows or ())
                self._written = rows
