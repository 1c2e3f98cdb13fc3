"""Paragraphs of the docstrings of installed libraries; the label is the library.

Real text without a download. What would give the answer away is taken out: names of the libraries and their
import aliases are masked, duplicates and near-duplicates dropped, and all paragraphs of a source file stay
in one part.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rnnsweep.data.config import DataConfig
from rnnsweep.data.groups import hash_names
from rnnsweep.data.rows import TextRows
from rnnsweep.data.sources import _paragraphs
from rnnsweep.data.sources._paragraphs import Paragraph, SeenTexts, Wanted
from rnnsweep.errors import UserError
from rnnsweep.hardware import usable_cores

# what people write for each library; masked in the paragraphs of all of them
NAMES = {
    "matplotlib": ("mpl", "plt", "pyplot", "pylab"),
    "networkx": ("nx",),
    "numpy": ("np", "numpydoc"),
    "pandas": ("pd",),
    "scipy": ("sp",),
    "sklearn": ("sk", "scikit", "scikit-learn"),
    "sqlalchemy": ("sa", "sqla"),
    "sympy": ("sym",),
    "torch": ("pytorch", "libtorch", "aten"),
}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # whose name is not the library's
FEWEST = 20  # paragraphs of a library
SPARE = 1.3  # read for each one that the sample takes: some are near-duplicates across libraries


def state(config: DataConfig, cache: Path) -> Any:
    """Return which libraries of which versions are read, and how many paragraphs of each."""
    places = {library: _find_source(library) for library in _libraries(config)}
    versions = [[library, _version(library), _changed(source)] for library, source in places.items()]
    return [versions, _rows_of_each(config)]


def read(config: DataConfig, cache: Path) -> TextRows:
    """Read the libraries, each in a process of its own, as many at a time as there are cores.

    Raises:
        UserError: a library is not installed, has no Python source or too few docstrings.
    """
    libraries = _libraries(config)
    names = tuple(sorted({name for library in (*NAMES, *libraries) for name in _names(library)}))
    requests = [
        Wanted(library, str(_find_source(library)), _rows_of_each(config), names) for library in libraries
    ]
    with ThreadPoolExecutor(usable_cores()) as readers:
        paragraphs_read = list(readers.map(_read_apart, requests))
    targets, paragraphs = _without_repeats(paragraphs_read)
    for target, library in enumerate(libraries):
        _refuse_few(library, targets.count(target))
    return TextRows(
        name="docstrings",
        labels=libraries,
        texts=[paragraph.text for paragraph in paragraphs],
        targets_N=np.array(targets, dtype=np.int64),
        groups_N=hash_names(paragraph.file for paragraph in paragraphs),
        parts_N=np.zeros(len(paragraphs), dtype=np.int8),
        given=("train",),
    )


def _libraries(config: DataConfig) -> tuple[str, ...]:
    libraries = tuple(sorted(set(config.libraries or NAMES)))
    if len(libraries) < 2:
        raise UserError(f"data.libraries={list(libraries)}: two or more libraries are needed")
    return libraries


def _rows_of_each(config: DataConfig) -> int | None:
    if config.sample is None:
        return None
    return int(SPARE * config.sample / len(_libraries(config))) + 1


def _names(library: str) -> tuple[str, ...]:
    return (library, DISTRIBUTIONS.get(library, library), *NAMES.get(library, ()))


def _find_source(library: str) -> Path:
    """Find a library's folder, or its single file, without importing it."""
    try:
        spec = find_spec(library) if library.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise UserError(f"data.libraries: {library!r} is not installed; name libraries as they are imported")
    origin = Path(spec.origin or "")
    if origin.suffix != ".py":
        raise UserError(f"data.libraries: {library!r} has no Python source to read")
    return origin.parent if spec.submodule_search_locations else origin


@cache
def _version(library: str) -> str:
    """Return the version of a library, the same for all of a process: reading it takes 10 ms."""
    try:
        return version(DISTRIBUTIONS.get(library, library))
    except PackageNotFoundError:
        return ""


def _changed(source: Path) -> list[int]:
    """Return the times that an installation of another version changes."""
    files = [source / "__init__.py", source] if source.is_dir() else [source]
    return [path.stat().st_mtime_ns for path in files]


def _read_apart(wanted: Wanted) -> list[Paragraph]:
    # isolated: the reader needs the standard library alone, and no file beside the user may stand in for it
    command = [sys.executable, "-I", "-S", _paragraphs.__file__]
    answer = subprocess.run(
        command, input=json.dumps(vars(wanted)), capture_output=True, text=True, encoding="utf-8"
    )
    if answer.returncode != 0:
        raise RuntimeError(f"reading the docstrings of {wanted.library} failed:\n{answer.stderr[-2000:]}")
    return [Paragraph(**fields) for fields in json.loads(answer.stdout)]


def _without_repeats(of_libraries: Sequence[Sequence[Paragraph]]) -> tuple[list[int], list[Paragraph]]:
    """Drop what is nearly the same in two libraries; the libraries take turns at being first."""
    texts = SeenTexts()
    unique = [
        (target, paragraph) for target, paragraph in _in_turns(of_libraries) if texts.is_new(paragraph.text)
    ]
    return [target for target, _ in unique], [paragraph for _, paragraph in unique]


def _in_turns(of_libraries: Sequence[Sequence[Paragraph]]) -> Iterator[tuple[int, Paragraph]]:
    for turn in range(max(map(len, of_libraries))):
        for target, of_library in enumerate(of_libraries):
            if turn < len(of_library):
                yield target, of_library[turn]


def _refuse_few(library: str, rows: int) -> None:
    if rows < FEWEST:
        raise UserError(
            f"data.libraries: {library!r} has {rows} paragraphs of 8 to 80 words; {FEWEST} are needed"
        )
