"""Samplers and pruners by name, with the options that a sweep file may give them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, create_model

from rnnsweep.errors import nearest
from rnnsweep.options import (
    AtLeastTwo,
    Count,
    Flag,
    Natural,
    NotNegative,
    Percentage,
    Positive,
    Section,
    fault,
    one_of,
    wrong,
)
from rnnsweep.sweepfile.sweep import Method

SAMPLERS: dict[str, dict[str, Any]] = {
    "cmaes": {"n_startup_trials": Count, "sigma0": Positive, "popsize": Count},
    "gp": {"n_startup_trials": Count, "deterministic_objective": Flag},
    "grid": {},
    "nsga2": {"population_size": AtLeastTwo, "mutation_prob": Positive, "crossover_prob": Positive},
    "qmc": {"qmc_type": one_of("sobol", "halton"), "scramble": Flag},
    "random": {},
    "tpe": {
        "n_startup_trials": Natural,
        "n_ei_candidates": Count,
        "multivariate": Flag,
        "group": Flag,
        "constant_liar": Flag,
    },
}

# `startup` counts trials; `warmup`, `interval`, `minimum` and `patience` count epochs, parts of one included.
_QUANTILE: dict[str, Any] = {"startup": Natural, "warmup": NotNegative, "interval": Positive}
_PRUNERS: dict[str, dict[str, Any]] = {
    "asha": {"minimum": Positive, "factor": AtLeastTwo},
    "hyperband": {"minimum": Positive, "factor": AtLeastTwo},
    "median": _QUANTILE,
    "none": {},
    "percentile": {"percentile": Percentage, **_QUANTILE},
}
_PATIENT = {"patience": Positive, "delta": NotNegative, "inside": one_of(*_PRUNERS), **_QUANTILE}
PRUNERS = dict(sorted({**_PRUNERS, "patient": _PATIENT}.items()))


def method_of(known: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return the type of ``tpe`` or ``{name: tpe, n_startup_trials: 8}``; it is read as a `Method`.

    Args:
        known: {name: {option: its type}}.
    """

    def named(value: Any) -> Any:
        given = {"name": value} if isinstance(value, str) else value
        if not isinstance(given, Mapping):
            raise wrong("a mapping (key: value)")
        name = given.get("name")
        if name not in known:
            raise fault(
                f"{name!r} is not one of {', '.join(known)}.{nearest(str(name), known)}", under="name"
            )
        return given

    models = [(f"<{name}>", _model(name, options)) for name, options in known.items()]
    members: Any = Union[tuple(Annotated[model, Tag(tag)] for tag, model in models)]  # noqa: UP007
    section: Any = Annotated[members, Discriminator(lambda given: f"<{given['name']}>")]
    written: Any = Union[Literal[tuple(known)], section]  # noqa: UP007
    return Annotated[section, AfterValidator(_method), BeforeValidator(named, json_schema_input_type=written)]


def _model(name: str, options: Mapping[str, Any]) -> type[Section]:
    """Return the section of one method, whose options have no default here: its maker has."""
    fields: dict[str, Any] = {key: (kind, Field(default=None)) for key, kind in options.items()}
    only: Any = Literal[name]
    return create_model(name, __base__=Section, name=(only, ...), **fields)


def _method(given: Any) -> Method:
    return Method(given.name, given.model_dump(include=given.model_fields_set - {"name"}))
