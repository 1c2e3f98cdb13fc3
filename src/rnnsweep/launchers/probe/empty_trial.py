"""A trial that trains nothing: it uses the GPU of its slot once, and returns what its node has."""

import json
import socket
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection

from rnnsweep.errors import UserError
from rnnsweep.hardware import usable_cores, usable_memory
from rnnsweep.launchers.local import child
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Channel, Outcome, TrialTask


@dataclass(frozen=True)
class NodeFacts:
    """What an empty trial saw of its node.

    Attributes:
        node: its name.
        cores: that a process may use there.
        memory: bytes that it may use.
        gpu: the GPU of the slot, which computed; None for a CPU slot.
    """

    node: str
    cores: int
    memory: int
    gpu: str | None

    @staticmethod
    def of(outcome: Outcome) -> "NodeFacts | None":
        """Return what the outcome of an empty trial says; None where it failed."""
        if outcome.state != "complete" or outcome.reason is None:
            return None
        return NodeFacts(**json.loads(outcome.reason))


def main(connection: Connection, task: TrialTask, slot: Slot) -> None:
    """Run one empty trial in this process, and leave."""
    child.main(connection, task, slot, run=partial(try_slot, slot=slot))


def try_slot(task: TrialTask, channel: Channel, *, slot: Slot) -> Outcome:
    """Compute on the GPU of the slot, if it is one.

    Raises:
        UserError: it is one, and PyTorch cannot use it here.
    """
    node = socket.gethostname()
    gpu = None if slot.gpu is None else _gpu(node)
    facts = NodeFacts(node, usable_cores(), usable_memory(), gpu)
    return Outcome("complete", reason=json.dumps(asdict(facts)))


def _gpu(node: str) -> str:
    import torch

    try:
        torch.zeros(8, device="cuda").sum().item()
        return torch.cuda.get_device_name(0)
    except (RuntimeError, AssertionError) as error:  # no driver; or a PyTorch without CUDA
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"PyTorch cannot use a GPU of {node}: {reason}") from None
