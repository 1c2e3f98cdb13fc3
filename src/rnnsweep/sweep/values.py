"""Values of a sweep file, refused with the file, the key and what would be right."""

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rnnsweep.errors import UserError, nearest


class _Loader(yaml.SafeLoader):
    """YAML whose numbers are those of Hydra's files (``1e-4`` is a number) and whose keys stand once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """YAML that `_Loader` reads as what was written: texts that would be numbers there are quoted."""


for _way in (_Loader, _Dumper):
    _way.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(
            r"""^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
            |[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)
            |\.[0-9_]+(?:[eE][-+][0-9]+)?
            |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
            re.VERBOSE,
        ),
        list("-+0123456789."),
    )


def load_yaml(text: str, path: Path) -> Any:
    """Read one YAML document with safe types only.

    Raises:
        UserError: the text is no YAML, or a key stands twice; with the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{path}, line {line}: no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: no YAML: {error}") from error


def dump_yaml(values: Any) -> str:
    """Write values as YAML that `load_yaml` reads as the same: in ASCII, as PyYAML folds some other signs."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False)


@dataclass(frozen=True)
class Field:
    """One value of a file, with its place for the message."""

    path: Path
    key: str
    value: Any

    def wrong(self, right: str) -> UserError:
        """Give the error that names the file, the key, the value and what would be right."""
        return UserError(f"{self.path}: {self.key}: {self.value!r}: must be {right}")

    def at(self, key: str, value: Any) -> "Field":
        """Give the field below this one."""
        return Field(self.path, f"{self.key}.{key}" if self.key else key, value)

    def integer(self, low: int | None = None) -> int:
        """Read an integer, refusing true and 3.0."""
        right = "an integer" if low is None else f"an integer, {low} or more"
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong(right)
        if low is not None and self.value < low:
            raise self.wrong(right)
        return self.value

    def number(self, above: float | None = None) -> float:
        """Read a finite number."""
        right = "a number" if above is None else f"a number above {above:g}"
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong(right)
        if self.value != self.value or abs(self.value) == float("inf"):
            raise self.wrong("a finite number")
        if above is not None and self.value <= above:
            raise self.wrong(right)
        return float(self.value)

    def boolean(self) -> bool:
        """Read true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def text(self) -> str:
        """Read a string that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("text")
        return self.value

    def one_of(self, known: Iterable[str]) -> str:
        """Read one of the known words."""
        choices = list(known)
        word = str(self.value)
        if word not in choices or not isinstance(self.value, str):
            raise UserError(
                f"{self.path}: {self.key}: {self.value!r} is not one of {', '.join(choices)}."
                + nearest(word, choices)
            )
        return word

    def mapping(self, known: Iterable[str] | None = None) -> dict[str, Any]:
        """Read a mapping with text keys; with `known`, no other keys."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("a mapping (key: value)")
        for key in self.value:
            if not isinstance(key, str):
                raise self.at(str(key), key).wrong("a key that is text")
        if known is not None:
            self._refuse_keys(list(known))
        return dict(self.value)

    def _refuse_keys(self, known: list[str]) -> None:
        inside = f" in {self.key}" if self.key else ""
        for key in self.value:
            if key not in known:
                raise UserError(
                    f"{self.path}: unknown key {key!r}{inside}: known are {', '.join(known)}."
                    + nearest(key, known)
                )

    def strings(self) -> tuple[str, ...]:
        """Read a list of texts without doubles; one text stands for a list of one."""
        values = [self.value] if isinstance(self.value, str) else self.value
        if not isinstance(values, list) or not values:
            raise self.wrong("a list with at least one entry")
        for value in values:
            if not isinstance(value, str):
                raise self.at("entry", value).wrong("text")
        for value in values:
            if values.count(value) > 1:
                raise UserError(f"{self.path}: {self.key}: {value!r} stands twice")
        return tuple(values)
