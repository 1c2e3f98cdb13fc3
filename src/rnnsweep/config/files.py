"""The files of conf/: which there are, what they hold, and on which line a key is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import HydraException

from rnnsweep.config.foreign_keys import instead_of
from rnnsweep.config.hydra_files import Guard, read_defaults
from rnnsweep.config.overrides import refuse_resolvers
from rnnsweep.errors import UserError, nearest
from rnnsweep.paths import find_paths
from rnnsweep.safety.yaml_files import copy_yaml, refuse_bomb

_MISSING = re.compile(r"Could not (?:find|load) '(?P<group>[^'/]+)/(?P<name>[^']+)'")


@dataclass(frozen=True)
class Origin:
    """Where a value came from: the command line, a file of conf/, or the default in the code."""

    source: str
    path: Path | None = None
    inner: tuple[str, ...] = ()  # the key inside of the file

    @property
    def line(self) -> int | None:
        """The line of the file on which the key is, from 1."""
        return line_of(self.path, self.inner) if self.path else None

    def __str__(self) -> str:
        """As ``conf/model/my.yaml, line 2``."""
        return self.source if self.line is None else f"{self.source}, line {self.line}"


@dataclass(frozen=True)
class Layer:
    """One file that takes part in a run: its values land under `package`."""

    path: Path
    package: tuple[str, ...]
    values: dict[str, Any]


def conf_folders(conf: Path | None = None) -> tuple[Path, ...]:
    """Return the folders that options are found in, the first to have a file wins.

    Raises:
        UserError: there is no config.yaml in them.
    """
    folders = (Path(conf).absolute(),) if conf else find_paths().conf_path
    if not any((folder / "config.yaml").is_file() for folder in folders):
        raise UserError(f"{folders[-1]}: no config.yaml in it; a run is composed from that file")
    return folders


def copy_conf(into: Path, conf: Path | None = None) -> Path:
    """Copy the files that options are found in, for who must not see later changes of conf/.

    Raises:
        UserError: there is no config.yaml to copy.
    """
    for folder in reversed(conf_folders(conf)):
        copy_yaml(folder, into)
    return into


def options(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files of a group by name; experiments may lie in folders below."""
    files_by_name: dict[str, Path] = {}
    for folder in reversed(folders):
        home = folder / group
        files = sorted(home.rglob("*.yaml") if group == "experiment" else home.glob("*.yaml"))
        files_by_name |= {file.relative_to(home).with_suffix("").as_posix(): file for file in files}
    return dict(sorted(files_by_name.items()))


def refuse_unknown_option(group: str, name: object, *, where: str, folders: Sequence[Path]) -> None:
    """Refuse a name that no file of a group of conf/ has.

    Args:
        group: as ``model``.
        name: of a file of the group, without its suffix.
        where: the place of the value, for the message.
        folders: configuration folders, the first to be asked first.

    Raises:
        there is no such file; the message names the choices and the nearest.
    """
    known = options(group, folders)
    if isinstance(name, str) and name in known:
        return
    there = f"there is {', '.join(known)}" if known else f"{shown(folders[0] / group)} has none"
    hint = nearest(str(name).lower(), known)
    if group == "data" and Path(str(name)).suffix:
        hint = f" A file of your own is: data.train={name}"
    hint = hint or instead_of(f"{group}={name}")
    raise UserError(f"{group}={name!r} ({where}): no such file in conf/{group}; {there}.{hint}")


def read_layers(
    chosen: Sequence[str], folders: tuple[Path, ...]
) -> tuple[list[Layer], dict[str, str], dict[str, str]]:
    """Follow the defaults lists from config.yaml on, with the chosen files in the place of its own.

    Returns:
        the files in order, later ones win; the file of each group; and which config file named it, if any.

    Raises:
        UserError: a file that is named and missing, or that cannot be read.
    """

    def unreadable(name: str, error: Exception) -> UserError:
        return _unreadable(_file(name, folders), error)

    def before(name: str) -> None:
        path = _file(name, folders)
        if path.is_file():
            refuse_bomb(path.read_text(encoding="utf-8"), shown(path))

    def check(name: str, defaults: Sequence[Mapping[str, Any]]) -> None:
        refuse_resolvers(defaults, shown(_file(name, folders)))

    with _found(folders):
        files, choices, named = read_defaults(chosen, folders, Guard(before, unreadable, check))
    layers = [
        Layer(
            _file(name, folders),
            tuple(part for part in package.split(".") if part),
            {str(key): value for key, value in values.items()},
        )
        for name, package, values in files
    ]
    return layers, choices, named


def shown(path: Path) -> str:
    """Return a path as a user names it: from the project's root, where it lies below it."""
    root = find_paths().root
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def line_of(path: Path, inner: Sequence[str]) -> int | None:
    """Find the line of a key of a YAML file, from 1; None if it is not there."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = None
    for name in inner:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        pair = next(((key, value) for key, value in pairs if key.value == name), None)
        if pair is None:
            return None
        line, node = pair[0].start_mark.line + 1, pair[1]
    return line


@contextmanager
def _found(folders: Sequence[Path]) -> Iterator[None]:
    """Say of a file that a defaults list names and that is not there what an override would hear."""
    try:
        yield
    except (HydraException, ValueError) as error:
        if isinstance(error, UserError):
            raise
        first = str(error).splitlines()[0]
        if missing := _MISSING.search(first):
            where = shown(_who_names(missing["group"], missing["name"], folders))
            refuse_unknown_option(missing["group"], missing["name"], where=where, folders=folders)
        raise UserError(f"{shown(folders[0])}: {first}") from error


def _who_names(group: str, name: str, folders: Sequence[Path]) -> Path:
    """Find the file whose defaults list asks for ``group: name``; Hydra blames config.yaml for all."""
    for file in (file for folder in folders for file in sorted(folder.rglob("*.yaml"))):
        with suppress(yaml.YAMLError, UnicodeDecodeError):
            values = yaml.safe_load(file.read_text(encoding="utf-8"))
            defaults = values.get("defaults") if isinstance(values, dict) else None
            pairs = [pair for item in defaults or [] if isinstance(item, dict) for pair in item.items()]
            if any(str(key).split()[-1].strip("/") == group and value == name for key, value in pairs):
                return file
    return _file("config", folders)


def _file(config_path: str, folders: Sequence[Path]) -> Path:
    files = [folder / f"{config_path}.yaml" for folder in folders]
    return next((file for file in files if file.is_file()), files[0])


def _unreadable(path: Path, error: Exception) -> UserError:
    if isinstance(error, UnicodeDecodeError):
        return UserError(f"{shown(path)}: not readable as UTF-8 text; save it as UTF-8")
    mark = getattr(error, "problem_mark", None)
    place = shown(path) if mark is None else f"{shown(path)}, line {mark.line + 1}"
    problem = str(getattr(error, "problem", None) or error).strip() or type(error).__name__
    return UserError(f"{place}: not readable as YAML: {problem.splitlines()[0]}")
