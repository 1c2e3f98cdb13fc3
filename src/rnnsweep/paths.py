"""Where the three data folders are: conf/ (one run), sweeps/ (questions), mlruns/ (answers)."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MACHINES = (
    "machine"  # the folder of conf/ that says where trials run: no part of a run, of no consequence for it
)


@dataclass(frozen=True)
class ProjectPaths:
    """The folders that the project reads and writes, all absolute."""

    root: Path
    conf: Path  # the folder of config.yaml
    conf_path: tuple[Path, ...]  # where files of conf/ are looked for; the first that has one wins
    sweeps: tuple[Path, ...]
    mlruns: Path


def find_paths() -> ProjectPaths:
    """Find the folders, whatever the working directory.

    The root is, in this order: the environment variable ``RNNSWEEP_HOME``; the working directory, or the
    nearest folder above it, that has files of a project's own: ``conf/config.yaml``, or ``conf/`` beside a
    file of ``sweeps/``; the clone that the package was installed from; the working directory, or the nearest
    folder above it, that has ``mlruns/``; the working directory. What lies above is looked at up to the
    user's home folder, a folder of another user, or one that everybody may write to, whichever comes
    first: none of these is taken, because anybody could have put a project there. Where the root's
    ``conf/`` has no ``config.yaml``, that of the project is used (in the wheel or the clone), and files
    of the root's ``conf/`` are found before it.
    """
    root, packaged_root = _chosen_root()[0], _given()
    own_conf, packaged = root / "conf", packaged_root / "conf"
    conf = own_conf if (own_conf / "config.yaml").is_file() or not packaged.is_dir() else packaged
    return ProjectPaths(
        root=root,
        conf=conf,
        conf_path=(conf,) if conf == own_conf or not own_conf.is_dir() else (own_conf, conf),
        sweeps=tuple(dict.fromkeys((root / "sweeps", packaged_root / "sweeps"))),
        mlruns=root / "mlruns",
    )


def _given() -> Path:
    """Return the folder whose conf/ and sweeps/ come with the project: the package, or its clone."""
    return PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parents[1]


def root_notes() -> list[str]:
    """Name the root that was found outside of the working directory, or a project that is not used."""
    root, why = _chosen_root()
    here = Path.cwd()
    if root != here and not why:
        return []  # the user said so
    if root != here:
        return [f"project folder: {root} ({why})"]
    refused = None if _holds_project(here) else _refused_above(here)
    if refused is None:
        return []
    folder, reason = refused
    return [
        f"{folder} holds a project that is not used: it {reason}; to use it, go there or set RNNSWEEP_HOME"
    ]


def _chosen_root() -> tuple[Path, str]:
    if home := os.environ.get("RNNSWEEP_HOME"):
        return Path(home).expanduser().resolve(), ""
    here, clone = Path.cwd(), PACKAGE.parents[1]
    folders = (here, *_trusted_above(here))
    is_clone = (clone / "conf" / "config.yaml").is_file()
    for folder in folders:
        if _has_own_files(folder):
            return folder, "above the working directory"
    if is_clone:
        return clone, "the clone that rnnsweep is installed from"
    for folder in folders:
        if (folder / "mlruns").is_dir():
            return folder, "above the working directory"
    return here, ""


def _holds_project(folder: Path) -> bool:
    return (folder / "mlruns").is_dir() or _has_own_files(folder)


def _has_own_files(folder: Path) -> bool:
    """Whether a person made a project here: any folder may have MLflow's mlruns/."""
    conf, sweeps = folder / "conf", folder / "sweeps"
    return (conf / "config.yaml").is_file() or (conf.is_dir() and any(sweeps.glob("*.yaml")))


def _trusted_above(folder: Path) -> Iterator[Path]:
    for above in folder.parents:
        if _why_refused(above, below=folder):
            return
        yield above


def _refused_above(folder: Path) -> tuple[Path, str] | None:
    """Find the folder at which looking upwards ends, where it holds a project, and say why it ends there."""
    for above in folder.parents:
        if why := _why_refused(above, below=folder):
            return (above, why) if _holds_project(above) else None
    return None


def _why_refused(folder: Path, *, below: Path) -> str:
    home = Path.home().resolve()
    if folder == home or below == home:
        return "is your home folder, or lies above it"
    status = folder.stat()
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    return "may be written to by everybody" if status.st_mode & stat.S_IWOTH else ""
