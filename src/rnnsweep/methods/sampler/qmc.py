"""The points of one low-discrepancy sequence: they cover the space more evenly than random ones."""

from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Requirements, SamplerSpec
from rnnsweep.options import Flag, one_of, option

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Requirements) -> "BaseSampler":
    from optuna.samplers import QMCSampler, RandomSampler

    return QMCSampler(
        seed=asked.study_seed,  # the points of one sequence: its scrambling must not change
        independent_sampler=RandomSampler(seed=asked.seed),
        warn_independent_sampling=False,
        **{"scramble": True, **asked.options},
    )


SAMPLER = SamplerSpec(
    _make,
    {
        "qmc_type": option(
            one_of("sobol", "halton"), "low-discrepancy sequence", default="sobol", example="halton"
        ),
        "scramble": option(Flag, "randomise the sequence by the seed", default=True, example=False),
    },
    independent=True,
    covers_space=True,
)
