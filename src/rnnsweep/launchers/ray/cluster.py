"""The nodes of a Ray cluster as rooms for agents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.controller.request import slots_of_agent
from rnnsweep.launchers.agents.transport import Room
from rnnsweep.machine import Share


@dataclass(frozen=True)
class RayRoom(Room):
    """Room for one agent, with what Ray is asked for.

    Attributes:
        node_id: of the node where the agent is wanted; Ray takes another one where this one is gone. None is
            a node that is not there yet.
        cpus: of the agent.
        gpus: of the agent, whole ones: its trials share them.
    """

    node_id: str | None
    cpus: int
    gpus: int


def rooms_of(nodes: Sequence[Mapping[str, Any]], request: Share, *, place: str) -> tuple[RayRoom, ...]:
    """Return the rooms of the nodes that are alive, as large as each node allows, and of nodes to come.

    Args:
        nodes: as ``ray.nodes()`` lists them.
        request: what a slot needs.
        place: the file that says so, for messages.

    Raises:
        UserError: no node has room for one slot.
    """
    alive = sorted(
        (node for node in nodes if node["Alive"]), key=lambda node: str(node["NodeManagerAddress"])
    )
    rooms = [room for node in alive for room in _rooms_of_node(node, request)]
    if not rooms and not request.autoscale:
        have = [f"{_count(n, 'CPU')} CPUs and {_count(n, 'GPU')} GPUs" for n in alive]
        needs = f"{request.threads} CPU" + ("s" if request.threads > 1 else "")
        needs += "" if request.share is None else " and a GPU"
        raise UserError(
            f"{place}: slots: a slot needs {needs}, and no node of the Ray cluster has as much:"
            f" they have {' or '.join(dict.fromkeys(have)) or 'nothing'}",
            remedy="ask for less in slots:, or start a larger node with `ray start --address=HEAD`",
        )
    limited = _limited(rooms, request)
    return (*limited, *_rooms_to_come(limited, request)) if request.autoscale else limited


def _rooms_to_come(there: Sequence[RayRoom], request: Share) -> Iterator[RayRoom]:
    """Yield rooms of nodes that the cluster starts for agents that wait, for the slots that are missing.

    An agent has as many slots as the file says, else as the largest one that has room now, else one.
    """
    size = request.together or max((room.count for room in there), default=1)
    left, number = (request.most or 0) - sum(room.count for room in there), 0
    while left > 0:
        number += 1
        yield _room(f"new node {number}", None, min(size, left), request)
        left -= size


def _rooms_of_node(node: Mapping[str, Any], request: Share) -> list[RayRoom]:
    name, node_id = str(node["NodeManagerAddress"]), str(node["NodeID"])
    cpus, gpus = _count(node, "CPU"), _count(node, "GPU")
    slots = cpus // request.threads
    if request.share is not None:
        slots = min(slots, gpus * request.share)
    whole = request.together or slots
    return [
        _room(name, node_id, min(whole, slots - first), request) for first in range(0, slots, max(1, whole))
    ]


def _room(name: str, node_id: str | None, slots: int, request: Share) -> RayRoom:
    text = slots_of_agent(slots, threads=request.threads, share=request.share)
    gpus = 0 if request.share is None else -(-slots // request.share)
    return RayRoom(name, text, node_id, cpus=slots * request.threads, gpus=gpus)


def _limited(rooms: Sequence[RayRoom], request: Share) -> tuple[RayRoom, ...]:
    """Leave out what is above the number of slots that are wanted in all."""
    left, taken = request.most, []
    for room in rooms:
        if left is not None and left < room.count:
            if left:
                taken.append(_room(room.node, room.node_id, left, request))
            break
        taken.append(room)
        left = None if left is None else left - room.count
    return tuple(taken)


def _count(node: Mapping[str, Any], resource: str) -> int:
    return int(node["Resources"].get(resource, 0))
