"""What one batch holds in memory between the forward and the backward pass.

Peak memory of a process is mostly its libraries and the validation batches, so it says little of the batch
size; this counts what the batch size decides.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedPart, gather
from rnnsweep.networks import Network


def activation_bytes(network: nn.Module, part: EncodedPart, run: RunConfig) -> int:
    """Count the bytes saved for the backward pass of the longest texts of a part, a batch of them.

    That is the largest batch that training may meet, or the largest piece where batches are cut into pieces.
    Weights are not counted. Random numbers are left alone.
    """
    rows = math.ceil(run.data.batch_size / run.trainer.accumulate)
    longest_B = np.argsort(-part.lengths_N, kind="stable")[:rows]
    batch = gather(part, longest_B)
    saved = _Saved(network)
    with (
        torch.random.fork_rng(devices=[]),
        saved_tensors_hooks(saved.pack, saved.unpack),
        torch.enable_grad(),
    ):
        outputs = _forward(network, batch.tokens_BT, batch.lengths_B)
        saved.add_layers(outputs.grad_fn)
    return sum(saved.sizes.values())


def _forward(network: Any, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
    """Compute the outputs as training does: by each distinct token once, where that is quicker."""
    if not isinstance(network, Network):
        return network(tokens_BT, lengths_B)  # type: ignore[no-any-return]
    embedding, device = network.embedding, network.embedding.weight.device
    ids_U, places_TB = torch.unique(tokens_BT.t().to(device), return_inverse=True)
    vectors_UE = embedding(ids_U)
    if network.reads_distinct(vectors_UE, tokens=places_TB.numel()):
        return network.read_distinct(vectors_UE, places_TB, lengths_B, padding=None)
    return network(tokens_BT.to(device), lengths_B)  # type: ignore[no-any-return]


class _Saved:
    """The storages that autograd saves, each counted once, however many tensors look at it."""

    def __init__(self, network: nn.Module) -> None:
        tensors = (*network.parameters(), *network.buffers())
        self._weights = {tensor.untyped_storage().data_ptr() for tensor in tensors}
        self.sizes: dict[int, int] = {}
        self._held: list[Tensor] = []  # or storages that are freed on the way would share their addresses

    def pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._weights:
            self.sizes[storage.data_ptr()] = storage.nbytes()
            self._held.append(tensor.detach())
        return tensor

    def add_layers(self, node: Any) -> None:
        """Add what the compiled layers keep beside autograd's tensors: gates and memories."""
        waiting, visited = [node], set[Any]()
        while waiting:
            one = waiting.pop()
            if one is None or one in visited:
                continue
            visited.add(one)
            for tensors in getattr(one, "saved", None) or ():
                for tensor in tensors:
                    self.pack(tensor)
            waiting += [before for before, _ in one.next_functions]

    @staticmethod
    def unpack(tensor: Any) -> Any:
        return tensor
