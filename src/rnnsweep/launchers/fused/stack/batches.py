"""A part of a corpus on the device, and batches of it gathered there.

Shapes: N rows of the part, K members, B texts of a member's batch, T time steps.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rnnsweep.data import EncodedPart
from rnnsweep.data.encoded import NO_TARGET
from rnnsweep.data.tokens import PADDING


class Batches(NamedTuple):
    """A batch of each member; texts that a smaller batch lacks have one padding token and no target."""

    tokens_KTB: Tensor
    lengths_KB: Tensor
    targets_KB: Tensor


class DevicePart:
    """Token ids end to end, as `EncodedPart` has them; copied once."""

    def __init__(self, part: EncodedPart, device: torch.device) -> None:
        self._ids = torch.tensor(part.ids).to(device)
        self._starts_N = torch.tensor(part.offsets_N1[:-1]).to(device)
        self._lengths_N = torch.tensor(part.lengths_N).to(device)
        self._targets_N = torch.tensor(part.targets_N).to(device)

    def gather(self, rows_KB: Tensor, texts_K: Tensor, *, steps: int) -> Batches:
        """Gather the first `texts_K` rows of each member, filled up with padding to `steps` tokens."""
        shape, flat = rows_KB.shape, rows_KB.flatten()
        places_B = torch.arange(shape[1], device=flat.device)
        real_KB = places_B < texts_K.unsqueeze(1)
        starts, lengths, targets = (
            values_N.index_select(0, flat).view(shape)
            for values_N in (self._starts_N, self._lengths_N, self._targets_N)
        )
        steps_1T1 = torch.arange(steps, device=flat.device).view(1, -1, 1)
        at_KTB = (starts.unsqueeze(1) + steps_1T1).clamp(max=len(self._ids) - 1)
        tokens_KTB = self._ids.index_select(0, at_KTB.flatten()).view(at_KTB.shape).long()
        is_word_KTB = (steps_1T1 < lengths.unsqueeze(1)) & real_KB.unsqueeze(1)
        return Batches(
            torch.where(is_word_KTB, tokens_KTB, PADDING),
            torch.where(real_KB, lengths, 1),
            torch.where(real_KB, targets, NO_TARGET),
        )
