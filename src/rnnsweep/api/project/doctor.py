"""Whether this machine and this project are fit for work: one check for each thing that goes wrong."""

import errno
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from urllib.parse import urlsplit

from rnnsweep.api import compile_ahead
from rnnsweep.errors import UserError
from rnnsweep.hardware import gpus, usable_cores
from rnnsweep.paths import find_paths, root_notes
from rnnsweep.runtime.process import LOOPBACK, PROXIES
from rnnsweep.safety.interpreter import run_module
from rnnsweep.safety.redaction import masked

_LOG = logging.getLogger(__name__)
ROOM = 2 << 30  # bytes that a sweep with its models easily takes


@dataclass(frozen=True)
class Check:
    """One thing that was checked: what was found, and what to do where it is wrong."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


def doctor() -> tuple[Check, ...]:
    """Check the environment, GPU, project, store, disk, locks, port and proxies; change no project.

    Where the loops of recurrent layers are not compiled for this processor yet, it compiles them.
    A check that cannot be made counts as failed, with the fault as what was found.
    """
    checks: dict[str, Callable[[], Check]] = {
        "environment": _environment,
        "versions": check_versions,
        "training": _training,
        "machine code": _machine_code,
        "gpu": _gpu,
        "project": _project,
        "store": _store,
        "disk": _disk,
        "locks": _locks,
        "port": _port,
        "proxies": _proxies,
    }
    return tuple(_safely(name, check) for name, check in checks.items())


def _safely(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:
        first = str(error).strip().splitlines()[:1] or [""]
        found = masked(f"{type(error).__name__}: {first[0]}")
        return Check(name, False, found, "correct what it names, then call rnnsweep doctor again")


def _environment() -> Check:
    python = ".".join(map(str, sys.version_info[:3]))
    inside = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    found = f"Python {python} in {sys.prefix}"
    if sys.platform == "win32":
        return Check("environment", False, found, "use WSL: rnnsweep needs Linux or macOS")
    return Check("environment", True, found if inside else f"{found}, which is no virtual environment")


def check_versions() -> Check:
    """Compare the installed libraries with what this version of rnnsweep asks for."""
    from packaging.requirements import Requirement

    wrong = []
    for text in requires("rnnsweep") or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(needed.name)
        except PackageNotFoundError:
            installed = ""
        if not installed or not needed.specifier.contains(installed, prereleases=True):
            wrong.append(f"{needed.name} {installed or 'is missing'} (needs {needed.specifier or 'any'})")
    remedy = "install what fits: pip install --upgrade rnnsweep" if wrong else ""
    return Check("versions", not wrong, "; ".join(wrong) or "every library fits", remedy)


def _training() -> Check:
    """Train one step, as a broken PyTorch imports well and then fails."""
    import torch

    layer = torch.nn.LSTM(3, 4, batch_first=True)
    layer(torch.zeros(2, 5, 3))[0].sum().backward()
    return Check("training", True, f"PyTorch {torch.__version__} trains; {usable_cores()} cores")


def _machine_code() -> Check:
    """See that the loops of recurrent layers are compiled, or compile them: a first training waits for it."""
    from rnnsweep.runtime.compiled import AVAILABLE

    name, began = "machine code", time.monotonic()
    if not AVAILABLE:
        return Check(name, True, "none: Numba is missing or off, so PyTorch computes")
    if not compile_ahead.can_keep():
        remedy = "set NUMBA_CACHE_DIR to a folder that you can write to"
        return Check(name, False, "it cannot be kept: each process compiles the loops anew", remedy)
    if not compile_ahead.missing():
        return Check(name, True, "the loops of all cells are compiled")
    if compile_ahead.is_switched_off():
        return Check(name, True, f"the first training compiles the loops, as {compile_ahead.SWITCH}=0")
    _LOG.warning("compiling the loops of all cells for this processor: once, some seconds")
    command = run_module(compile_ahead.MODULE)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0 or compile_ahead.missing():
        last = masked((done.stderr.strip().splitlines() or ["no reason given"])[-1])
        return Check(
            name, False, last, "correct what it names; until then a first training compiles the loops"
        )
    took = time.monotonic() - began
    return Check(name, True, f"the loops of all cells are compiled now ({took:.0f} s)")


def _gpu() -> Check:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        torch.zeros(8, device="cuda").sum().item()
        mps = "runs" if gpus.has_mps() else "does not run"
        return Check("gpu", True, f"{len(names)}: {', '.join(names)}; MPS {mps}")
    there = shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()
    if not there:
        return Check("gpu", True, "none; runs train on the processor")
    if torch.version.cuda is None:
        why, remedy = (
            "PyTorch was built without CUDA",
            "install PyTorch for CUDA: https://pytorch.org/get-started",
        )
    else:
        why = f"PyTorch for CUDA {torch.version.cuda} cannot use it"
        remedy = "look at nvidia-smi (driver) and CUDA_VISIBLE_DEVICES, or set trainer.accelerator=cpu"
    return Check("gpu", False, f"there is one, but {why}", remedy)


def _project() -> Check:
    places = find_paths()
    if not (places.conf / "config.yaml").is_file():
        return Check("project", False, f"{places.conf}: no config.yaml", "make a project: rnnsweep init")
    place = _existing(places.mlruns)
    if not os.access(place, os.W_OK | os.X_OK):
        remedy = "give yourself the right to write there, or set RNNSWEEP_HOME to another folder"
        return Check("project", False, f"{place} cannot be written to", remedy)
    return Check("project", True, (root_notes() or [str(places.root)])[0].removeprefix("project folder: "))


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _store() -> Check:
    """See that a server answers, or that the local database is sound."""
    from rnnsweep.tracking.store.address import LOCAL, check_answers, destination
    from rnnsweep.tracking.store.opened import AGAIN, refuse_damaged

    target = destination(None)
    if target != LOCAL:
        try:
            check_answers(None)
        except UserError as error:
            return Check("store", False, str(error), "start the server, or unset MLFLOW_TRACKING_URI")
        return Check("store", True, f"{masked(target)} answers")
    database = find_paths().mlruns / "mlflow.db"
    if not database.is_file():
        return Check("store", True, f"{database}: not there yet; the first run makes it")
    try:
        refuse_damaged(database)
    except UserError as error:
        return Check("store", False, str(error).removesuffix(f"; {AGAIN}"), AGAIN)
    return Check("store", True, f"{database} is sound")


def _disk() -> Check:
    place = _existing(find_paths().mlruns)
    free = shutil.disk_usage(place).free
    found = f"{free / 2**30:.1f} GiB free in {place}"
    remedy = "free some space: rnnsweep clean names what can go" if free < ROOM else ""
    return Check("disk", free >= ROOM, found, remedy)


def _locks() -> Check:
    """Lock a file where locks will lie: some network file systems have none."""
    import filelock

    place = _existing(find_paths().mlruns)
    with tempfile.TemporaryDirectory(prefix=".rnnsweep-doctor-", dir=place) as folder:
        path = Path(folder) / "lock"
        try:
            with filelock.FileLock(path, timeout=5):
                held = _is_held(path)
        except (OSError, NotImplementedError) as error:
            return Check("locks", False, f"{place}: {error}", _ELSEWHERE)
    return Check(
        "locks", held, f"{place}: locks {'hold' if held else 'do not hold'}", "" if held else _ELSEWHERE
    )


_ELSEWHERE = "put the project on a local disk, or set RNNSWEEP_HOME to a folder on one"


def _is_held(path: Path) -> bool:
    """Return whether a lock that is held cannot be taken a second time."""
    import filelock

    other = filelock.FileLock(path, timeout=0, is_singleton=False)
    try:
        other.acquire()
    except filelock.Timeout:
        return True
    other.release()
    return False


def _port() -> Check:
    from rnnsweep.tracking.ui.hosts import PORT, why_taken

    if reason := why_taken(PORT):
        whose = " (perhaps by a rnnsweep ui that runs)" if reason == os.strerror(errno.EADDRINUSE) else ""
        return Check("port", True, f"port {PORT}: {reason}{whose}; rnnsweep ui takes the next free one")
    return Check("port", True, f"port {PORT} of rnnsweep ui is free")


def _proxies() -> Check:
    """A proxy that also gets the requests to a server of the local network breaks it.

    Requests to this machine itself never go through a proxy (`spare_loopback`).
    """
    set_here = [name for name in PROXIES if os.environ.get(name)]
    if not set_here:
        return Check("proxies", True, "none")
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    spared = {*LOOPBACK} | {one.strip() for one in named.split(",")}
    local = list(_local_hosts())
    missing = [host for host in local if host not in spared and "*" not in spared]
    found = ", ".join(sorted(set(map(str.upper, set_here)))) + " set"
    if missing:
        return Check("proxies", False, found, f"export NO_PROXY={','.join(local)}")
    return Check("proxies", True, f"{found}; not used for {', '.join(local)}")


def _local_hosts() -> Iterator[str]:
    yield from LOOPBACK
    host = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", "")).hostname
    if host and "." not in host and host != "localhost":
        yield host
