"""The mapping `space:` of a sweep file: ranges, choices and derived keys as they are written there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    RootModel,
    Tag,
    model_validator,
)

from rnnsweep.errors import nearest
from rnnsweep.options import (
    Count,
    Positive,
    Section,
    fault,
    must_be,
    one_of,
    wrong,
)
from rnnsweep.sweepfile.search_space.dimensions import (
    BUDGET,
    DERIVABLE,
    TOLERANCE,
    Choices,
    Derived,
    Dimension,
)
from rnnsweep.sweepfile.search_space.ranges import KINDS, ChoiceList, ChoicesSpec, FloatSpec, IntSpec, When
from rnnsweep.sweepfile.search_space.spellings import right_spelling


def _spec_tag(value: Any) -> str:
    """Return which form of a dimension a value of a file has, as a tag for pydantic."""
    if isinstance(value, list):
        return "<list>"
    return f"<{_kind(value)}>"


def _kind(entry: Mapping[str, Any]) -> Any:
    return "categorical" if "type" not in entry and "choices" in entry else entry.get("type")


def _refuse_kind(value: Any) -> Any:
    """Refuse what is neither a list nor a mapping with a known type."""
    if isinstance(value, list):
        return value
    if not isinstance(value, Mapping):
        if right := right_spelling(value):
            raise fault(f"{value!r} is not read here{right}")
        raise wrong("a mapping, as {type: float, low: 0.001, high: 0.1}, or a list of values")
    kind = _kind(value)
    if kind is None:
        raise fault(f"is missing: {', '.join(KINDS)}{right_spelling(value)}", under="type")
    if kind not in KINDS:
        meant = nearest(str(kind), KINDS)  # a slip of the pen, else another program's word
        right = f".{meant}" if meant else right_spelling(value) or "."
        raise fault(f"{kind!r} is not one of {', '.join(KINDS)}{right}", under="type")
    return value


def _budget_tag(value: Any) -> str:
    return _spec_tag(value) if isinstance(value, list | Mapping) else "<count>"


def _whole_numbers(budget: Any) -> Any:
    match budget:
        case IntSpec():
            values: tuple[Any, ...] = (budget.low,)
        case ChoicesSpec():
            values = budget.choices
        case FloatSpec():
            values = (0.5,)
        case _:
            values = budget if isinstance(budget, tuple) else (budget,)
    if not all(isinstance(v, int) and not isinstance(v, bool) and v >= 1 for v in values):
        raise fault("must be a whole number, 1 or more, a list of them, or {type: int, low: ..., high: ...}")
    return budget


_Budget: TypeAlias = Annotated[
    Annotated[Count, Tag("<count>")]
    | Annotated[ChoiceList, Tag("<list>")]
    | Annotated[IntSpec, Tag("<int>")]
    | Annotated[FloatSpec, Tag("<float>")]
    | Annotated[ChoicesSpec, Tag("<categorical>")],
    Discriminator(_budget_tag),
    AfterValidator(_whole_numbers),
]


class DerivedSpec(Section):
    """A derived key as a file has it."""

    parameters: _Budget = Field(
        description="parameters that a width is derived from: a number, a list, or a range to search",
        examples=[50000],
    )
    count: one_of("all", "without_embedding") = Field(  # type: ignore[valid-type]
        default="without_embedding", description="which parameters count", examples=["all"]
    )
    tolerance: Positive = Field(
        default=TOLERANCE, description="share by which a network may miss the number", examples=[0.1]
    )
    when: When = ()

    def derived(self, key: str) -> Derived:
        """Return the key with its budget."""
        budget = self.parameters if isinstance(self.parameters, int) else None
        return Derived(key, budget, self.count, self.tolerance, self.when)

    def dimension(self, key: str) -> Dimension | None:
        """Return what a search draws for a key: its budget; None where that is fixed."""
        searched = f"{key}.{BUDGET}"
        if isinstance(self.parameters, int):
            return None
        if isinstance(self.parameters, tuple):
            return Choices(searched, self.parameters, self.when)
        parameters = self.parameters.dimension(searched)
        return replace(parameters, when=self.when) if self.when else parameters


@dataclass(frozen=True)
class Space:
    """What a search draws, conditions' keys first, and the keys that are derived."""

    dimensions: tuple[Dimension, ...] = ()
    derived: tuple[Derived, ...] = ()


def _is_derived(value: Any) -> bool:
    return isinstance(value, Mapping) and BUDGET in value


def _tag(value: Any) -> str:
    return "<derived>" if _is_derived(value) else _spec_tag(value)


def _check_kind(value: Any) -> Any:
    return value if _is_derived(value) else _refuse_kind(value)


def _read(entries: dict[str, Any]) -> Space:
    derived, dimensions = [], []
    for key, entry in entries.items():
        if key == "model":
            raise fault("list the architectures under `architectures:`", under=key)
        if isinstance(entry, DerivedSpec):
            if key not in DERIVABLE:
                said = f"cannot be derived from parameters; {' and '.join(DERIVABLE)} can"
                raise fault(said, under=key)
            derived.append(entry.derived(key))
        dimension = Choices(key, entry) if isinstance(entry, tuple) else entry.dimension(key)
        dimensions += [dimension] if dimension else []
    _check_conditions(dimensions, {one.key for one in derived})
    return Space(_parents_first(dimensions), tuple(derived))


def _check_conditions(dimensions: list[Dimension], derived: set[str]) -> None:
    for dimension in dimensions:
        for parent, _ in dimension.when:
            if parent == dimension.key:
                raise fault("depends on itself", under=parent)
            if parent in derived:
                under = f"{dimension.key}.when"
                raise fault(f"{parent!r} is derived: nothing can depend on it", under=under)


def _parents_first(dimensions: list[Dimension]) -> tuple[Dimension, ...]:
    """Order the dimensions so that a condition's key is drawn before what depends on it."""
    names = {dimension.key for dimension in dimensions}
    ordered: list[Dimension] = []
    waiting = list(dimensions)
    while waiting:
        done = {dimension.key for dimension in ordered}
        ready = [d for d in waiting if all(k in done or k not in names for k, _ in d.when)]
        if not ready:
            raise fault(f"`when` goes round in a circle: {', '.join(d.key for d in waiting)}")
        ordered += ready
        waiting = [d for d in waiting if d not in ready]
    return tuple(ordered)


_Entry: TypeAlias = Annotated[
    Annotated[ChoiceList, Tag("<list>")]
    | Annotated[IntSpec, Tag("<int>")]
    | Annotated[FloatSpec, Tag("<float>")]
    | Annotated[ChoicesSpec, Tag("<categorical>")]
    | Annotated[DerivedSpec, Tag("<derived>")],
    Discriminator(_tag),
    BeforeValidator(_check_kind),
]


class SpaceSpec(
    RootModel[Annotated[dict[str, _Entry], Field(strict=True), must_be("a mapping (key: value)")]]
):
    """The mapping as a file has it."""

    @model_validator(mode="after")
    def _check(self) -> "SpaceSpec":
        self.space()
        return self

    def space(self) -> Space:
        """Return what it says."""
        return _read(self.root)
