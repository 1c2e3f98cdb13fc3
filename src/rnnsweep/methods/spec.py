"""What a sampler and a pruner are: their options, how they are made, and what holds for what they do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler


@dataclass(frozen=True)
class Requirements:
    """What a sampler is made for: one trial of a study."""

    options: Mapping[str, Any]  # those that the sweep file sets
    seed: int  # of this trial: a sampler made anew with the same seed would repeat its proposals
    study_seed: int  # the same for all trials of the study
    trials: int | None  # of the study; None where something else ends it
    objectives: int
    ranges: tuple[str, ...]  # keys of numbers between two ends
    stepless: tuple[str, ...]  # those of them that are floats without a step
    conditional: tuple[str, ...]  # keys that other keys' values switch off
    linked: bool  # one of these values is searched, too
    grid: Callable[[], dict[str, list[Any]]]  # values of each key; no range may be stepless


@dataclass(frozen=True)
class SamplerSpec:
    """One sampler.

    Args:
        make: Optuna's sampler.
        options: types of the options of a sweep file (see `rnnsweep.options`).
        misfit: returns why it does not fit a space or a budget, and what does; None where it fits.
        independent: no trial depends on earlier ones, so any order of them is one that could have been.
        covers_space: its trials lie over the whole space as it is, not where it is good.
        exhausts: it proposes each of finitely many points once, so one that is not trained counts as well.
    """

    make: "Callable[[Requirements], BaseSampler]"
    options: Mapping[str, Any]
    misfit: Callable[[Requirements], str | None] = lambda asked: None
    independent: bool = False
    covers_space: bool = False
    exhausts: bool = False


Rungs: TypeAlias = Callable[[float], int]  # epochs -> validations


@dataclass(frozen=True)
class PrunerSpec:
    """One pruner. A sweep file counts in epochs, Optuna in rungs: the validations of a run.

    Args:
        make: Optuna's pruner, from the options, what turns epochs into rungs, and a run's last rung.
        options: types of the options of a sweep file; `startup` counts trials, all others count epochs.
        prunes: it ends trials, which must have one objective.
    """

    make: "Callable[[Mapping[str, Any], Rungs, int], BasePruner]"
    options: Mapping[str, Any]
    prunes: bool = True
