"""A folder for each class: ``reviews/good/1.txt`` is a text of class good."""

from pathlib import Path
from typing import Any

from rnnsweep.data.tables.opening import inner_suffix, open_text, scan
from rnnsweep.data.tables.table import Choose, ReadOptions, Table
from rnnsweep.errors import UserError


def is_class_folder(folder: Path) -> bool:
    """Return whether the folder's folders hold text files."""
    return any(True for inner in _classes(folder) for _ in _texts(inner))


def read_class_folder(folder: Path, options: ReadOptions, choose: Choose) -> Table:
    """Read each text file below the folder's folders: columns text, label (the folder's name) and file.

    Raises:
        UserError: a file cannot be read.
    """
    values: dict[str, list[Any]] = {"text": [], "label": [], "file": []}
    notes: dict[str, None] = {}
    for inner in _classes(folder):
        for path in _texts(inner):
            content = scan(path, options.encoding)
            with open_text(path, content.encoding) as file:
                values["text"].append(file.read().lstrip("\ufeff"))
            values["label"].append(inner.name)
            values["file"].append(str(path.relative_to(folder)))
            if content.note:
                notes[f"some files of {folder.name} are not UTF-8 (as {content.note})"] = None
    if not values["text"]:
        raise UserError(f"{folder}: has no text files in folders of its classes")
    columns = {name: values[name] for name in choose(list(values))}
    return Table(folder, tuple(values), columns, notes=list(notes)[:1])


def _classes(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _texts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and inner_suffix(path) == ".txt")
