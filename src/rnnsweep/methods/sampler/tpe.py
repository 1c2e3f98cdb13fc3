"""Tree-structured Parzen estimator (Bergstra et al. 2011): fits any space and any budget."""

from typing import TYPE_CHECKING, Any

from rnnsweep.methods.spec import Requirements, SamplerSpec
from rnnsweep.options import Count, Flag, Natural, option

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

MOST = 10_000  # trials of a study; each ask weighs all of them, which takes 0.1 s there


def _make(asked: Requirements) -> "BaseSampler":
    from rnnsweep.methods.tpe import QuickTPESampler

    options: dict[str, Any] = {"group": asked.linked, **asked.options}
    if options.get("multivariate") is False:
        options["group"] = False
    elif options["group"]:
        options["multivariate"] = True
    return QuickTPESampler(seed=asked.seed, **options)


def _misfit(asked: Requirements) -> str | None:
    if asked.trials is None or asked.trials <= MOST:
        return None
    return (
        f"it weighs all earlier trials before each new one, so a study takes at most {MOST:,} trials;"
        " take random or qmc, or several sweeps"
    )


SAMPLER = SamplerSpec(
    _make,
    {
        "n_startup_trials": option(Natural, "random trials at the start", default=10, example=8),
        "n_ei_candidates": option(
            Count, "candidates of each proposal, of which the best is taken", default=24, example=48
        ),
        "multivariate": option(Flag, "model the keys together", default=True, example=False),
        "group": option(
            Flag,
            "model the keys that occur together as groups",
            default="true where keys depend on others",
            example=True,
        ),
        "constant_liar": option(
            Flag, "keep away from what running trials already try", default=True, example=False
        ),
    },
    _misfit,
)
