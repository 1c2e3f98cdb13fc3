"""Covariance matrix adaptation (Hansen 2016): moves a normal distribution to where the space is good."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Asked, SamplerSpec
from rnnsweep.options import Count, Positive

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Asked) -> "BaseSampler":
    from rnnsweep.methods.cma_es import SafeCmaEsSampler

    return SafeCmaEsSampler(seed=asked.seed, warn_independent_sampling=False, **asked.options)


def _misfit(asked: Asked) -> str | None:
    if asked.objectives > 1:
        return "it searches for one objective; use tpe or nsga2"
    return None if asked.ranges else "it needs at least one range; use tpe or grid"


SAMPLER = SamplerSpec(_make, {"n_startup_trials": Count, "sigma0": Positive, "popsize": Count}, _misfit)
