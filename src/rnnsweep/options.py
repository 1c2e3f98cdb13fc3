"""Types of values that a person writes in a file, each with the words in which a mistake is reported.

They are pydantic's: a model of a file's section names them, and both its errors and its JSON schema follow.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from rnnsweep.errors import UserError, nearest

KEY = "[key]"  # how pydantic locates a key of a mapping
TAG = "<"  # begins the name of a union's member, which stands in pydantic's locations and in no file

M = TypeVar("M", bound=BaseModel)


def wrong(right: str) -> PydanticCustomError:
    """Return the error of a value, as ``trials: 'two': must be an integer, 1 or more``."""
    return PydanticCustomError("wrong", "must be {right}", {"right": right})


def fault(said: str, *, under: str = "") -> PydanticCustomError:
    """Return an error that names no value: of the validated key, or of a key `under` it."""
    return PydanticCustomError("fault", "{said}", {"said": said, "under": under})


def must_be(right: str) -> WrapValidator:
    """Report every mistake in a value in these words."""

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            endless = error.errors()[0]["type"] == "finite_number"
            raise wrong("a finite number" if endless else right) from error

    return WrapValidator(check)


def one_of(*known: str) -> Any:
    """Return the type of a word that must be one of some."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            hint = nearest(str(value), known)
            raise fault(f"{value!r} is not one of {', '.join(known)}.{hint}")
        return value

    return Annotated[str, BeforeValidator(check), WithJsonSchema({"enum": list(known)})]


Integer: TypeAlias = Annotated[int, Field(strict=True), must_be("an integer")]
Natural: TypeAlias = Annotated[int, Field(strict=True, ge=0), must_be("an integer, 0 or more")]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=1), must_be("an integer, 1 or more")]
AtLeastTwo: TypeAlias = Annotated[int, Field(strict=True, ge=2), must_be("an integer, 2 or more")]
_FINITE = Field(strict=True, allow_inf_nan=False)
Number: TypeAlias = Annotated[float, _FINITE, must_be("a number")]
Positive: TypeAlias = Annotated[float, _FINITE, Field(gt=0), must_be("a number above 0")]
NotNegative: TypeAlias = Annotated[float, _FINITE, Field(ge=0), must_be("a number, 0 or more")]
Percentage: TypeAlias = Annotated[float, _FINITE, Field(ge=0, le=100), must_be("a percentage from 0 to 100")]
Flag: TypeAlias = Annotated[bool, Field(strict=True), must_be("true or false")]
Text: TypeAlias = Annotated[str, Field(strict=True, pattern=r"\S"), must_be("text")]


class Section(BaseModel):
    """A mapping of a file whose keys are known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise wrong("a mapping (key: value)")
        known = list(cls.model_fields)
        for key in value:
            if not isinstance(key, str):
                raise fault(f"{key!r}: must be a key that is text", under=str(key))
            if key not in known:
                raise PydanticCustomError("unknown", "unknown key", {"key": key, "known": known})
        return value


def read_as(model: type[M], values: Any, *, place: str) -> M:
    """Return the values of a file as its typed model.

    Args:
        model: of the whole file.
        values: as its format has them, such as YAML's mappings and lists.
        place: the file, named in each message.

    Raises:
        UserError: the first mistake with file, key, value and what would be right, in one line.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)[0], place) from error


def _refusal(mistake: ErrorDetails, place: str) -> UserError:
    where = [_part(part) for part in mistake["loc"] if not str(part).startswith(TAG)]
    context = mistake.get("ctx", {})
    right = context.get("right", mistake["msg"])
    said = f"{mistake['input']!r}: must be {right}"
    match mistake["type"]:
        case "value_error":
            where, said = [], str(context["error"])
        case "missing":
            where, said = where[:-1], f"`{where[-1]}:` is missing"
        case "unknown":
            key, known = context["key"], context["known"]
            inside = f" in {'.'.join(where)}" if where else ""
            where, said = (
                [],
                f"unknown key {key!r}{inside}: known are {', '.join(known)}.{nearest(key, known)}",
            )
        case "fault":
            where, said = [*where, context["under"]], context["said"]
        case _ if where[-1:] == [KEY]:
            key = mistake["input"]
            where, said = [*where[:-2], str(key)], f"{key!r}: must be a key that is text"
    return UserError(": ".join(filter(None, (place, ".".join(filter(None, where)), said))))


def _part(part: int | str) -> str:
    return "entry" if isinstance(part, int) else part
