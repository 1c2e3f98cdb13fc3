"""Override strings: read strictly, written so that any value comes back as it was."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from rnnsweep.config.schema import GROUPS, known_keys, refuse_unknown_key
from rnnsweep.errors import UserError

COMMAND_LINE = "command line"
_PLAIN = re.compile(
    r"(?:\.{1,2}/)*[A-Za-z_/][\w./-]*", re.ASCII
)  # as Hydra's grammar: other letters are quoted
_KEYWORDS = {"true", "false", "null", "nan", "inf"}  # Hydra reads them as values, in any case of letters
_NUMBER = re.compile(  # numbers as everybody writes them; Hydra knows more
    r"(?P<key>[a-z]\w*(?:\.[a-z]\w*)*)=(?P<value>-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?))",
    re.ASCII,
)
_INTERPOLATION = re.compile(r"(\\*)\$\{")


_BEGINS = re.compile(r"(?<!\\)(?:\\\\)*\$\{")  # of an interpolation; a backslash before it makes it text
_KEY_ALONE = re.compile(r"[\w.\[\]-]*\}")


@dataclass(frozen=True)
class Assignment:
    """One override, read: a group's file or a key's value."""

    key: str
    value: Any

    @property
    def chooses(self) -> bool:
        """Whether it chooses a file of a group, as ``model=gru``."""
        return self.key in GROUPS

    @property
    def text(self) -> str:
        """The override as it is written; ``${...}`` in it keeps its meaning."""
        return f"{self.key}={_write(self.value, escape=False)}"


def quote(key: str, value: Any) -> str:
    """Write ``key=value`` so that Hydra reads exactly `value` back, whatever is in it.

    Text with commas, quotes, braces, spaces or ``${`` is quoted and escaped; null, numbers, lists and
    dictionaries take Hydra's form.
    """
    return f"{key}={_write(value, escape=True)}"


def texts_of(overrides: Iterable[Any]) -> list[str]:
    """Return overrides as a list of texts; refuse a dict, one text alone, and entries that are no text."""
    texts = [] if isinstance(overrides, str | Mapping) else list(overrides)
    if isinstance(overrides, str | Mapping) or not all(isinstance(one, str) for one in texts):
        raise UserError(f"{overrides!r}: must be a list of texts, as ['model=gru', 'optimizer.lr=0.01']")
    return texts


def read_overrides(texts: Sequence[str], *, where: str = COMMAND_LINE) -> list[Assignment]:
    """Read override strings; of two with one key the last holds.

    ``+key=value`` and ``++key=value`` are read as ``key=value``: there is nothing to add to a checked schema.

    Raises:
        UserError: naming the override and what would be right.
    """
    read: dict[str, Assignment] = {}
    for text in texts_of(texts):
        _refuse_by_shape(text, where)
        one = _number(text, where) or _assignment(_parse(_parser(), text, where), text, where)
        read.pop(one.key, None)
        read[one.key] = one
    return list(read.values())


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def _number(text: str, where: str) -> Assignment | None:
    """Read ``key=NUMBER`` as Hydra's grammar does, which takes a thousand times longer; None for all else."""
    match = _NUMBER.fullmatch(text)
    if match is None or match["key"] in GROUPS:
        return None
    value = float(match["value"]) if match["float"] else int(match["value"])
    refuse_unknown_key(match["key"], value, where)
    return Assignment(match["key"], value)


def _refuse_by_shape(text: str, where: str) -> None:
    if text.startswith("~"):
        raise UserError(f"{text!r} ({where}): every key has a value, none can be removed; set it instead")
    key = text.partition("=")[0].lstrip("+").strip()
    if "=" not in text or not key:
        raise UserError(f"{text!r} ({where}): must be key=value, as model=gru or model.hidden_size=64")
    if key == "hydra" or key.startswith(("hydra.", "hydra/")):
        raise UserError(f"{text!r} ({where}): settings of Hydra itself have no effect here; {_here(key)}")


_FUNCTION = re.compile(
    r"(tune\.|np\.)?\w*(uniform|range|choice|normal)\w*\(", re.IGNORECASE
)  # of other tools
_INSTEAD = {  # of Hydra's own settings
    "hydra.run": "runs are written to mlruns/; the variable RNNSWEEP_HOME sets the folder that holds it",
    "hydra.sweep.": "sweeps are written to mlruns/sweeps/; the variable RNNSWEEP_HOME sets its folder",
    "hydra.sweeper": "--trials and the keys `sampler:` and `pruner:` of a sweep file do this",
    "hydra.launcher": "--slots and --launcher of rnnsweep sweep do this",
    "hydra.mode": "rnnsweep sweep, or train -m for a grid, tries several values",
    "hydra.searchpath": "files of the project's conf/ are found before those of rnnsweep",
}


def _here(key: str) -> str:
    """Return what does here what a setting of Hydra does there."""
    dotted = key.replace("/", ".")
    return next((words for begin, words in _INSTEAD.items() if dotted.startswith(begin)), "leave it out")


def _parse(parser: OverridesParser, text: str, where: str) -> Override:
    try:
        return parser.parse_override(text)
    except HydraException as error:
        key, _, value = text.partition("=")
        if _takes_any_text(key.lstrip("+").strip(), value):
            return parser.parse_override(quote(key, _listed(value)))
        if _FUNCTION.match(value):
            ranges = f"{key}=interval(LOW,HIGH), on a log scale {key}=tag(log,interval(LOW,HIGH))"
            raise UserError(f"{key}={value!r} ({where}): no such function; a range is {ranges}") from error
        raise UserError(
            f"{key}={value!r} ({where}): not readable; put quotes around the value, as {quote(key, value)!r}"
        ) from error


def _takes_any_text(key: str, value: str) -> bool:
    """Return whether a value is a path or a column's name that needs no quotes beyond the shell's."""
    kinds = known_keys().get(key)
    takes_text = kinds is Any or kinds is str or str in get_args(kinds)
    return takes_text and (value[:1] not in ("[", "'", '"') or isinstance(_listed(value), list))


def _listed(value: str) -> Any:
    """Return the texts of a list without quotes, as ``[données.csv,b.csv]``; other values as they are."""
    if not (value.startswith("[") and value.endswith("]")) or any(mark in value[1:-1] for mark in "[]{}'\""):
        return value
    return [each.strip() for each in value[1:-1].split(",")]


def _assignment(override: Override, text: str, where: str) -> Assignment:
    key, value = override.key_or_group.replace("/", "."), override.value()
    if override.package is not None:
        raise UserError(f"{text!r} ({where}): '@' has no meaning here; write {key}=...")
    several = override.is_sweep_override()
    if key not in GROUPS:
        refuse_unknown_key(key, text.partition("=")[2] if several else value, where)
    if several:
        raise UserError(_more_than_one(key, text, where))
    return Assignment(key, value)


def _more_than_one(key: str, text: str, where: str) -> str:
    value = text.partition("=")[2]
    return (
        f"{key}={value!r} ({where}): one run takes one value; to try several add -m (a grid), or search with "
        f"a sweep; for the text itself write {quote(key, value)!r}"
    )


def _write(value: Any, *, escape: bool) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{','.join(_write(item, escape=escape) for item in value)}]"
        case dict():
            return (
                "{" + ",".join(f"{_write_text(k)}:{_write(v, escape=escape)}" for k, v in value.items()) + "}"
            )
        case str():
            return _write_text(_INTERPOLATION.sub(r"\1\1\\${", value) if escape else value)
        case _:
            return repr(value)


def _write_text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS:
        return text
    return QuotedString(text, Quote.single).with_quotes()


def refuse_resolvers(value: Any, where: object) -> None:
    """Refuse what a value would take from anywhere but another setting: the environment, a function.

    `where` is written where something is refused alone: a line of a file takes time to find.

    Raises:
        UserError: an interpolation that is no ``${key}``.
    """
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for item in value:
            refuse_resolvers(item, where)
    for match in _BEGINS.finditer(value) if isinstance(value, str) else ():
        if not _KEY_ALONE.match(value, match.end()):
            raise UserError(
                f"{where}: {value[match.start() :][:80]!r}: a value may refer to another setting only, as"
                " ${model.hidden_size}; write the value itself, or give it on the command line"
            )
