"""Random numbers by counter: what is drawn depends on the key, the step and the place, and on nothing else.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), the generator of Triton's `tl.philox` and of CUDA's own. A
replayed CUDA graph draws anew because the step's number is a tensor. `optim.row_loops` has it as a
compiled loop.

Shapes: K members, N numbers of one member, W = ceil(N / 4) counters; four words a counter.
"""

import torch
from torch import Tensor

from rnnsweep.optim.row_loops import BUMPS, MULTIPLIERS, ROUNDS

_MASK = 0xFFFFFFFF


def words(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return four 32-bit words for each counter, as 64-bit integers; counters and keys broadcast."""
    first, second, third, fourth = counter
    low, high = key
    for _ in range(ROUNDS):
        one, other = first * MULTIPLIERS[0], third * MULTIPLIERS[1]  # wraps past 63 bits, keeps all 64
        first, second, third, fourth = (
            ((other >> 32) & _MASK) ^ second ^ low,
            other & _MASK,
            ((one >> 32) & _MASK) ^ fourth ^ high,
            one & _MASK,
        )
        low, high = (low + BUMPS[0]) & _MASK, (high + BUMPS[1]) & _MASK
    return first, second, third, fourth


def drawn(keys_K2: Tensor, steps_K: Tensor, *, site: int, count: int) -> Tensor:
    """Return words_KN for one place of the network: number n is word n % 4 of counter n // 4.

    Args:
        keys_K2: halves of each member's seed.
        steps_K: number of each member's step.
        site: place in the network.
        count: N, numbers of a member.
    """
    blocks = -(-count // 4)
    numbers_1W = torch.arange(blocks, device=keys_K2.device).unsqueeze(0)
    steps_K1, zeros = steps_K.unsqueeze(1), torch.zeros_like(numbers_1W)
    counter = (numbers_1W, torch.full_like(numbers_1W, site), steps_K1, zeros)
    four = words(counter, (keys_K2[:, :1], keys_K2[:, 1:]))
    return torch.stack(four, dim=2).flatten(1)[:, :count]


def dropout_factors(words_KN: Tensor, rates_K: Tensor, *, dtype: torch.dtype) -> Tensor:
    """Return factors_KN: 0 with a member's rate, else what keeps the mean; ones where the rate is 0."""
    rates_K1 = rates_K.unsqueeze(1)
    kept_KN = words_KN >= (rates_K1 * 2.0**32).to(torch.int64)
    return torch.where(kept_KN, 1 / (1 - rates_K1), 0.0).to(dtype)
