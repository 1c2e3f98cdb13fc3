"""Ranges and choices of a sweep file's `space:` as they are written there."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from rnnsweep.options import (
    Count,
    Flag,
    Integer,
    Number,
    Positive,
    Section,
    fault,
    once,
    wrong,
)
from rnnsweep.sweepfile.search_space.dimensions import Choices, Conditions, FloatRange, IntRange

KINDS = ("int", "float", "categorical")
_TYPE = "kind of the range: int, float or categorical (choices)"
_LOW, _HIGH = "smallest value, included", "largest value, included"


def _is_value(choice: Any) -> bool:
    if isinstance(choice, list):
        return all(_is_value(item) for item in choice)
    if isinstance(choice, float):
        return math.isfinite(choice)
    return choice is None or isinstance(choice, str | bool | int)


def _value(choice: Any) -> Any:
    if not _is_value(choice):
        raise wrong("a number, text, null, true, false or a list of these")
    return choice


def _choices(value: Any) -> Any:
    if not isinstance(value, list) or not value:
        raise wrong("a list with at least one choice")
    return value


def _conditions(value: Any) -> Conditions:
    if not isinstance(value, Mapping):
        raise wrong("a mapping (key: value)")
    for key in value:
        if not isinstance(key, str):
            raise fault(f"{key!r}: must be a key that is text", under=str(key))
    return tuple((key, tuple(one) if isinstance(one, list) else (one,)) for key, one in value.items())


_VALUE = {"type": ["number", "string", "boolean", "null", "array"]}
_Value: TypeAlias = Annotated[Any, AfterValidator(_value), WithJsonSchema(_VALUE)]
ChoiceList: TypeAlias = Annotated[
    tuple[_Value, ...],
    Field(strict=False),
    BeforeValidator(_choices, json_schema_input_type=Annotated[list[_Value], Field(min_length=1)]),
    AfterValidator(once),
]
When: TypeAlias = Annotated[
    Conditions,
    BeforeValidator(_conditions, json_schema_input_type=dict[str, Any]),
    Field(
        description="condition: keys and the values that they must have",
        examples=[{"optimizer.name": ["adam", "sgd"]}],
    ),
]


class _Range(Section):
    low: Number = Field(description=_LOW, examples=[0.001])
    high: Number = Field(description=_HIGH, examples=[0.03])
    log: Flag = Field(default=False, description="search on a logarithmic scale", examples=[True])
    step: Positive | None = Field(
        default=None, description="distance between two values; none: any value", examples=[0.1]
    )
    when: When = ()

    @model_validator(mode="after")
    def _check(self) -> "_Range":
        if self.low > self.high:
            raise fault(f"`low <= high` must hold, but got low={self.low}, high={self.high}")
        if self.log and self.low <= 0:
            raise fault(f"{self.low!r}: must be above 0 where log is true", under="low")
        if self.log and self.step != (1 if isinstance(self, IntSpec) else None):
            raise fault(f"{self.step!r}: must be absent where log is true", under="step")
        return self


class IntSpec(_Range):
    """A range of integers as a file has it."""

    type: Literal["int"] = Field(description=_TYPE, examples=["int"])
    low: Integer = Field(description=_LOW, examples=[16])
    high: Integer = Field(description=_HIGH, examples=[128])
    step: Count = Field(default=1, description="distance between two values", examples=[16])

    def dimension(self, key: str) -> IntRange:
        """Return what is searched under a key."""
        return IntRange(key, self.low, self.high, self.log, self.step, self.when)


class FloatSpec(_Range):
    """A range of numbers as a file has it."""

    type: Literal["float"] = Field(description=_TYPE, examples=["float"])

    def dimension(self, key: str) -> FloatRange:
        """Return what is searched under a key."""
        return FloatRange(key, self.low, self.high, self.log, self.step, self.when)


class ChoicesSpec(Section):
    """Choices as a file has them where they have a condition."""

    type: Literal["categorical"] = Field(default="categorical", description=_TYPE, examples=["categorical"])
    choices: ChoiceList = Field(
        description="values without an order; a list alone means the same", examples=[["adam", "sgd"]]
    )
    when: When = ()

    def dimension(self, key: str) -> Choices:
        """Return what is searched under a key."""
        return Choices(key, self.choices, self.when)
