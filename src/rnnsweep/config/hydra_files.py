"""Everything of Hydra that is private to it: its defaults lists over folders of files.

Hydra's public way (`initialize_config_dir`, `compose`) imports plugins, keeps global state and took 2.4 times
the processor time of ours for each run. Here the files alone are read, and what was read is cached until a
file changes.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra import version
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


class Guard(NamedTuple):
    """What is asked about each file, by its name, as model/gru."""

    before: Callable[[str], None]  # raises for what must not be parsed
    unreadable: Callable[[str, Exception], Exception]  # makes the error of a file that cannot be read
    check: Callable[[str, Sequence[Mapping[str, Any]]], None]  # raises for what a defaults list must not have


_LOCK = threading.RLock()
_CACHE: dict[
    tuple[Path, ...], tuple[Any, CachingConfigRepository]
] = {}  # stamp and what was read, by folders


class _Repository(ConfigRepository):
    """The folders alone: no plugins are searched for and imported, no global state is touched."""

    def __init__(self, folders: Sequence[Path], guard: Guard) -> None:
        self._guard = guard
        self.sources = [FileConfigSource("conf", f"file://{folder}") for folder in folders]

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Load one file, and name it in what goes wrong."""
        try:
            self._guard.before(config_path)
            loaded = super().load_config(config_path)
        except (yaml.YAMLError, OSError, ValueError, OmegaConfBaseException) as error:
            raise self._guard.unreadable(config_path, error) from error
        if loaded is not None and not isinstance(loaded.config, DictConfig):
            raise self._guard.unreadable(config_path, ValueError("not a list of `key: value`"))
        self._guard.check(config_path, [vars(item) for item in (loaded and loaded.defaults_list) or ()])
        return loaded


def read_defaults(
    chosen: Sequence[str], folders: tuple[Path, ...], guard: Guard
) -> tuple[list[tuple[str, str, dict[Any, Any]]], dict[str, str], dict[str, str]]:
    """Follow the defaults lists from config.yaml on, one thread at a time, by the rules of Hydra 1.3.

    Args:
        chosen: files of groups, as ``model=gru``, in the place of those of the lists.
        folders: in which files are looked for; the first that has one wins.
        guard: what is asked about each file.

    Returns:
        each file in order, later ones win: its name, as model/gru, where its values belong, as model, and
        the values; the file of each group; and the file that chose it, of each group that no override chose.

    Raises:
        HydraException: a file that is named and missing.
        Exception: that of the guard.
    """
    with _rules():
        repository = _repository(folders, guard)
        added = [_added(text, repository) for text in chosen]
        overrides = OverridesParser.create().parse_overrides(added)
        made = create_defaults_list(repository, "config", overrides, prepend_hydra=False, skip_missing=False)
        files = [
            (str(one.config_path), one.package or "", _values(repository, str(one.config_path)))
            for one in made.defaults
        ]
        known = made.overrides
        choices = {group: str(name) for group, name in known.known_choices.items() if name is not None}
        named = {
            group: meta.containing_config_path or ""
            for group, meta in known.override_metadata.items()
            if not meta.external_override
        }
        return files, choices, named


def _added(choice: str, repository: CachingConfigRepository) -> str:
    """Write a choice as Hydra takes it where config.yaml is older than the group and does not name it."""
    config, group = repository.load_config("config"), choice.partition("=")[0]
    named = [getattr(one, "group", None) for one in (config.defaults_list if config else None) or ()]
    return choice if group in named else f"+{choice}"


def _values(repository: CachingConfigRepository, name: str) -> dict[Any, Any]:
    loaded = repository.load_config(name)
    assert loaded is not None  # a missing file was refused while the list was made
    values = OmegaConf.to_container(loaded.config, resolve=False)
    assert isinstance(values, dict)
    values.pop("defaults", None)
    return values


def _repository(folders: tuple[Path, ...], guard: Guard) -> CachingConfigRepository:
    files = [file for folder in folders for file in sorted(folder.rglob("*.yaml"))]
    stamp = [
        (str(file), stat.st_mtime_ns, stat.st_size, stat.st_ino) for file in files for stat in [file.stat()]
    ]
    cached = _CACHE.get(folders)
    if cached is None or cached[0] != stamp:
        cached = _CACHE[folders] = (stamp, CachingConfigRepository(_Repository(folders, guard)))
    return cached[1]


@contextmanager
def _rules() -> Iterator[None]:
    """One thread at a time, by Hydra's rules of version 1.3; the rules of before stand again after."""
    with _LOCK:
        before = version.getbase()
        version.setbase("1.3")
        try:
            yield
        finally:
            version.VersionBase.instance().version_base = before
