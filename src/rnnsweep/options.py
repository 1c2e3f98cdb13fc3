"""Types of values that a person writes in a file, each with the words in which a mistake is reported.

They are pydantic's: a model of a file's section names them, and both its errors and its JSON schema follow.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
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
TAG = "<"  # begins the name of a union's member, which occurs in pydantic's locations and in no file

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def wrong(right: str) -> PydanticCustomError:
    """Return the error of a value, as ``trials: 'two': must be an integer, 1 or more``."""
    return PydanticCustomError("wrong", "must be {right}", {"right": right})


def fault(said: str, *, under: str = "") -> PydanticCustomError:
    """Return an error that names no value: of the validated key, or of a key `under` it."""
    return PydanticCustomError("fault", "{said}", {"said": said, "under": under})


def unknown(key: str, known: list[str], *, inside: str = "", way: str = "") -> PydanticCustomError:
    """Return the error of an unknown key.

    Args:
        key: as it was written.
        known: keys that there are.
        inside: names a section below the validated one.
        way: what to do, as a sentence, where the key is near to none that is known.
    """
    context = {"key": key, "known": known, "inside": inside, "way": way}
    return PydanticCustomError("unknown", "unknown key", context)


def must_be(right: str) -> WrapValidator:
    """Report every mistake in a value in these words."""

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            mistake = error.errors()[0]
            if mistake["loc"]:  # of something inside
                raise
            raise wrong("a finite number" if mistake["type"] == "finite_number" else right) from error

    return WrapValidator(check)


def one_of(*known: str) -> Any:
    """Return the type of a word that must be one of some."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            hint = nearest(str(value), known)
            raise fault(f"{value!r} is not one of {', '.join(known)}.{hint}")
        return value

    return Annotated[str, BeforeValidator(check), WithJsonSchema({"enum": list(known)})]


def _listed(value: Any) -> Any:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise wrong("a list with at least one entry")
    return values


def once(values: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse a value that stands twice; 1, 1.0 and true are three values."""
    texts = [json.dumps(value) for value in values]
    for value, text in zip(values, texts, strict=True):
        if texts.count(text) > 1:
            raise fault(f"{value!r} is there twice")
    return values


_FLAG = "true or false"
Integer: TypeAlias = Annotated[int, Field(strict=True), must_be("an integer")]
Natural: TypeAlias = Annotated[int, Field(strict=True, ge=0), must_be("an integer, 0 or more")]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=1), must_be("an integer, 1 or more")]
AtLeastTwo: TypeAlias = Annotated[int, Field(strict=True, ge=2), must_be("an integer, 2 or more")]
_FINITE = Field(strict=True, allow_inf_nan=False)
Number: TypeAlias = Annotated[float, _FINITE, must_be("a number")]
Positive: TypeAlias = Annotated[float, _FINITE, Field(gt=0), must_be("a number above 0")]
NotNegative: TypeAlias = Annotated[float, _FINITE, Field(ge=0), must_be("a number, 0 or more")]
Percentage: TypeAlias = Annotated[float, _FINITE, Field(ge=0, le=100), must_be("a percentage from 0 to 100")]
Flag: TypeAlias = Annotated[bool, Field(strict=True), must_be(_FLAG)]
Text: TypeAlias = Annotated[str, Field(strict=True, pattern=r"\S"), must_be("text")]
Word: TypeAlias = Annotated[str, Field(strict=True), must_be("text")]
_Names: TypeAlias = Annotated[list[str], Field(min_length=1, json_schema_extra={"uniqueItems": True})]
# a list without doubles, which is read as a tuple; one text stands for a list of one
Several: TypeAlias = Annotated[
    tuple[T, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_listed, json_schema_input_type=_Names | str),
    AfterValidator(once),
]


def option(kind: Any, meaning: str, *, default: Any, example: Any) -> Any:
    """Return the type of an option of a sampler or a pruner, with what editors and help say of it.

    Args:
        kind: its type, one of this module's.
        meaning: one sentence for users.
        default: the value where it is absent, or words for it.
        example: a value.
    """
    return Annotated[
        kind, Field(description=meaning, examples=[example], json_schema_extra={"x-default": default})
    ]


class Section(BaseModel):
    """A mapping of a file whose keys are known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    read_before: ClassVar[tuple[str, ...]] = ()  # keys of the file that are gone once this is read

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
                raise unknown(key, [*known, *cls.read_before])
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
    value = mistake["input"]
    right = _FLAG if mistake["type"].startswith("bool") else mistake["msg"]
    said = f"{value!r}: must be {context.get('right', right)}"
    match mistake["type"]:
        case "value_error":
            where, said = [], str(context["error"])
        case "missing":
            where, said = where[:-1], f"`{where[-1]}:` is missing"
        case "unknown":
            section = _key(*where, context["inside"])
            where, said = [], _unknown(context["key"], context["known"], section, context["way"])
        case "fault":
            where, said = [*where, context["under"]], context["said"]
        case _ if where[-1:] == [KEY]:
            right = context.get("right", "a key that is text")
            where, said = [*where[:-2], str(value)], f"{value!r}: must be {right}"
    return UserError(": ".join(filter(None, (place, _key(*where), said))))


def _unknown(key: str, known: list[str], section: str, way: str) -> str:
    inside = f" in {section}" if section else ""
    hint = nearest(key, known) or (f" {way}" if way else "")
    return f"unknown key {key!r}{inside}: known are {', '.join(known)}.{hint}"


def _part(part: int | str) -> str:
    return "entry" if isinstance(part, int) else part


def _key(*parts: str) -> str:
    return ".".join(filter(None, parts))


_FOLDER_RIGHT = "the absolute path of a folder that all nodes see"
_LOCKER_RIGHT = f"{_FOLDER_RIGHT}, or s3://BUCKET/PREFIX"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _folder(value: str, *, right: str = _FOLDER_RIGHT) -> str:
    path = Path(value).expanduser()
    if not path.is_absolute():
        raise wrong(right)
    return str(path)


def _locker(value: str) -> str:
    parts = urlsplit(value)
    if not parts.scheme:
        return _folder(value, right=_LOCKER_RIGHT)
    if parts.scheme != "s3" or parts.query or parts.fragment:
        raise wrong(_LOCKER_RIGHT)
    if not _BUCKET.fullmatch(parts.netloc.rpartition("@")[2]):
        raise wrong("s3://BUCKET/PREFIX, with a bucket of 3 to 63 small letters, digits, dots and hyphens")
    return value.rstrip("/")


def _database(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "postgresql" or not parts.hostname or len(parts.path) < 2:
        raise wrong("postgresql://USER@HOST:PORT/DATABASE; a password is in PGPASSWORD or ~/.pgpass")
    return value


SharedFolder: TypeAlias = Annotated[Text, AfterValidator(_folder)]
Locker: TypeAlias = Annotated[Text, AfterValidator(_locker)]
PostgreSQL: TypeAlias = Annotated[Text, AfterValidator(_database)]
