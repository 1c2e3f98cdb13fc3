"""A Gaussian process: few trials, each of which costs more than the one before."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Requirements, SamplerSpec
from rnnsweep.options import Count, Flag, option

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

MOST_TRIALS = 300  # above it one proposal takes seconds, later minutes


def _make(asked: Requirements) -> "BaseSampler":
    from optuna.samplers import GPSampler

    return GPSampler(seed=asked.seed, **asked.options)


def _misfit(asked: Requirements) -> str | None:
    if asked.linked:
        return "conditional keys (`when:`) are beyond it; use tpe"
    if asked.trials is None or asked.trials > MOST_TRIALS:
        return f"it takes at most {MOST_TRIALS} trials, as each costs more than the one before; use tpe"
    return None


SAMPLER = SamplerSpec(
    _make,
    {
        "n_startup_trials": option(Count, "random trials at the start", default=10, example=8),
        "deterministic_objective": option(Flag, "take scores as free of noise", default=False, example=True),
    },
    _misfit,
)
