"""Covariance matrix adaptation (Hansen 2016): moves a normal distribution to where the space is good."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Requirements, SamplerSpec
from rnnsweep.options import Count, Positive, option

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Requirements) -> "BaseSampler":
    from rnnsweep.methods.cma_es import SafeCmaEsSampler

    return SafeCmaEsSampler(seed=asked.seed, warn_independent_sampling=False, **asked.options)


def _misfit(asked: Requirements) -> str | None:
    if asked.objectives > 1:
        return "it searches for one objective; use tpe or nsga2"
    return None if asked.ranges else "it needs at least one range; use tpe or grid"


SAMPLER = SamplerSpec(
    _make,
    {
        "n_startup_trials": option(Count, "random trials at the start", default=1, example=8),
        "sigma0": option(
            Positive, "standard deviation at the start", default="a sixth of the space", example=0.2
        ),
        "popsize": option(Count, "trials of one generation", default="4 + 3 log(number of keys)", example=8),
    },
    _misfit,
)
