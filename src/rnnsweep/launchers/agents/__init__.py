"""Trials on other machines: an agent on each node runs them, and carries home what they write.

An agent holds a launcher of its node. It works in a folder of its node, and sends messages, the lines of
spools, logs, files and outcomes home. Only the controller's machine writes to mlruns/. Attempts are numbered:
nothing of an attempt that was given up is ever taken.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.launchers.agents.controller.launcher import AgentLauncher as AgentLauncher
    from rnnsweep.launchers.agents.messages import AgentSettings as AgentSettings
    from rnnsweep.launchers.agents.node.agent import Agent as Agent
    from rnnsweep.launchers.agents.transport import (
        Arrived as Arrived,
        Drained as Drained,
        Gone as Gone,
        Room as Room,
        Transport as Transport,
    )

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".node.agent": "Agent",
        ".controller.launcher": "AgentLauncher",
        ".messages": "AgentSettings",
        ".transport": "Arrived Drained Gone Room Transport",
    },
)
