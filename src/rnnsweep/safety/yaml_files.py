"""YAML files of others: how large they are once read, and copies of folders of them."""

import re
import shutil
from pathlib import Path

import yaml

from rnnsweep.errors import UserError
from rnnsweep.paths import MACHINES

MOST = 100_000  # values of a document with its aliases written out
_ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*[^\s*]", re.MULTILINE)


def refuse_bomb(text: str, place: str) -> None:
    """Refuse a document that is small as a text and huge with its aliases written out, or without an end.

    Raises:
        UserError: naming the file.
    """
    if not _ALIAS.search(text):  # as almost every file: it is read once
        return
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return  # the reader says what is wrong with it
    if node is not None and _size(node, {}) > MOST:
        raise UserError(f"{place}: its aliases (*name) expand to more than {MOST:,} values; write them out")


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values below a node; one that holds itself has more than any."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = MOST + 1  # while its own parts are counted
    parts = node.value if isinstance(node, yaml.SequenceNode) else []
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def copy_yaml(folder: Path, into: Path) -> None:
    """Copy the YAML files of a folder of configuration, and nothing else that lies in it.

    The files of its machines stay: they are no part of any run, and name addresses.

    Raises:
        UserError: one of them is a link to a file outside of the folder.
    """
    root = folder.resolve()
    for path in sorted(root.rglob("*.yaml")):
        if not path.resolve().is_relative_to(root):
            raise UserError(f"{path}: is a link out of {folder}; copies of conf/ hold files of conf/ alone")
        if path.is_file() and path.relative_to(root).parts[0] != MACHINES:
            target = into / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
