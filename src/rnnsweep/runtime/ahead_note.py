"""Which functions have machine code on disk, answered without Numba, whose import takes longer.

Who compiled ahead writes a note. It holds for the code, the libraries, the settings of Numba and the
processor that it was written for. It decides only whether somebody compiles ahead, never what runs: that
decides `kept_code`.
"""

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_PROCESSOR = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU ")  # lines of /proc/cpuinfo
_LIBRARIES = ("numba", "llvmlite", "numpy")


def noted(sources: Iterable[Path]) -> set[str]:
    """Return the names of the functions that have machine code, all of whose files are there.

    Args:
        sources: the files of code that the functions are made of.
    """
    with suppress(OSError, ValueError):
        state, *lines = _file().read_text(encoding="utf-8").splitlines()
        if state == _state(sources):
            pairs = (line.partition(" ")[::2] for line in lines)
            return {name for name, file in pairs if Path(file).exists()}
    return set()


def note(sources: Iterable[Path], files: Mapping[str, Path]) -> None:
    """Write which functions have machine code, and in which files."""
    lines = [_state(sources), *(f"{name} {file}" for name, file in sorted(files.items()))]
    file = _file()
    own = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):  # then the next process asks Numba again
        file.parent.mkdir(parents=True, exist_ok=True)
        own.write_text("\n".join(lines), encoding="utf-8")
        own.replace(file)


def can_note() -> bool:
    """Return whether compiling ahead can leave something: Numba compiles, and a note can be written."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") or find_spec("numba") is None:
        return False
    with suppress(OSError):
        _folder().mkdir(parents=True, exist_ok=True)
    return os.access(_folder(), os.W_OK)


def _file() -> Path:
    processor = hashlib.sha256(_processor().encode()).hexdigest()[:12]
    return _folder() / f"rnnsweep-ahead.{processor}.py{sys.version_info[0]}{sys.version_info[1]}"


def _folder() -> Path:
    """Return a folder that lasts as long as Numba's: the one that the user named, or beside the code."""
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named)
    here = Path(__file__).parent
    beside = here / "__pycache__"
    if os.access(beside if beside.exists() else here, os.W_OK):
        return beside
    import platformdirs

    return platformdirs.user_cache_path("rnnsweep")


def _state(sources: Iterable[Path]) -> str:
    """Return a digest of the code, of the libraries' versions and of what they compile for."""
    digest = hashlib.sha256()
    for file in sorted(sources):
        digest.update(file.read_bytes())
    for name in _LIBRARIES:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            there = os.stat(spec.origin)
            digest.update(f"{spec.origin} {there.st_mtime_ns} {there.st_size}".encode())
    settings = sorted(pair for pair in os.environ.items() if pair[0].startswith("NUMBA_") and pair[1])
    digest.update(repr((settings, sys.version, _processor())).encode())
    return digest.hexdigest()


def _processor() -> str:
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        first, _, _ = file.read(16384).partition("\n\n")
        return "\n".join(line for line in first.splitlines() if line.startswith(_PROCESSOR))
    return f"{platform.machine()} {platform.processor()}"
