"""Folders that are made once, whole, by one of many processes, and checked whenever they are opened.

A folder is built beside its place under a lock and renamed into it; its ``seal.json`` names its files with
size and checksum. What is torn, damaged or of another format is built again. Nothing here is pickled.
"""

import hashlib
import json
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from rnnsweep.errors import UserError

FORMAT = 1  # of everything in the cache: raise it when a change makes older folders wrong
SEAL = "seal.json"
CHECKED = 16 << 20  # bytes of a file that opening it reads at most, spread over the file
SETTLED_NS = 1_000_000_000  # of a file that was written so long ago a later write shows in its time
_INTACT: dict[Path, list[tuple[int, int, int]]] = {}  # the state of folders that this process has checked


def find_cache(cache: Path | None = None) -> Path:
    """Return the cache's folder: the argument, else ``RNNSWEEP_CACHE``, else the user's cache folder."""
    if cache is not None:
        return cache
    if named := os.environ.get("RNNSWEEP_CACHE"):
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rnnsweep"))


def key_of(state: Any) -> str:
    """Return the name of a folder that is made of this state, which is plain JSON."""
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]


def made_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Return `folder`, intact; where it is missing or damaged, one process calls `build` and the others wait.

    Raises:
        UserError: the folder cannot be written.
    """
    if is_intact(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{folder.name}.lock"):
            if not is_intact(folder):
                _build(folder, build)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"cannot write the cache {folder.parent}: {reason}. Set RNNSWEEP_CACHE to a folder that can be"
            " written and has room."
        ) from error
    return folder


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    for left_over in folder.parent.glob(f"{folder.name}.part-*"):  # of builders that were killed
        shutil.rmtree(left_over, ignore_errors=True)
    part = folder.parent / f"{folder.name}.part-{uuid.uuid4().hex}"
    try:
        part.mkdir()  # unlike mkdtemp's, readable by whom the user's umask lets read
        build(part)
        _seal(part)
        if folder.exists():  # damaged; who has it mapped keeps what he mapped
            folder.rename(part.with_name(f"{part.name}-old"))
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(part.with_name(f"{part.name}-old"), ignore_errors=True)


def is_intact(folder: Path) -> bool:
    """Return whether the folder is whole: its seal reads and each file has the sealed size and checksum."""
    try:
        seal = json.loads((folder / SEAL).read_bytes())
        state = [_state(folder / name) for name in (SEAL, *seal["files"])]
        if _INTACT.get(folder) == state:
            return True
        intact = seal["format"] == FORMAT and all(
            list(_fingerprint(folder / name)) == sealed for name, sealed in seal["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    # a file that is written again at once can keep its time
    if intact and time.time_ns() - max(written for _, _, written in state) > SETTLED_NS:
        _INTACT[folder] = state
    return intact


def _state(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written: its number, its size, its time in nanoseconds."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _seal(folder: Path) -> None:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        _to_disk(path)
    seal = {"format": FORMAT, "files": {path.name: _fingerprint(path) for path in files}}
    write_json(folder / SEAL, seal)
    _to_disk(folder / SEAL)


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _fingerprint(path: Path) -> tuple[int, int]:
    """Return size and CRC-32; of a large file, the CRC of blocks spread evenly over it."""
    size, block = path.stat().st_size, 1 << 16
    with path.open("rb") as file:
        if size <= CHECKED:
            return size, zlib.crc32(file.read())
        crc = 0
        for start in np.linspace(0, size - block, CHECKED // block).astype(int).tolist():
            file.seek(start)
            crc = zlib.crc32(file.read(block), crc)
    return size, crc


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON in UTF-8."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read what `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array of numbers as .npy."""
    np.save(path, array, allow_pickle=False)


def map_array(path: Path) -> NDArray[Any]:
    """Map an .npy file into memory, read-only; processes that map it share its pages."""
    if path.stat().st_size <= 4096:  # an empty array cannot be mapped, a tiny one need not be
        return np.asarray(np.load(path, allow_pickle=False))
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
