"""The launcher that runs trials on an agent's node."""

from typing import Protocol, runtime_checkable

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.messages import AgentSettings
from rnnsweep.launchers.registry import make_method
from rnnsweep.trial import Launcher


@runtime_checkable
class NodeLauncher(Launcher, Protocol):
    """A launcher whose `events` another thread can interrupt."""

    def wake(self) -> None:
        """Let `events` return at once."""


def launcher_of(settings: AgentSettings) -> NodeLauncher:
    """Make the launcher that an agent's settings name.

    Raises:
        UserError: there is no such launcher, or the node lacks what its slots name.
    """
    launcher = make_method(settings.launcher, settings.slots)
    if not isinstance(launcher, NodeLauncher):
        launcher.close()
        raise UserError(f"launcher {settings.launcher.name!r}: cannot run in an agent: it has no `wake`")
    return launcher
