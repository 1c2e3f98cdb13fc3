"""What the steps that a row was not part of add up to.

An optimiser with momentum moves every row of an embedding at every step, also those that no batch touched:
their gradient is zero, but their momentum is not. With zero gradients the update has a closed form. Let s be
the step of a row's last touch, m and v its moments then, and x = sqrt(v). Adam's update at a later step j is

    lr_j * mhat_j / (sqrt(vhat_j) + eps) = m * g_j * r^(j-s) / (x + eps * q_j * b^(s-j))

with r = beta1 / sqrt(beta2), b = sqrt(beta2), q_j = sqrt(1 - beta2^j), g_j = lr_j * q_j / (1 - beta1^j).
Their sum over j = s+1 .. t is a sum of weights over shifted nodes, sum_j weight_j / (x + eps * node_j). It is
replaced by the two-point Gauss quadrature with the same first four moments: as good as exact, since the
nodes lie close together and matter only where x is as small as eps. The moments of all s grow by one vector
operation a step.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from rnnsweep.optim import kernels
from rnnsweep.runtime.compiled import AVAILABLE

Doubles = NDArray[np.float64]
NEGLIGIBLE = 1e-12  # what a step so long ago still adds, relative to its first addition


class SkippedSums(NamedTuple):
    """For each of N rows: the four moments of the skipped steps' weights, the decay and the steps skipped."""

    moments_KN: Doubles
    decay_N: Doubles
    gap_N: NDArray[np.int64]


class Skipped:
    """The running sums for every possible step of last touch since the last time that all rows were level."""

    def __init__(self, ratios: list[float]) -> None:
        """`ratios`: by how much each moment's terms shrink from one skipped step to the next."""
        largest = max([*ratios, 1e-3])
        assert largest < 1, "the sums do not converge"
        window = int(np.ceil(np.log(NEGLIGIBLE) / np.log(largest)))
        ages = np.arange(window, 0, -1)
        self._powers_KW = np.stack([np.power(ratio, ages) for ratio in ratios])
        self._window = window
        self.clear()

    def clear(self) -> None:
        """Start anew: all rows are level."""
        self.now = 0
        self._moments_KS = np.zeros((len(self._powers_KW), 1024))
        self._logarithm_S = np.zeros(1024)  # of the product of all decays up to a step

    @property
    def sums(self) -> tuple[Doubles, Doubles]:
        """Return the moments and the logarithms of the decays for each step of last touch."""
        return self._moments_KS, self._logarithm_S

    def push(self, gains_K: Doubles, *, decay: float = 1.0) -> None:
        """Count one step for all rows: its gain in each moment, and the factor on weights before it."""
        self.now += 1
        self._make_room()
        if AVAILABLE:
            sums, powers_KW = (self._moments_KS, self._logarithm_S), self._powers_KW
            kernels.push_step(*sums, powers_KW, gains_K, self.now, float(decay))
            return
        self._logarithm_S[self.now] = self._logarithm_S[self.now - 1] + np.log(decay)
        first = max(0, self.now - self._window)
        terms_KW = gains_K[:, None] * self._powers_KW[:, first - self.now :]
        if decay != 1.0:  # relative to the weight at s; `since` multiplies the decay since s back in
            terms_KW *= np.exp(self._logarithm_S[first : self.now] - self._logarithm_S[self.now])
        self._moments_KS[:, first : self.now] += terms_KW

    def since(self, last_N: NDArray[np.int64]) -> SkippedSums:
        """Sum up the steps after each row's last touch."""
        decay_N = np.exp(self._logarithm_S[self.now] - self._logarithm_S[last_N])
        return SkippedSums(self._moments_KS[:, last_N] * decay_N, decay_N, self.now - last_N)

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be saved."""
        used = self.now + 1
        moments_KS, logarithm_S = self._moments_KS[:, :used], self._logarithm_S[:used]
        return {
            "now": self.now,
            "moments": torch.from_numpy(moments_KS.copy()),
            "logarithm": torch.from_numpy(logarithm_S.copy()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state over."""
        self.clear()
        self.now = int(state["now"])
        self._make_room()
        self._moments_KS[:, : self.now + 1] = state["moments"].numpy()
        self._logarithm_S[: self.now + 1] = state["logarithm"].numpy()

    def _make_room(self) -> None:
        room = len(self._logarithm_S)
        more = max(room, self.now + 1 - room)
        if self.now >= room:
            self._moments_KS = np.pad(self._moments_KS, ((0, 0), (0, more)))
            self._logarithm_S = np.pad(self._logarithm_S, (0, more))


def quadrature(moments_4N: Doubles) -> tuple[Doubles, Doubles]:
    """Find two nodes and weights with the same four moments.

    Returns:
        weights_2N, nodes_2N; both nodes are the mean where the spread is nothing (Golub and Welsch 1969
        give the general case; for two points it is a quadratic equation).
    """
    total_N = np.where(moments_4N[0] > 0, moments_4N[0], 1.0)
    mean_N, second_N, third_N = np.where(moments_4N[0] > 0, moments_4N[1:] / total_N, 1.0)
    variance_N = second_N - mean_N**2
    spread_N = variance_N > 1e-9 * mean_N**2  # below, rounding decides
    variance_N = np.where(spread_N, variance_N, 1.0)
    skew_N = (third_N - 3 * mean_N * variance_N - mean_N**3) / (2 * variance_N)
    skew_N = np.where(spread_N, skew_N, 0.0)
    half_N = np.where(spread_N, np.sqrt(skew_N**2 + variance_N), 0.0)
    share_N = np.where(spread_N, (half_N - skew_N) / (2 * np.where(spread_N, half_N, 1.0)), 0.5)
    nodes_2N = np.stack((mean_N + skew_N + half_N, mean_N + skew_N - half_N))
    return np.stack((share_N, 1 - share_N)) * moments_4N[0], nodes_2N
