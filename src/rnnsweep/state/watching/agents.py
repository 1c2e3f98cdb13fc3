"""The agents of a sweep that runs on several nodes, as its controller last wrote them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from rnnsweep.files import read_json, write_whole
from rnnsweep.state.folder import SweepFolder

AGENTS = "agents.json"


@dataclass(frozen=True)
class AgentRow:
    """One agent.

    Attributes:
        name: of the agent, new for each that takes the place of a lost one.
        node: the name of its machine.
        slots: tasks at a time.
        busy: tasks that it runs now.
        lost: whether it was given up.
    """

    name: str
    node: str
    slots: int
    busy: int
    lost: bool


class AgentTable:
    """Keeps the agents of a sweep in its folder, for `status` of another process."""

    def __init__(self, folder: SweepFolder) -> None:
        self._path = folder.path / AGENTS
        self._written: Sequence[AgentRow] | None = None

    def write(self, rows: Sequence[AgentRow] | None) -> None:
        """Write the table where it changed; None is of a launcher without agents."""
        if rows != self._written:
            content = json.dumps({"agents": [asdict(row) for row in rows or ()]})
            with suppress(OSError):  # a full disk: nothing rests on it
                write_whole(self._path, content, durable=False)
                self._written = rows


def read_agents(folder: SweepFolder) -> tuple[AgentRow, ...]:
    """Read the agents of a sweep; none where it ran on one machine, or what is there does not read."""
    rows = (read_json(folder.path / AGENTS) or {}).get("agents")
    return tuple(row for values in rows if (row := _row(values))) if isinstance(rows, list) else ()


def _row(values: Any) -> AgentRow | None:
    try:
        row = AgentRow(**values)
    except TypeError:
        return None
    texts, numbers = (row.name, row.node), (row.slots, row.busy)
    sound = all(isinstance(text, str) for text in texts) and all(type(n) is int for n in numbers)
    return row if sound and isinstance(row.lost, bool) else None
