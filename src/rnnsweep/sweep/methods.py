"""Samplers and pruners by name, with the options that a sweep file may give them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rnnsweep.sweep.values import Field

Reader = Callable[[Field], Any]


@dataclass(frozen=True)
class Method:
    """A sampler or a pruner: its name and options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


def _count(entry: Field) -> int:
    return entry.integer(low=1)


def _natural(entry: Field) -> int:
    return entry.integer(low=0)


def _number(entry: Field) -> float:
    return entry.number(above=0)


def _not_negative(entry: Field) -> float:
    value = entry.number()
    if value < 0:
        raise entry.wrong("a number, 0 or more")
    return value


def _boolean(entry: Field) -> bool:
    return entry.boolean()


def _percentage(entry: Field) -> float:
    value = entry.number()
    if not 0 <= value <= 100:
        raise entry.wrong("a percentage from 0 to 100")
    return value


def _factor(entry: Field) -> int:
    return entry.integer(low=2)


def _qmc_type(entry: Field) -> str:
    return entry.one_of(("sobol", "halton"))


def _inside(entry: Field) -> str:
    return entry.one_of([name for name in PRUNERS if name != "patient"])


SAMPLERS: dict[str, dict[str, Reader]] = {
    "cmaes": {"n_startup_trials": _count, "sigma0": _number, "popsize": _count},
    "gp": {"n_startup_trials": _count, "deterministic_objective": _boolean},
    "grid": {},
    "nsga2": {"population_size": _factor, "mutation_prob": _number, "crossover_prob": _number},
    "qmc": {"qmc_type": _qmc_type, "scramble": _boolean},
    "random": {},
    "tpe": {
        "n_startup_trials": _natural,
        "n_ei_candidates": _count,
        "multivariate": _boolean,
        "group": _boolean,
        "constant_liar": _boolean,
    },
}

# `startup` counts trials; `warmup`, `interval`, `minimum` and `patience` count epochs, parts of one included.
_QUANTILE: dict[str, Reader] = {
    "startup": _natural,
    "warmup": _not_negative,
    "interval": _number,
}
PRUNERS: dict[str, dict[str, Reader]] = {
    "asha": {"minimum": _number, "factor": _factor},
    "hyperband": {"minimum": _number, "factor": _factor},
    "median": _QUANTILE,
    "none": {},
    "patient": {"patience": _number, "delta": _not_negative, "inside": _inside, **_QUANTILE},
    "percentile": {"percentile": _percentage, **_QUANTILE},
}


def read_method(entry: Field, known: dict[str, dict[str, Reader]]) -> Method:
    """Read ``tpe`` or ``{name: tpe, n_startup_trials: 8}``.

    Raises:
        UserError: an unknown name or option, or a wrong value of one.
    """
    given = {"name": entry.value} if isinstance(entry.value, str) else entry.mapping()
    name = entry.at("name", given.get("name")).one_of(known)
    readers = known[name]
    Field(entry.path, entry.key, given).mapping(("name", *readers))
    options = {key: readers[key](entry.at(key, v)) for key, v in given.items() if key != "name"}
    return Method(name, options)
