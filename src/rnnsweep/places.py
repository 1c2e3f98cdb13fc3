"""Where the three data folders are: conf/ (one run), sweeps/ (questions), mlruns/ (answers)."""

import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Places:
    """The folders that the project reads and writes, all absolute."""

    root: Path
    conf: Path  # the folder of config.yaml
    conf_path: tuple[Path, ...]  # where files of conf/ are looked for; the first that has one wins
    sweeps: tuple[Path, ...]
    mlruns: Path


def find_places() -> Places:
    """Find the folders, whatever the working directory.

    The root is, in this order: the environment variable ``RNNSWEEP_HOME``; the clone that the package
    was installed from; the nearest folder above the working directory that has ``mlruns/`` or
    ``conf/config.yaml``; the working directory. Where the root's ``conf/`` has no ``config.yaml``, that of
    the project is used (in the wheel or the clone), and files of the root's ``conf/`` are found before it.
    """
    root, given = _root(), _given()
    own_conf, packaged = root / "conf", given / "conf"
    conf = own_conf if (own_conf / "config.yaml").is_file() or not packaged.is_dir() else packaged
    return Places(
        root=root,
        conf=conf,
        conf_path=(conf,) if conf == own_conf or not own_conf.is_dir() else (own_conf, conf),
        sweeps=tuple(dict.fromkeys((root / "sweeps", given / "sweeps"))),
        mlruns=root / "mlruns",
    )


def _given() -> Path:
    """Give the folder whose conf/ and sweeps/ come with the project: the package, or its clone."""
    return PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parents[1]


def _root() -> Path:
    if home := os.environ.get("RNNSWEEP_HOME"):
        return Path(home).expanduser().resolve()
    clone = PACKAGE.parents[1]
    if (clone / "conf" / "config.yaml").is_file():
        return clone
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "mlruns").is_dir() or (folder / "conf" / "config.yaml").is_file():
            return folder
    return here
