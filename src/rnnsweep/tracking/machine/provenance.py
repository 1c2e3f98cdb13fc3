"""Where a run comes from: commit, uncommitted changes, versions, hardware, command."""

import functools
import getpass
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from rnnsweep.hardware import usable_cores, usable_memory
from rnnsweep.safety.redaction import masked

LIBRARIES = (
    "rnnsweep",
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "optuna",
    "mlflow",
    "numpy",
    "scikit-learn",
)
DIFF = 1_000_000  # characters of a diff that are kept
# a repository's own settings may name programs that reading it starts, and reading may rewrite its index
GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
READ_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "HEAD", "--", ".")
# files that hold secrets, whatever their folder; what changed in them is not recorded
SECRETS = (
    *(".env*", "*.env", ".netrc", ".pgpass", ".pypirc", ".npmrc", ".git-credentials", ".aws/**", ".ssh/**"),
    *(
        "*.pem",
        "*.key",
        "*.p12",
        "*.pfx",
        "*.jks",
        "*.kdbx",
        "*.keystore",
        "id_rsa*",
        "id_ed25519*",
        "id_ecdsa*",
    ),
    *("*credential*", "*secret*", "*password*", "service-account*.json"),
)
PUBLIC = (  # of a training, for pages that are handed on
    *("git.commit", "git.branch", "git.dirty", "versions", "python"),
    *("cpu", "cores", "memory_gb", "gpu", "platform"),
)


def provenance(root: Path | None = None, *, diff: bool = True) -> dict[str, str]:
    """Describe where runs of this process come from, as flat text; a sweep passes it on to its trials.

    Keys: ``git.commit``, ``git.branch``, ``git.dirty``, ``git.diff`` (only where something is uncommitted,
    and `diff` is true), ``versions``, ``python``, ``command``, ``cpu``, ``cores``, ``memory_gb``, ``gpu``,
    ``user``, ``host``, ``platform``. Computed once in a process. Passwords in addresses are masked, and
    changes to files that are named as secrets are (`SECRETS`) are left out.
    """
    origin = dict(_provenance(root or Path(__file__).resolve().parents[3]))
    if not diff:
        origin.pop("git.diff", None)
    return origin


def public_facts(origin: Mapping[str, str]) -> dict[str, str]:
    """Select what a page that is handed on may hold: neither diff, user, host nor command."""
    return {name: origin[name] for name in PUBLIC if name in origin}


@functools.lru_cache(maxsize=4)
def _provenance(root: Path) -> dict[str, str]:
    return {
        **_git(root),
        "versions": " ".join(f"{name}={installed_version(name)}" for name in LIBRARIES),
        "python": platform.python_version(),
        "command": masked(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))[:5000],
        "user": _user(),
        "host": platform.node(),
        "platform": platform.platform(),
        **hardware(),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"


def hardware() -> dict[str, str]:
    """Describe the machine: processor, cores, memory, graphics card where one is known."""
    return {
        "cpu": _processor(),
        "cores": str(usable_cores()),
        "memory_gb": f"{usable_memory() / 2**30:.1f}",
        "gpu": _graphics(),
    }


def _processor() -> str:
    with suppress(OSError):  # another system than Linux
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _graphics() -> str:
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    return "; ".join(_ask(query, Path("/")).splitlines()) or "none"


def installed_version(name: str) -> str:
    """Return the version of a distribution; ``absent`` where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def _git(root: Path) -> dict[str, str]:
    top = _ask([*GIT, "rev-parse", "--show-toplevel"], root).strip()
    if not top and _is_refused(root):
        trust = shlex.join(["git", "config", "--global", "--add", "safe.directory", str(root)])
        print(
            f"{root}: git does not read the repository of another user, and the commit is not recorded; to"
            f" have it, call: {trust}",
            file=sys.stderr,
        )
    if not top or Path(top).resolve() != root.resolve():  # in somebody else's, or in none
        return {"git.commit": "unknown"}
    off = _filters_off(root)
    changes = _ask([*GIT, "status", "--porcelain", "--ignore-submodules=dirty"], root, off)
    commit = {
        "git.commit": _ask([*GIT, "rev-parse", "HEAD"], root).strip() or "unknown",
        "git.branch": _ask([*GIT, "rev-parse", "--abbrev-ref", "HEAD"], root).strip(),
        "git.dirty": "true" if changes.strip() else "false",
    }
    left_out = [f":(exclude,icase,glob)**/{pattern}" for pattern in SECRETS]
    diff = masked(_ask([*GIT, *READ_DIFF, *left_out], root, off)[:DIFF])
    return commit | ({"git.diff": diff} if diff else {})


def _filters_off(root: Path) -> dict[str, str]:
    """Return the environment in which git runs none of the filters that the repository's settings name."""
    keys = _ask([*GIT, "config", "--null", "--name-only", "--get-regexp", r"^filter\."], root).split("\0")
    names = sorted({key.removeprefix("filter.").rpartition(".")[0] for key in keys if key})
    settings = {"clean": "", "smudge": "", "process": "", "required": "false"}
    pairs = [(f"filter.{name}.{key}", value) for name in names for key, value in settings.items()]
    numbered = {f"GIT_CONFIG_KEY_{n}": key for n, (key, _) in enumerate(pairs)}
    numbered |= {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(pairs)}
    return numbered | {"GIT_CONFIG_COUNT": str(len(pairs))} if pairs else {}


def _ask(command: list[str], folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> str:
    """Run a command for its output; nothing where it is not installed, fails or hangs."""
    done = _run(command, folder, more)
    return done.stdout.decode(errors="replace") if done and done.returncode == 0 else ""


def _is_refused(root: Path) -> bool:
    """Return whether git finds a repository and does not read it, as it is another user's."""
    done = _run([*GIT, "rev-parse"], root, {"LC_ALL": "C"})
    return done is not None and b"dubious ownership" in done.stderr


def _run(
    command: list[str], folder: Path, more: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes] | None":
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **more},
            capture_output=True,
            timeout=5,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
