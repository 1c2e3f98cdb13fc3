"""The recurrent cells by name: a file of this folder, a file of the project, or an entry point.

A file of this folder has a `CellSpec` called ``CELL``, and its name is the cell's. A file of the project's
folder cells/ is named with what it defines, as ``model.cell=cells/minimal.py:MINIMAL``. Another distribution
offers a cell under the entry point group ``rnnsweep.cells``. Nothing is imported before it is asked for.
"""

import hashlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from rnnsweep.errors import UserError, nearest
from rnnsweep.networks.cells.spec import CellSpec, CellWeights, OnnxForm, Step, gated
from rnnsweep.paths import find_paths
from rnnsweep.safety.own_code import allow, refuse_unallowed

__all__ = [
    "CellSpec",
    "OnnxForm",
    "Step",
    "CellWeights",
    "allow_named",
    "cell_files",
    "cell_names",
    "check_cell",
    "find_cell",
    "gated",
]

GROUP = "rnnsweep.cells"
FOLDER = "cells"  # of the project: what a user writes


@cache
def cell_names() -> tuple[str, ...]:
    """Return the names of the cells of this folder."""
    names = (each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in names if name != "spec"))


def check_cell(name: str) -> None:
    """Check that there is a cell of this name, without importing it.

    Raises:
        UserError: no such cell, a file that is not of this project, or one that the user has not allowed.
    """
    if name not in cell_names() and not _entries(name):
        if ":" not in name:
            raise UserError(
                f"model.cell={name!r} is not one of {', '.join(cell_names())}, nor a file of the project as"
                f" cells/own.py:CELL.{nearest(name, cell_names())}"
            )
        _own_file(name)
        refuse_unallowed("model.cell", name, find_paths().root / FOLDER)


def allow_named(overrides: Iterable[str]) -> None:
    """Allow the code of the project's folder cells/ where overrides that the user typed name a file of it.

    Raises:
        UserError: the file is not there, or lies elsewhere.
    """
    for override in overrides:
        key, _, name = override.partition("=")
        if key == "model.cell" and ":" in name:
            _own_file(name.strip("'\""))
            allow(find_paths().root / FOLDER)


@cache
def find_cell(name: str) -> CellSpec:
    """Import the cell of this name.

    Raises:
        UserError: no such cell, a file that is not of this project, or one that defines no `CellSpec`.
    """
    check_cell(name)
    if name in cell_names():
        return import_module(f"{__name__}.{name}").CELL  # type: ignore[no-any-return]
    entries = _entries(name)
    spec = entries[0].load() if entries else _loaded(name)
    if not isinstance(spec, CellSpec):
        raise UserError(f"model.cell={name!r}: is a {type(spec).__name__}; it must be a CellSpec")
    return spec


def cell_files(names: Iterable[str]) -> list[Path]:
    """Return the project's own files among cells, sorted: what a digest of code must cover."""
    own = (name for name in names if name not in cell_names() and ":" in name)
    return sorted({_own_file(name)[0] for name in own})


def _entries(name: str) -> list[EntryPoint]:
    return [] if ":" in name else list(entry_points(group=GROUP, name=name))


def _own_file(name: str) -> tuple[Path, str]:
    """Find the file and the attribute that ``cells/own.py:CELL`` names.

    The file's code is run, so it must lie in the project's folder cells/, and the user must have allowed that
    folder: a configuration, a sweep, a model or a whole project of somebody else runs no code by itself.
    """
    text, _, attribute = name.rpartition(":")
    root = find_paths().root
    path, folder = (root / text).resolve(), (root / FOLDER).resolve()
    if path.suffix != ".py" or not attribute.isidentifier():
        raise UserError(f"model.cell={name!r}: must be a file and what it defines, as {FOLDER}/own.py:CELL")
    if not path.is_relative_to(folder):
        raise UserError(f"model.cell={name!r}: must be a file of {folder}: code of other folders is not run")
    if not path.is_file():
        known = [f"{FOLDER}/{each.name}" for each in folder.glob("*.py")]
        raise UserError(f"model.cell={name!r}: there is no file {path}.{nearest(text, known)}")
    return path, attribute


def _loaded(name: str) -> object:
    path, attribute = _own_file(name)
    unique = "rnnsweep_own_cell_" + hashlib.sha256(str(path).encode()).hexdigest()[:16]
    spec = spec_from_file_location(unique, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(
            f"model.cell={name!r}: cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not hasattr(module, attribute):
        known = [each for each, value in vars(module).items() if isinstance(value, CellSpec)]
        raise UserError(
            f"model.cell={name!r}: {path.name} defines no {attribute}; its cells are"
            f" {', '.join(known) or 'none'}.{nearest(attribute, known)}"
        )
    return getattr(module, attribute)
