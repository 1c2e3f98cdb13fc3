"""From overrides to one typed run: files in Hydra's order, then overrides, each value with its origin."""

import glob
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rnnsweep.config.files import (
    Layer,
    Origin,
    conf_folders,
    options,
    read_layers,
    refuse_unknown_option,
    shown,
)
from rnnsweep.config.overrides import COMMAND_LINE, Assignment, read_overrides, refuse_resolvers
from rnnsweep.config.schema import (
    GROUPS,
    RunConfig,
    RunSchema,
    flatten,
    known_keys,
    refuse_unknown_key,
    right_value,
    typed_schema,
)
from rnnsweep.data.config import DataConfig, path_keys, source_keys
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths

_DEFAULT = Origin("default")
_RECORDED: ContextVar[bool] = ContextVar("recorded", default=False)
TABLES = ("task.class_weights",)  # keys whose value may be a mapping
_REFUSED_KEY = re.compile(r"([\w.]+)=")  # how refusals of the dataclasses begin


@dataclass(frozen=True)
class Setting:
    """One value of a run and where it came from."""

    key: str
    value: Any
    origin: Origin

    def __str__(self) -> str:
        """As ``model.dropout (conf/model/my.yaml, line 2)``."""
        return f"{self.key} ({self.origin})"


def compose(
    overrides: Sequence[str] = (), *, conf: Path | None = None, where: str = COMMAND_LINE
) -> RunConfig:
    """Compose one run from the files of conf/ and the overrides, as ``["model=gru", "optimizer.lr=0.01"]``.

    Args:
        overrides: the last of two with one key holds.
        conf: the folder of ``config.yaml``; None finds it.
        where: what an error calls the place of the overrides.

    Raises:
        UserError: an override that does not parse, an unknown key or file, a wrong type or range.
    """
    run, _ = _compose(overrides, conf, where)
    return run


def origins(overrides: Sequence[str], *, conf: Path | None = None) -> list[Setting]:
    """Return every value of the composed run with the place it came from; `conf` as in `compose`.

    Raises:
        UserError: as `compose`.
    """
    run, places = _compose(overrides, conf, COMMAND_LINE)
    return [Setting(key, value, places.get(key, _DEFAULT)) for key, value in flatten(run).items()]


def architectures(conf: Path | None = None) -> tuple[str, ...]:
    """Return the names of the files of conf/model/, sorted.

    Raises:
        UserError: there is no config.yaml in the folder.
    """
    return tuple(options("model", conf_folders(conf)))


def _compose(overrides: Sequence[str], conf: Path | None, where: str) -> tuple[RunConfig, dict[str, Origin]]:
    folders = conf_folders(conf)
    assigned = read_overrides(overrides, where=where)
    chosen = [one for one in assigned if one.chooses]
    for one in chosen:
        _refuse_unknown_choice(one, where, folders)
    texts = [one.text for one in chosen if one.value is not None]
    layers, choices, named = read_layers(texts, folders)
    settings = _settings(layers, assigned, where)
    implied = "data" not in (*(one.key for one in chosen), *filter(named.get, ["data"]))
    if implied and _names_files(settings):
        layers, choices, named = read_layers([*texts, "data=files"], folders)
        settings = _settings(layers, assigned, where)
    schema = _typed(settings)
    _refuse_other_corpus(schema.data, settings)
    _find_files(schema.data)
    schema.data.targets = schema.spec.targets

    ordered = {group: choices[group] for group in GROUPS if group in choices}
    run = RunConfig(**vars(schema), choices=ordered, overrides=tuple(one.text for one in assigned))
    sources = _of_choices(choices, named, {one.key for one in chosen}, where, folders)
    return run, sources | {key: s.origin for key, s in settings.items()}


def _settings(layers: Sequence[Layer], assigned: Sequence[Assignment], where: str) -> dict[str, Setting]:
    """Return each key's last value: of the files in their order, then of the overrides."""
    settings = {s.key: s for s in _of_files(layers)}
    return settings | {a.key: Setting(a.key, a.value, Origin(where)) for a in assigned if not a.chooses}


def _names_files(settings: Mapping[str, Setting]) -> bool:
    """Return whether files are named that another corpus than the chosen one would read."""
    corpus = settings.get("data.corpus", Setting("data.corpus", DataConfig.corpus, _DEFAULT)).value
    train = settings.get("data.train")
    return train is not None and train.value is not None and corpus not in source_keys()["train"]


@contextmanager
def recorded_settings(recorded: bool = True) -> Iterator[None]:
    """Compose settings of records: earlier versions took keys that the chosen corpus does not read."""
    token = _RECORDED.set(recorded or _RECORDED.get())
    try:
        yield
    finally:
        _RECORDED.reset(token)


def _refuse_other_corpus(data: DataConfig, settings: Mapping[str, Setting]) -> None:
    """Refuse a key that the chosen corpus does not read: a run that ignores what was asked is a wrong run."""
    if _RECORDED.get():
        return
    default = DataConfig()
    for name, corpora in source_keys().items():
        setting = settings.get(f"data.{name}")
        if setting is None or data.corpus in corpora or getattr(data, name) == getattr(default, name):
            continue
        others = " and ".join(f"data={corpus}" for corpus in corpora)
        raise UserError(
            f"data.{name}={setting.value!r} ({setting.origin}): data={data.corpus} does not read it;"
            f" {others} {'do' if len(corpora) > 1 else 'does'}"
        )


