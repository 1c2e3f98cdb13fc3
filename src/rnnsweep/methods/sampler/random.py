"""Each trial drawn by itself."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Requirements, SamplerSpec

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Requirements) -> "BaseSampler":
    from optuna.samplers import RandomSampler

    return RandomSampler(asked.seed)


SAMPLER = SamplerSpec(_make, {}, independent=True, covers_space=True)
