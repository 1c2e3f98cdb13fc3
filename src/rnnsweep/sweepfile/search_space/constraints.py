"""The keys `constraints:` and `objectives:` of a sweep file."""

import re
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from rnnsweep.options import Count, Positive, Section, Several, one_of, wrong
from rnnsweep.sweepfile.search_space.limits import OBJECTIVES

_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(" + "|".join(_UNITS) + ")")


def _size(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = _SIZE.fullmatch(value.strip())
    if parts is None or not float(parts[1]):
        raise wrong("a size, as 400 MB or 1.5 GiB")
    return float(parts[1]) * _UNITS[parts[2]]


_Size: TypeAlias = Annotated[str, Field(pattern=f"^{_SIZE.pattern}$")]


class Constraints(Section):
    """The most that a trial may have."""

    parameters: Count | None = Field(
        default=None,
        description="weights of the network at most, known before its training",
        examples=[200000],
    )
    seconds: Positive | None = Field(
        default=None, description="seconds of its training at most", examples=[60]
    )
    memory: Annotated[
        Positive | None, BeforeValidator(_size, json_schema_input_type=Positive | _Size | None)
    ] = Field(
        default=None,
        description="memory of its process at most: bytes, or a size such as 400 MB or 1.5 GiB",
        examples=["400 MB"],
    )

    def limits(self) -> dict[str, float]:
        """Return the limits that are set, by the score that they hold for."""
        return self.model_dump(exclude_none=True)


_Objective: TypeAlias = one_of(*OBJECTIVES)  # type: ignore[valid-type]


def _validation_first(names: tuple[str, ...]) -> tuple[str, ...]:
    if "validation" not in names:
        raise wrong("a list with validation in it, as [validation, parameters]")
    return ("validation", *(name for name in names if name != "validation"))


Objectives: TypeAlias = Annotated[
    Several[_Objective],
    AfterValidator(_validation_first),
    WithJsonSchema(
        {
            "type": ["array", "string"],
            "items": {"enum": list(OBJECTIVES)},
            "contains": {"const": "validation"},
            "uniqueItems": True,
        }
    ),
]