def _refuse_unknown_choice(one: Assignment, where: str, folders: Sequence[Path]) -> None:
    if one.value is None and one.key == "experiment":
        return
    several = isinstance(one.value, list) and one.key == "experiment"
    names = one.value if several else [one.value]
    for name in names:
        refuse_unknown_option(one.key, name, where=where, folders=folders)


def _of_files(layers: Sequence[Layer]) -> Iterator[Setting]:
    for layer in layers:
        source = shown(layer.path)
        for inner, value in _leaves(layer.values):
            key = ".".join((*layer.package, *inner))
            origin = Origin(source, layer.path, inner)
            _refuse_key_of_file(key, value, origin, layer)
            yield Setting(key, value, origin)


def _refuse_key_of_file(key: str, value: Any, origin: Origin, layer: Layer) -> None:
    if key not in known_keys() and layer.package[:1] == ("experiment",):
        raise UserError(
            f"{origin.source}: its first line must be '# @package _global_', as it sets keys of other groups"
        )
    if key not in known_keys():
        refuse_unknown_key(key, value, str(origin))


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value and ".".join((*above, str(name))) not in TABLES:
            yield from _leaves(value, (*above, str(name)))
        else:
            yield (*above, str(name)), value


def _typed(settings: Mapping[str, Setting]) -> RunSchema:
    """Put each value onto the typed schema, then let the dataclasses look at their ranges."""
    typed = typed_schema()
    for setting in settings.values():
        _assign(typed, setting)
    try:
        schema = OmegaConf.to_object(typed)
    except UserError as error:
        raise _with_origin(error, settings) from None
    except OmegaConfBaseException as error:
        raise _unresolved(error, settings) from error
    assert isinstance(schema, RunSchema)
    return schema


def _find_files(data: DataConfig) -> None:
    """Look for the user's files from the working directory, then from the project's root.

    A command recorded in one folder is found again from another.
    """
    root = find_paths().root
    for name in path_keys():
        value = getattr(data, name)
        if isinstance(value, list | tuple):
            setattr(data, name, [_found_path(each, root) for each in value])
        elif value:
            setattr(data, name, _found_path(value, root))


def _found_path(name: str, root: Path) -> str:
    below = root / name
    is_there = _is_there(Path(name).expanduser())
    return str(below) if not is_there and _is_there(below) else name


def _is_there(path: Path) -> bool:
    return path.exists() or (glob.has_magic(str(path)) and bool(glob.glob(str(path), recursive=True)))


def _assign(typed: DictConfig, setting: Setting) -> None:
    refuse_resolvers(setting.value, setting)
    if isinstance(setting.value, float) and not math.isfinite(setting.value):
        raise UserError(f"{setting.key}={setting.value} ({setting.origin}): must be a finite number")
    try:
        OmegaConf.update(typed, setting.key, setting.value, merge=False)
    except OmegaConfBaseException as error:
        shown_value = f"{setting.key}={setting.value!r} ({setting.origin})"
        raise UserError(f"{shown_value}: must be {right_value(setting.key)}") from error


def _with_origin(error: UserError, settings: Mapping[str, Setting]) -> UserError:
    """Add the origin of a value to an error of a dataclass: ``model.dropout=2 (command line): must ...``."""
    message = str(error)
    refused = _REFUSED_KEY.match(message)
    setting = settings.get(refused.group(1)) if refused else None
    if setting is None:
        return error
    begin = next((b for b in _beginnings(setting) if message.startswith((f"{b}:", f"{b} "))), "")
    return UserError(f"{begin} ({setting.origin}){message[len(begin) :]}") if begin else error


def _beginnings(setting: Setting) -> Iterator[str]:
    """Yield what a dataclass may call the value: as written, or as its type made it (1: 1.0 or '1')."""
    yield f"{setting.key}={setting.value!r}"
    yield f"{setting.key}={str(setting.value)!r}"
    if isinstance(setting.value, int):
        yield f"{setting.key}={float(setting.value)!r}"


def _unresolved(error: OmegaConfBaseException, settings: Mapping[str, Setting]) -> UserError:
    key = str(getattr(error, "full_key", "") or "")
    first = str(error).splitlines()[0]
    place = f" ({settings[key].origin})" if key in settings else ""
    value = f"={settings[key].value!r}" if key in settings else ""
    return UserError(f"{key}{value}{place}: {first}")


def _of_choices(
    choices: Mapping[str, str],
    named: Mapping[str, str],
    by_override: set[str],
    where: str,
    folders: Sequence[Path],
) -> dict[str, Origin]:
    """Return who chose each group's file: an override, an experiment, or config.yaml."""
    origins = {}
    for group in choices:
        if group in by_override:
            origins[group] = Origin(where)
            continue
        name = f"{named.get(group) or 'config'}.yaml"
        path = next((folder / name for folder in folders if (folder / name).is_file()), folders[0] / name)
        origins[group] = Origin(shown(path), path)
    return origins
