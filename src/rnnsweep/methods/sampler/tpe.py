"""Tree-structured Parzen estimator (Bergstra et al. 2011): fits any space and any budget."""

from typing import TYPE_CHECKING, Any

from rnnsweep.methods.spec import Asked, SamplerSpec
from rnnsweep.options import Count, Flag, Natural

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Asked) -> "BaseSampler":
    from optuna.samplers import TPESampler

    options: dict[str, Any] = {"group": asked.linked, **asked.options}
    if options.get("multivariate") is False:
        options["group"] = False
    elif options["group"]:
        options["multivariate"] = True
    return TPESampler(seed=asked.seed, **options)


SAMPLER = SamplerSpec(
    _make,
    {
        "n_startup_trials": Natural,
        "n_ei_candidates": Count,
        "multivariate": Flag,
        "group": Flag,
        "constant_liar": Flag,
    },
)
