"""Samplers and pruners by name, with the options that a sweep file may give them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, create_model

from rnnsweep.errors import nearest
from rnnsweep.methods import pruners, samplers
from rnnsweep.options import Section, fault, wrong
from rnnsweep.sweepfile.sweep import Method

SAMPLERS: dict[str, Mapping[str, Any]] = {name: spec.options for name, spec in samplers().items()}
MEANT = {"bayes": "tpe", "bayesian": "tpe", "sobol": "qmc"}  # words of other tools
PRUNERS: dict[str, Mapping[str, Any]] = {name: spec.options for name, spec in pruners().items()}


def method_of(known: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return the type of ``tpe`` or ``{name: tpe, n_startup_trials: 8}``; it is read as a `Method`.

    Args:
        known: {name: {option: its type}}.
    """

    def named(value: Any) -> Any:
        section = {"name": value} if isinstance(value, str) else value
        if not isinstance(section, Mapping):
            raise wrong("a mapping (key: value)")
        name = section.get("name")
        if name not in known:
            meant = MEANT.get(str(name), "")
            hint = f" Did you mean {meant!r}?" if meant in known else nearest(str(name), known)
            raise fault(f"{name!r} is not one of {', '.join(known)}.{hint}", under="name")
        return section

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


def _method(section: Any) -> Method:
    return Method(section.name, section.model_dump(include=section.model_fields_set - {"name"}))
