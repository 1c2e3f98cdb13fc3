"""How a setting of a run is declared: its default, its meaning, what it may be, and an example.

The checks of a value, ``rnnsweep config --explain``, the shell's completion and the reference pages read the
same declaration.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rnnsweep.errors import refuse_unknown, refuse_unless

ABOUT = "about"  # key of a field's metadata


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have, in words and as a check."""

    words: str
    holds: Callable[[Any], bool]


ANY_NUMBER = Range("any number", lambda value: True)
NOT_NEGATIVE = Range("0 or more", lambda value: value >= 0)
ONE_OR_MORE = Range("1 or more", lambda value: value >= 1)
POSITIVE = Range("above 0", lambda value: value > 0)
SHARE = Range("at least 0 and below 1", lambda value: 0 <= value < 1)
INNER_SHARE = Range("above 0 and below 1", lambda value: 0 < value < 1)
SEED = Range("from 0 to 4294967295", lambda value: 0 <= value < 2**32)


@dataclass(frozen=True)
class About:
    """What is known of a setting beside its type and its default.

    `choices` are all values that it may have; `suggestions` are values that a shell offers beside others.
    `null` says what null does, where null is allowed. `kind` names the type where a Python type
    does not. `corpora` are those that read the setting, where others do not.
    """

    meaning: str
    example: str
    choices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    within: Range | None = None
    null: str = ""
    kind: str = ""
    corpora: tuple[str, ...] = ()
    path: bool = False  # it names files or folders


def setting(
    default: Any,
    meaning: str,
    *,
    example: Any,
    choices: Sequence[str] = (),
    suggestions: Sequence[str] = (),
    within: Range | None = None,
    null: str = "",
    kind: str = "",
    corpora: Sequence[str] = (),
    path: bool = False,
) -> Any:
    """Return the dataclass field of a setting; the arguments are those of `About`.

    Args:
        default: the value where nothing sets it; a list is copied for each configuration.
        meaning: one sentence for users.
        example: a value, as a command line writes it.
        choices: all values, where they can be listed.
        suggestions: values that a shell offers.
        within: the numbers that are allowed.
        null: what null does; empty where null is refused.
        kind: the type in words, where the annotation is `Any`.
        corpora: those that read it; empty where all do.
        path: it names files or folders.
    """
    about = About(
        meaning,
        str(example),
        tuple(choices),
        tuple(suggestions),
        within,
        null,
        kind,
        tuple(corpora),
        path,
    )
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata={ABOUT: about})
    return field(default=default, metadata={ABOUT: about})


def about_settings(section: type) -> dict[str, About]:
    """Return what is known of each setting of a dataclass that declares them by `setting`."""
    return {one.name: one.metadata[ABOUT] for one in fields(section) if ABOUT in one.metadata}


def check_settings(section: str, values: Any) -> None:
    """Refuse values that their declarations do not allow.

    Args:
        section: the section of the keys, as ``model``; empty for keys without one.
        values: a dataclass of settings.

    Raises:
        UserError: naming the key, the value and what would be right.
    """
    for name, about in about_settings(type(values)).items():
        value, key = getattr(values, name), f"{section}.{name}" if section else name
        if value is None and about.null:
            continue
        if about.choices:
            refuse_unknown(key, value, about.choices)
        if about.within:
            right = about.within.words + (", or null" if about.null else "")
            refuse_unless(about.within.holds(value), key, value, right)


@dataclass(frozen=True)
class Explanation:
    """What a user may want to know of one key of a run or of a sweep file."""

    key: str
    type: str
    choices: list[Any] | None  # all values; None where they cannot be listed
    default: Any
    meaning: str
    example: Any
    range: str = ""  # the numbers that are allowed
    null: str = ""  # what null does
    of: str = "run"  # run | sweep | machine: where the key is set

    def to_json(self) -> dict[str, Any]:
        """Return the object of ``config --explain KEY --json``."""
        return asdict(self)
