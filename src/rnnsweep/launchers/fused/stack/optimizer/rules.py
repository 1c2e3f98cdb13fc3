"""The optimisers' arithmetic for stacked members: each with its own numbers, as tensors.

Equations as torch.optim has them; what the steps do to a row that no batch touched as in
`rnnsweep.optim.skipped`, with the same quadrature.

Shapes: K members, x whatever follows (weights, or rows and numbers of a row), M rows of a member, Q moments.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.lazy import LazyAdam

Numbers = Mapping[str, Tensor]  # of each member, in double precision
EPS = 1e-8  # torch.optim's default
SETTINGS = ("beta1", "beta2", "coupled", "decoupled")


def settings_of(config: OptimizerConfig) -> dict[str, float]:
    """Return a member's numbers: two betas, or the momentum, and weight decay, coupled or decoupled."""
    if config.name == "sgd":
        return {"beta1": config.momentum, "beta2": 0.0, "coupled": config.weight_decay, "decoupled": 0.0}
    beside = config.name == "adamw"
    return {
        "beta1": config.beta1,
        "beta2": config.beta2,
        "coupled": 0.0 if beside else config.weight_decay,
        "decoupled": config.weight_decay if beside else 0.0,
    }


def _like(number_K: Tensor, values_Kx: Tensor) -> Tensor:
    """Return a number of each member in the shape and the precision of its values."""
    return number_K.to(values_Kx.dtype).view(-1, *[1] * (values_Kx.ndim - 1))


class Adam:
    """torch.optim.Adam and AdamW."""

    states: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")
    moments = 4

    @staticmethod
    def ratios(settings: Mapping[str, float]) -> list[float]:
        """Return by how much each moment's terms shrink from one skipped step to the next."""
        return LazyAdam.ratios((settings["beta1"], settings["beta2"]))

    @staticmethod
    def step(values: list[Tensor], gradient: Tensor, *, rate_K: Tensor, n: Numbers) -> list[Tensor]:
        """Return weights, means and squares after a step.

        Args:
            values: weights, means and squares, Kx each.
            gradient: Kx.
            rate_K: learning rates.
            n: numbers of the optimiser; ``n["step"]`` counts this step already.
        """
        weights, mean, square = values
        gradient = gradient + weights * _like(n["coupled"], weights)
        mean = torch.lerp(mean, gradient, _like(1 - n["beta1"], mean))
        beta2 = _like(n["beta2"], square)
        square = square * beta2 + gradient.square() * _like(1 - n["beta2"], square)
        size = _like(rate_K / (1 - n["beta1"] ** n["step"]), weights)
        root = _like((1 - n["beta2"] ** n["step"]).rsqrt(), weights)
        decayed = weights * _like(1 - rate_K * n["decoupled"], weights)
        return [decayed - size * mean / (square.sqrt() * root + EPS), mean, square]

    @staticmethod
    def gains(rate_K: Tensor, n: Numbers) -> Tensor:
        """Return gains_KQ of the step that was just done, for rows that it did not touch."""
        root_K = (1 - n["beta2"] ** n["step"]).sqrt()
        gain_K = rate_K * root_K / (1 - n["beta1"] ** n["step"])
        return gain_K.unsqueeze(1) * root_K.unsqueeze(1) ** torch.arange(4, device=root_K.device)

    @staticmethod
    def catch_up(
        values: list[Tensor], moments_KQM: Tensor, decay_KM: Tensor, gap_KM: Tensor, n: Numbers
    ) -> list[Tensor]:
        """Return weights, means and squares of rows with the skipped steps applied, (K, M, E) each.

        Args:
            values: weights, means and squares.
            moments_KQM: of the skipped steps.
            decay_KM: what they leave of the weights.
            gap_KM: skipped steps.
            n: numbers of the optimiser.
        """
        weights, mean, square = values
        shares, nodes = quadrature(moments_KQM)
        roots = square.sqrt()
        step = weights * _column(decay_KM, weights)
        for share_KM, node_KM in zip(shares, nodes, strict=True):
            step = step - mean * _column(share_KM, mean) / (roots + _column(EPS * node_KM, roots))
        mean = mean * _column(n["beta1"].unsqueeze(1) ** gap_KM, mean)
        return [step, mean, square * _column(n["beta2"].unsqueeze(1) ** gap_KM, square)]


class SGD:
    """torch.optim.SGD with momentum."""

    states: ClassVar[tuple[str, ...]] = ("momentum_buffer",)
    moments = 1

    @staticmethod
    def ratios(settings: Mapping[str, float]) -> list[float]:
        """Return by how much the velocity shrinks from one skipped step to the next."""
        return [settings["beta1"]]

    @staticmethod
    def step(values: list[Tensor], gradient: Tensor, *, rate_K: Tensor, n: Numbers) -> list[Tensor]:
        """Return weights and velocities after a step.

        Args:
            values: weights and velocities, Kx each.
            gradient: Kx.
            rate_K: learning rates.
            n: numbers of the optimiser.
        """
        weights, velocity = values
        gradient = gradient + weights * _like(n["coupled"], weights)
        velocity = velocity * _like(n["beta1"], velocity) + gradient
        return [weights - _like(rate_K, weights) * velocity, velocity]

    @staticmethod
    def gains(rate_K: Tensor, n: Numbers) -> Tensor:
        """Return gains_KQ of the step that was just done, for rows that it did not touch."""
        return rate_K.unsqueeze(1)

    @staticmethod
    def catch_up(
        values: list[Tensor], moments_KQM: Tensor, decay_KM: Tensor, gap_KM: Tensor, n: Numbers
    ) -> list[Tensor]:
        """Return weights and velocities of rows with the skipped steps applied, (K, M, E) each.

        Args:
            values: weights and velocities.
            moments_KQM: of the skipped steps.
            decay_KM: what they leave of the weights.
            gap_KM: skipped steps.
            n: numbers of the optimiser.
        """
        weights, velocity = values
        step = weights - velocity * _column(moments_KQM[:, 0], velocity)
        return [step, velocity * _column(n["beta1"].unsqueeze(1) ** gap_KM, velocity)]


Rule = type[Adam] | type[SGD]


def rule_of(config: OptimizerConfig) -> Rule:
    """Return the arithmetic of an optimiser."""
    return SGD if config.name == "sgd" else Adam


def _column(numbers_KM: Tensor, values_KME: Tensor) -> Tensor:
    return numbers_KM.to(values_KME.dtype).unsqueeze(2)


def quadrature(moments_K4M: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return two weights and two nodes with the same four moments, as `rnnsweep.optim.skipped` does."""
    total, first, second, third = moments_K4M.unbind(1)
    some = total > 0
    sure = torch.where(some, total, 1.0)
    mean, second, third = (torch.where(some, each / sure, 1.0) for each in (first, second, third))
    variance = second - mean**2
    spread = variance > 1e-9 * mean**2  # below, rounding decides
    variance = torch.where(spread, variance, 1.0)
    skew = torch.where(spread, (third - 3 * mean * variance - mean**3) / (2 * variance), 0.0)
    half = torch.where(spread, (skew**2 + variance).sqrt(), 0.0)
    share = torch.where(spread, (half - skew) / (2 * torch.where(spread, half, 1.0)), 0.5)
    return (share * total, (1 - share) * total), (mean + skew + half, mean + skew - half)
