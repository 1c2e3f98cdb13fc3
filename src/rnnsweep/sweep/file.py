"""A file of sweeps/: one question, its budget and its search space."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError, nearest
from rnnsweep.sweep.methods import PRUNERS, SAMPLERS, Method, read_method
from rnnsweep.sweep.slots import parse_slots
from rnnsweep.sweep.space import Dimension, read_space
from rnnsweep.sweep.values import Field, load_yaml

VARIES = ("all", "seed", "split")

KEYS = (
    "name",
    "architectures",
    "trials",
    "seconds",
    "epochs",
    "overrides",
    "space",
    "per_architecture",
    "replicates",
    "vary",
    "sampler",
    "pruner",
    "seed",
    "slots",
    "retries",
    "time_limit",
    "baseline",
)


@dataclass(frozen=True)
class Sweep:
    """A question and what may be spent on it. Budgets are for each architecture."""

    path: Path
    text: str
    question: str
    name: str
    architectures: tuple[str, ...]
    trials: int | None  # trials of one study; None where seconds or epochs end it
    seconds: float | None  # seconds in trials of one study
    epochs: float | None  # epochs of training of one study
    overrides: tuple[str, ...]
    space: tuple[Dimension, ...]
    per_architecture: dict[str, tuple[Dimension, ...]]  # further dimensions of some architectures
    replicates: int
    vary: str  # what replicates vary: the seed, the split of train and validation, or all
    sampler: Method
    pruner: Method
    seed: int
    slots: str | None
    retries: int  # further attempts of a trial whose process crashed or was lost
    time_limit: float | None  # seconds of one trial
    baseline: bool  # fit the linear baseline on the same split
    variants: dict[str, tuple[str, ...]] = field(default_factory=dict)  # overrides of each, where given

    @property
    def digest(self) -> str:
        """The SHA-256 of the file's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def chosen(self, architecture: str) -> list[str]:
        """Give the overrides that make an architecture: its file of conf/model, or a variant's own list.

        A variant's overrides stand after the common ones and win over them.
        """
        if architecture in self.variants:
            return [*self.overrides, *self.variants[architecture]]
        return [f"model={architecture}", *self.overrides]

    def dimensions(self, architecture: str) -> tuple[Dimension, ...]:
        """Give the search space of one architecture: the common one, and its own."""
        own = self.per_architecture.get(architecture, ())
        replaced = {dimension.key for dimension in own}
        return (*(d for d in self.space if d.key not in replaced), *own)


def read_sweep(path: Path | str) -> Sweep:
    """Read and check a file of sweeps/. The space's keys are checked against the configuration later.

    Raises:
        UserError: the file is missing, empty or no YAML; its first line asks no question; an unknown key,
            a wrong type or value, a missing key. The message names the file, the key and the value.
    """
    place = Path(path)
    text = _read(place)
    question = _question(text, place)
    root = Field(place, "", load_yaml(text, place) or {})
    given = root.mapping(KEYS)
    missing = [key for key in ("architectures", "space") if key not in given]
    if missing:
        raise UserError(f"{place}: `{missing[0]}:` is missing")
    if not {"trials", "seconds", "epochs"} & set(given):
        raise UserError(f"{place}: no budget: `trials:`, `seconds:` or `epochs:` is missing")
    sweep = Sweep(path=place, text=text, question=question, **_values(root, given))
    _check_overrides(sweep)
    return sweep


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        known = sorted(str(p) for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise UserError(f"{path}: no such sweep file.{nearest(str(path), known)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    if not text.strip():
        raise UserError(f"{path}: is empty: must be a question (# ...?) and its keys")
    return text


def _question(text: str, path: Path) -> str:
    first = text.lstrip("\ufeff").splitlines()[0].strip()
    question = first.lstrip("#").strip()
    if not first.startswith("#") or not question:
        raise UserError(
            f"{path}: line 1: {first[:60]!r}: must be the question, as `# Is an LSTM better than a GRU?`"
        )
    return question


def _values(root: Field, given: dict[str, Any]) -> dict[str, Any]:
    def at(key: str, default: Any) -> Field:
        return root.at(key, given.get(key, default))

    variants = _variants(at("architectures", None))
    architectures = tuple(variants) or at("architectures", None).strings()
    return {
        "variants": variants,
        "name": _name(at("name", root.path.stem)),
        "architectures": architectures,
        "trials": at("trials", 0).integer(low=1) if "trials" in given else None,
        "seconds": at("seconds", 0).number(above=0) if given.get("seconds") is not None else None,
        "epochs": at("epochs", 0).number(above=0) if given.get("epochs") is not None else None,
        "overrides": at("overrides", None).strings() if given.get("overrides") else (),
        "space": read_space(at("space", {})),
        "per_architecture": _own_spaces(at("per_architecture", {}), architectures),
        "replicates": at("replicates", 3).integer(low=0),
        "vary": at("vary", "all").one_of(VARIES),
        "sampler": read_method(at("sampler", "tpe"), SAMPLERS),
        "pruner": read_method(at("pruner", "median"), PRUNERS),
        "seed": at("seed", 0).integer(low=0),
        "slots": _slots(at("slots", None)),
        "retries": at("retries", 1).integer(low=0),
        "time_limit": at("time_limit", 0).number(above=0) if given.get("time_limit") is not None else None,
        "baseline": at("baseline", True).boolean(),
    }


def _variants(entry: Field) -> dict[str, tuple[str, ...]]:
    """Read architectures that are given as a mapping of names to overrides; a list has none."""
    if not isinstance(entry.value, dict):
        return {}
    if not entry.value:
        raise entry.wrong("a list, or a mapping of names to overrides, with at least one entry")
    variants = {name: entry.at(name, value) for name, value in entry.mapping().items()}
    for name, own in variants.items():
        _name(Field(entry.path, f"{entry.key}: name", name))
        for override in own.strings():
            if "=" not in override:
                raise Field(entry.path, own.key, override).wrong("key=value")
    return {name: own.strings() for name, own in variants.items()}


def _name(entry: Field) -> str:
    name = entry.text()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise entry.wrong("letters, digits, `_`, `-` and `.`, as it names a folder")
    return name


def _slots(entry: Field) -> str | None:
    if entry.value is None:
        return None
    try:
        parse_slots(entry.value)
    except UserError as error:
        raise UserError(f"{entry.path}: {error}") from error
    return str(entry.value)


def _own_spaces(entry: Field, architectures: tuple[str, ...]) -> dict[str, tuple[Dimension, ...]]:
    sections = entry.mapping(architectures)
    return {name: read_space(entry.at(name, section)) for name, section in sections.items()}


def _check_overrides(sweep: Sweep) -> None:
    every = [*sweep.space, *(d for own in sweep.per_architecture.values() for d in own)]
    searched = {dimension.key for dimension in every}
    for override in sweep.overrides:
        key, sign, _ = override.partition("=")
        if not sign or not key.strip():
            raise UserError(f"{sweep.path}: overrides: {override!r}: must be key=value")
        if key.strip().lstrip("+~") == "model":
            raise UserError(
                f"{sweep.path}: overrides: {override!r}: list the architectures under `architectures:`"
            )
        if key.strip().lstrip("+~") in searched:
            raise UserError(f"{sweep.path}: overrides: {override!r}: the space searches this key too")
