"""Every point of a grid once, in an order that the seed draws."""

from math import prod
from typing import TYPE_CHECKING

from rnnsweep.methods.spec import Requirements, SamplerSpec

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _make(asked: Requirements) -> "BaseSampler":
    from optuna.samplers import GridSampler

    return GridSampler(asked.grid(), seed=asked.study_seed)  # the order must not change from trial to trial


def _misfit(asked: Requirements) -> str | None:
    if asked.stepless:
        return f"{asked.stepless[0]} is a float without a step; give it `step:` or `choices:`"
    if asked.conditional:
        return f"{asked.conditional[0]} is conditional; use tpe"
    points = prod(len(values) for values in asked.grid().values())
    if asked.trials is None or asked.trials > points:
        return f"the grid has {points} points; set trials to {points} or fewer"
    return None


SAMPLER = SamplerSpec(_make, {}, _misfit, independent=True, covers_space=True, exhausts=True)
