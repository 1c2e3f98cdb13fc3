"""The files of conf/: which there are, what they hold, and on which line a key stands."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import version
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rnnsweep.config.overrides import refuse_resolvers
from rnnsweep.errors import UserError, nearest
from rnnsweep.paths import find_paths
from rnnsweep.yaml_files import copy_yaml, refuse_bomb

_MISSING = re.compile(r"Could not (?:find|load) '(?P<group>[^'/]+)/(?P<name>[^']+)'")
_LOCK = threading.RLock()
_KEPT: dict[tuple[Path, ...], tuple[Any, CachingConfigRepository]] = {}  # stamp and what was read, by folders


@dataclass(frozen=True)
class Origin:
    """Where a value came from: the command line, a file of conf/, or the default in the code."""

    source: str
    path: Path | None = None
    inner: tuple[str, ...] = ()  # the key inside of the file

    @property
    def line(self) -> int | None:
        """The line of the file on which the key stands, from 1."""
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


class _Repository(ConfigRepository):
    """The folders alone: no plugins are searched for and imported, no global state is touched."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self.sources = [FileConfigSource("conf", f"file://{folder}") for folder in folders]

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Load one file, and name it in what goes wrong."""
        path = _file(config_path, self.folders)
        try:
            if path.is_file():
                refuse_bomb(path.read_text(encoding="utf-8"), shown(path))
            loaded = super().load_config(config_path)
        except (yaml.YAMLError, OSError, ValueError, OmegaConfBaseException) as error:
            raise _unreadable(_file(config_path, self.folders), error) from error
        if loaded is not None and not isinstance(loaded.config, DictConfig):
            raise _unreadable(_file(config_path, self.folders), ValueError("not a list of `key: value`"))
        chosen = [vars(item) for item in (loaded and loaded.defaults_list) or ()]
        refuse_resolvers(chosen, shown(_file(config_path, self.folders)))
        return loaded


def conf_folders(conf: Path | None = None) -> tuple[Path, ...]:
    """Give the folders that options are found in, the first to have a file wins.

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
    """Give the files of a group by name; experiments may lie in folders below."""
    found: dict[str, Path] = {}
    for folder in reversed(folders):
        home = folder / group
        files = sorted(home.rglob("*.yaml") if group == "experiment" else home.glob("*.yaml"))
        found |= {file.relative_to(home).with_suffix("").as_posix(): file for file in files}
    return dict(sorted(found.items()))


def refuse_unknown_option(group: str, name: object, *, where: str, folders: Sequence[Path]) -> None:
    """Raise UserError unless conf/ has the file `name` in `group`, naming the choices and the nearest."""
    known = options(group, folders)
    if isinstance(name, str) and name in known:
        return
    there = f"there is {', '.join(known)}" if known else f"{shown(folders[0] / group)} has none"
    hint = nearest(str(name), known)
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
    with _hydra(), _found(folders):
        repository = _repository(folders)
        added = [_added(text, repository) for text in chosen]
        overrides = OverridesParser.create().parse_overrides(added)
        found = create_defaults_list(repository, "config", overrides, prepend_hydra=False, skip_missing=False)
        layers = [_layer(result, repository, folders) for result in found.defaults]
        known = found.overrides
        choices = {group: str(name) for group, name in known.known_choices.items() if name is not None}
        named = {
            group: meta.containing_config_path or ""
            for group, meta in known.override_metadata.items()
            if not meta.external_override
        }
    return layers, choices, named


def shown(path: Path) -> str:
    """Give a path as a user names it: from the project's root, where it lies below it."""
    root = find_paths().root
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def line_of(path: Path, inner: Sequence[str]) -> int | None:
    """Find the line of a key of a YAML file, from 1; None if it is not there."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = None
    for name in inner:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value == name), None)
        if found is None:
            return None
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _added(choice: str, repository: CachingConfigRepository) -> str:
    """Write a choice as Hydra takes it where config.yaml is older than the group and does not name it."""
    config, group = repository.load_config("config"), choice.partition("=")[0]
    named = [getattr(one, "group", None) for one in (config.defaults_list if config else None) or ()]
    return choice if group in named else f"+{choice}"


def _layer(result: ResultDefault, repository: CachingConfigRepository, folders: Sequence[Path]) -> Layer:
    loaded = repository.load_config(str(result.config_path))
    assert loaded is not None  # a missing file was refused while the list was made
    values = OmegaConf.to_container(loaded.config, resolve=False)
    assert isinstance(values, dict)
    values.pop("defaults", None)
    path = _file(str(result.config_path), folders)
    package = tuple(part for part in (result.package or "").split(".") if part)
    return Layer(path, package, {str(key): value for key, value in values.items()})


def _repository(folders: tuple[Path, ...]) -> CachingConfigRepository:
    """Keep what was read until a file changes: parsing YAML is most of the time that composing takes."""
    files = [file for folder in folders for file in sorted(folder.rglob("*.yaml"))]
    stamp = [
        (str(file), stat.st_mtime_ns, stat.st_size, stat.st_ino) for file in files for stat in [file.stat()]
    ]
    kept = _KEPT.get(folders)
    if kept is None or kept[0] != stamp:
        kept = _KEPT[folders] = (stamp, CachingConfigRepository(_Repository(folders)))
    return kept[1]


@contextmanager
def _hydra() -> Iterator[None]:
    """One thread at a time, by Hydra's rules of version 1.3; the rules of before stand again after."""
    with _LOCK:
        before = version.getbase()
        version.setbase("1.3")
        try:
            yield
        finally:
            version.VersionBase.instance().version_base = before


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
            asked = values.get("defaults") if isinstance(values, dict) else None
            pairs = [pair for item in asked or [] if isinstance(item, dict) for pair in item.items()]
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
