"""NSGA-II (Deb et al. 2002): a population of trials, for several objectives."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Asked, SamplerSpec
from rnnsweep.options import AtLeastTwo, Positive

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Asked) -> "BaseSampler":
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=asked.seed, **asked.options)


SAMPLER = SamplerSpec(
    _make, {"population_size": AtLeastTwo, "mutation_prob": Positive, "crossover_prob": Positive}
)
