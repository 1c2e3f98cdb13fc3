"""What the steps that a row was not part of add up to, for stacked members, on the device.

The same running sums as `rnnsweep.optim.skipped`, with each member's own numbers and its own count of
steps; pushing a step and forward_pass the sums are operations of fixed shapes.

Shapes: K members, Q moments, L steps since all of a member's rows were up to date, W skipped steps that still
count, M rows of a member.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from rnnsweep.optim.skipped import NEGLIGIBLE


def window_of(ratios: Sequence[float]) -> int:
    """Count the skipped steps that still matter, rounded up to a power of two."""
    needed = math.ceil(math.log(NEGLIGIBLE) / math.log(max([*ratios, 1e-3])))
    return 1 << max(0, needed - 1).bit_length()


class Part(NamedTuple):
    """The sums of some members."""

    now_K: Tensor
    moments_KQL: Tensor
    logarithm_KL: Tensor

    def since(self, last_KM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sum up the steps after each row's last touch: moments_KQM, decay_KM and gap_KM."""
        now_K1 = self.now_K.unsqueeze(1)
        decay_KM = (self.logarithm_KL.gather(1, now_K1) - self.logarithm_KL.gather(1, last_KM)).exp()
        index_KQM = last_KM.unsqueeze(1).expand(-1, self.moments_KQL.shape[1], -1)
        moments_KQM = self.moments_KQL.gather(2, index_KQM) * decay_KM.unsqueeze(1)
        return moments_KQM, decay_KM, now_K1 - last_KM


class StackedSums:
    """The sums for every possible step of last touch of each member.

    Args:
        members: K.
        moments: Q, sums that are kept of the skipped steps.
        room: L, steps of last touch that can be told apart.
        window: W, skipped steps that still matter.
        device: of the members.
    """

    def __init__(self, members: int, *, moments: int, room: int, window: int, device: torch.device) -> None:
        zeros = partial(torch.zeros, dtype=torch.float64, device=device)
        self.room, self.window = room, window
        self.now_K = torch.zeros(members, dtype=torch.int64, device=device)
        self.moments_KQL = zeros(members, moments, room)
        self.logarithm_KL = zeros(members, room)
        self.powers_KQW = zeros(members, moments, window)
        self._ages_1W = torch.arange(window, 0, -1, device=device).unsqueeze(0)

    def start(self, member: int, ratios: Sequence[float]) -> None:
        """Begin a member, with the ratios of its own optimiser."""
        self.clear(member)
        base_Q1 = torch.tensor(ratios, dtype=torch.float64).unsqueeze(1)
        powers_QW = base_Q1 ** torch.arange(self.window, 0, -1)
        self.powers_KQW[member].copy_(powers_QW)

    def clear(self, member: int) -> None:
        """Note that all rows of a member are up to date."""
        for sums in (self.now_K, self.moments_KQL, self.logarithm_KL):
            sums[member].zero_()

    def push(self, gains_KQ: Tensor, decay_K: Tensor, active_K: Tensor) -> None:
        """Count one step for all rows of the members that take part."""
        before_K1 = self.now_K.unsqueeze(1)
        logarithm_K1 = self.logarithm_KL.gather(1, before_K1) + decay_K.log().unsqueeze(1)
        self.now_K.add_(active_K)
        now_K1 = self.now_K.unsqueeze(1)
        kept_K1 = self.logarithm_KL.gather(1, now_K1)
        logarithm_K1 = torch.where(active_K.unsqueeze(1), logarithm_K1, kept_K1)
        self.logarithm_KL.scatter_(1, now_K1, logarithm_K1)
        place_KW = now_K1 - self._ages_1W
        counts_KW = (place_KW >= 0) & active_K.unsqueeze(1)
        place_KW = place_KW.clamp(min=0)
        # relative to the weight at the last touch; `since` multiplies the decay since then back in
        relative_KW = (self.logarithm_KL.gather(1, place_KW) - logarithm_K1).exp()
        scale_KW = torch.where(counts_KW, relative_KW, 0.0)
        terms_KQW = gains_KQ.unsqueeze(2) * self.powers_KQW
        terms_KQW = torch.where(counts_KW.unsqueeze(1), terms_KQW * scale_KW.unsqueeze(1), 0.0)
        self.moments_KQL.scatter_add_(2, place_KW.unsqueeze(1).expand_as(terms_KQW), terms_KQW)

    def of(self, members: slice) -> Part:
        """Return the sums of some members."""
        return Part(self.now_K[members], self.moments_KQL[members], self.logarithm_KL[members])

    def since(self, last_KM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sum up the steps after each row's last touch: moments_KQM, decay_KM and gap_KM."""
        return self.of(slice(None)).since(last_KM)
