"""YAML as sweep files have it: numbers are those of Hydra's files, and a key occurs once."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from rnnsweep.errors import UserError
from rnnsweep.safety.yaml_files import refuse_bomb

# an override such as data.text=[title,body], which a list of YAML on one line takes only in quotes
_BRACKETS = re.compile(r"""(?<![\w"'])[A-Za-z][\w.@/+]*=(\[[^\]"']*\]|\{[^}"']*\})""")


class _Loader(yaml.SafeLoader):
    """YAML whose numbers are those of Hydra's files (``1e-4`` is a number) and whose keys stand once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} is there twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """YAML that `_Loader` reads as what was written: texts that would be numbers there are quoted."""


for _either in (_Loader, _Dumper):
    _either.add_implicit_resolver(
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


def read_text(path: Path, *, place: str = "") -> str:
    """Return the text of a file; `place` says in an error what names the file.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place}{path}: cannot be read as UTF-8 text: {error}") from error


def load_yaml(text: str, path: Path) -> Any:
    """Read one YAML document with safe types only.

    Raises:
        UserError: the text is no YAML, or a key is there twice; with the line.
    """
    refuse_bomb(text, str(path))
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{path}, line {line}: no YAML: {error.problem}{_to_quote(text, line)}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: no YAML: {error}") from error


def _to_quote(text: str, line: int) -> str:
    """Return how to write an override with brackets that stands in a list of YAML, where a line has one."""
    lines = text.splitlines()
    unquoted = _BRACKETS.search(lines[line - 1]) if line <= len(lines) else None
    return f'; put quotes around it: "{unquoted.group()}"' if unquoted else ""


def dump_yaml(values: Any) -> str:
    """Write values as YAML that `load_yaml` reads as the same: in ASCII, as PyYAML folds some other signs."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False)
