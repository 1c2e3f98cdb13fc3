"""The gradients of a run's processes, added up in each of them.

All processes of a run are on one machine. On the CPU each writes its gradients into memory that all share,
and adds up what all wrote. Elsewhere PyTorch does it: on the CPU it would send them through sockets.

Shapes: W processes, N numbers of all gradients.
"""

import mmap
import os
from collections.abc import Sequence

import torch
from torch import Tensor, distributed

_ROOM = 1.25  # of a new memory, as a share of what is wanted: some batches have more rows than others


class GradientSum:
    """Adds gradients up, always in the order of the ranks: all processes get the same numbers."""

    def __init__(self) -> None:
        # of each process two places: one is written while others may still read what is in the other
        self._places_2WN: Tensor | None = None
        self._turn = 0

    def add_up(self, gradients: Sequence[Tensor]) -> None:
        """Write the sum over all processes into each gradient; each process has the same shapes."""
        kinds = {(gradient.device.type, gradient.dtype) for gradient in gradients}
        if len(kinds) > 1 or "cpu" not in {device for device, _ in kinds} or not hasattr(os, "memfd_create"):
            _reduce(gradients)
            return
        sizes = [gradient.numel() for gradient in gradients]
        self._turn = 1 - self._turn
        places_WN = self._places(sum(sizes), gradients[0].dtype)[self._turn, :, : sum(sizes)]
        torch.cat([gradient.flatten() for gradient in gradients], out=places_WN[distributed.get_rank()])
        distributed.barrier()
        first, *others = (place_N.split(sizes) for place_N in places_WN)
        for number, gradient in enumerate(gradients):
            total = first[number].view_as(gradient)
            for other in others:
                total = torch.add(total, other[number].view_as(gradient), out=gradient)

    def _places(self, size: int, dtype: torch.dtype) -> Tensor:
        """Return the shared memory; where it is too small all processes make a new one, at the same step."""
        places = self._places_2WN
        if places is None or places.shape[2] < size or places.dtype != dtype:
            shape = (2, distributed.get_world_size(), int(size * _ROOM))
            memory = _shared_memory(shape[0] * shape[1] * shape[2] * dtype.itemsize)
            places = self._places_2WN = torch.frombuffer(memory, dtype=dtype).view(shape)
        return places


def _shared_memory(size: int) -> mmap.mmap:
    """Return memory that all processes of the run share; it is gone with the last of them."""
    own = os.memfd_create("rnnsweep-gradients")
    os.ftruncate(own, size)
    path = [f"/proc/{os.getpid()}/fd/{own}"]
    distributed.broadcast_object_list(path)
    file = os.open(path[0], os.O_RDWR)
    memory = mmap.mmap(file, size)
    distributed.barrier()  # the first process keeps its file until all have opened it
    for each in (file, own):
        os.close(each)
    return memory


def _reduce(gradients: Sequence[Tensor]) -> None:
    flat_N = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat_N)
    totals = torch.split(flat_N, [gradient.numel() for gradient in gradients])
    for gradient, total in zip(gradients, totals, strict=True):
        gradient.copy_(total.view_as(gradient))
