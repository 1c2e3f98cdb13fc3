"""NSGA-II (Deb et al. 2002): a population of trials, for several objectives."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Requirements, SamplerSpec
from rnnsweep.options import AtLeastTwo, Positive, option

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Requirements) -> "BaseSampler":
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=asked.seed, **asked.options)


SAMPLER = SamplerSpec(
    _make,
    {
        "population_size": option(AtLeastTwo, "trials of one generation", default=50, example=20),
        "mutation_prob": option(
            Positive, "probability that a value changes", default="1 / number of keys", example=0.1
        ),
        "crossover_prob": option(
            Positive, "probability that two trials are combined", default=0.9, example=0.8
        ),
    },
)
