"""Each trial drawn by itself."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Asked, SamplerSpec

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Asked) -> "BaseSampler":
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=asked.seed)


SAMPLER = SamplerSpec(_make, {}, independent=True, covers_space=True)
