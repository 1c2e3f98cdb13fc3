"""A file of sweeps/: one question, its budget and its search space."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError, nearest
from rnnsweep.sweep.derived import Derived, check_budgets, split_space
from rnnsweep.sweep.fuse import OFF, Fuse, read_fuse
from rnnsweep.sweep.inheriting import inherited
from rnnsweep.sweep.limits import read_constraints, read_objectives, refuse_pruner
from rnnsweep.sweep.methods import PRUNERS, SAMPLERS, Method, read_method
from rnnsweep.sweep.slots import parse_slots
from rnnsweep.sweep.space import Dimension, read_space
from rnnsweep.sweep.values import Field, load_yaml

VARIES = ("all", "initialisation", "order", "seed", "split")

KEYS = (
    "name",
    "architectures",
    "trials",
    "seconds",
    "epochs",
    "overrides",
    "space",
    "per_architecture",
    "constraints",
    "objectives",
    "warm_start",
    "stop_after",
    "target",
    "replicates",
    "vary",
    "sampler",
    "pruner",
    "seed",
    "slots",
    "launcher",
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
    vary: str  # what replicates vary: split of train and validation, initialisation, order, all, or the seed
    sampler: Method
    pruner: Method
    seed: int
    slots: str | None
    retries: int  # further attempts of a trial whose process crashed or was lost
    time_limit: float | None  # seconds of one trial
    baseline: bool  # fit the linear baseline on the same split
    variants: dict[str, tuple[str, ...]] = field(default_factory=dict)  # overrides of each, where given
    derived: tuple[Derived, ...] = ()  # keys that are worked out from a number of parameters
    own_derived: dict[str, tuple[Derived, ...]] = field(default_factory=dict)  # of some architectures
    constraints: dict[str, float] = field(
        default_factory=dict
    )  # parameters, seconds, memory in bytes: at most
    objectives: tuple[str, ...] = ("validation",)  # validation is made large, the others small
    warm_start: tuple[str, ...] = ()  # earlier sweeps whose trials the samplers start from
    stop_after: int | None = None  # trials of a study in a row that bring nothing better before it ends
    target: float | None = None  # validation accuracy at which a study ends
    more: dict[str, int] = field(default_factory=dict)  # replicates of architectures that need more of them
    fuse: Fuse = OFF  # runs that share a process and take their steps together

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

    def wanted(self, architecture: str) -> int:
        """Give the replicates of one architecture: the common number, or its own where it needs more."""
        return max(self.replicates, self.more.get(architecture, 0))

    def dimensions(self, architecture: str) -> tuple[Dimension, ...]:
        """Give the search space of one architecture: the common one, and its own."""
        own = self.per_architecture.get(architecture, ())
        replaced = self._own_keys(architecture)
        gone = replaced | {d.searched for d in self.derived if d.key in replaced}
        return (*(d for d in self.space if d.key not in gone), *own)

    def derivations(self, architecture: str) -> tuple[Derived, ...]:
        """Give the keys of one architecture that are derived from a number of parameters."""
        replaced = self._own_keys(architecture)
        common = (d for d in self.derived if d.key not in replaced)
        return (*common, *self.own_derived.get(architecture, ()))

    def _own_keys(self, architecture: str) -> set[str]:
        own = (*self.per_architecture.get(architecture, ()), *self.own_derived.get(architecture, ()))
        return {one.key for one in own}


def read_sweep(path: Path | str) -> Sweep:
    """Read and check a file of sweeps/. The space's keys are checked against the configuration later.

    Raises:
        UserError: the file is missing, empty or no YAML; its first line asks no question; an unknown key,
            a wrong type or value, a missing key. The message names the file, the key and the value.
    """
    place = Path(path)
    text = _read(place)
    question = _question(text, place)
    text = inherited(text, place)
    root = Field(place, "", load_yaml(text, place) or {})
    given = root.mapping(KEYS)
    missing = [key for key in ("architectures", "space") if key not in given]
    if missing:
        raise UserError(f"{place}: `{missing[0]}:` is missing")
    if not {"trials", "seconds", "epochs"} & set(given):
        raise UserError(f"{place}: no budget: `trials:`, `seconds:` or `epochs:` is missing")
    sweep = Sweep(path=place, text=text, question=question, **_values(root, given))
    _check_overrides(sweep)
    _check_derived(sweep)
    refuse_pruner(place, sweep.objectives, sweep.pruner.name)
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
    derived, space = _space(at("space", {}))
    own_derived, per_architecture = _own_spaces(at("per_architecture", {}), architectures)
    objectives = read_objectives(at("objectives", ["validation"]))
    return {
        "variants": variants,
        "name": _name(at("name", root.path.stem)),
        "architectures": architectures,
        "trials": at("trials", 0).integer(low=1) if "trials" in given else None,
        "seconds": at("seconds", 0).number(above=0) if given.get("seconds") is not None else None,
        "epochs": at("epochs", 0).number(above=0) if given.get("epochs") is not None else None,
        "overrides": at("overrides", None).strings() if given.get("overrides") else (),
        "space": space,
        "per_architecture": per_architecture,
        "derived": derived,
        "own_derived": own_derived,
        "constraints": read_constraints(at("constraints", {})),
        "objectives": objectives,
        "warm_start": at("warm_start", None).strings() if given.get("warm_start") else (),
        "stop_after": at("stop_after", 0).integer(low=1) if given.get("stop_after") is not None else None,
        "target": _share(at("target", 0)) if given.get("target") is not None else None,
        "replicates": at("replicates", 3).integer(low=0),
        "vary": at("vary", "all").one_of(VARIES),
        "sampler": read_method(at("sampler", "tpe"), SAMPLERS),
        "pruner": read_method(at("pruner", "median" if len(objectives) == 1 else "none"), PRUNERS),
        "seed": at("seed", 0).integer(low=0),
        "slots": _slots(at("slots", None)),
        "fuse": read_fuse(at("launcher", {})),
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


def _share(entry: Field) -> float:
    share = entry.number(above=0)
    if share > 1:
        raise entry.wrong("an accuracy above 0, and 1 or less (0.92: 92 %)")
    return share


def _space(entry: Field) -> tuple[tuple[Derived, ...], tuple[Dimension, ...]]:
    derived, rest = split_space(entry)
    dimensions = read_space(rest)
    check_budgets(entry, derived, dimensions)
    return derived, dimensions


def _own_spaces(
    entry: Field, architectures: tuple[str, ...]
) -> tuple[dict[str, tuple[Derived, ...]], dict[str, tuple[Dimension, ...]]]:
    found = {name: _space(entry.at(name, s)) for name, s in entry.mapping(architectures).items()}
    return {name: one[0] for name, one in found.items() if one[0]}, {n: one[1] for n, one in found.items()}


def _check_overrides(sweep: Sweep) -> None:
    searched = {one.key for one in (*sweep.space, *sweep.derived)}
    for own in (*sweep.per_architecture.values(), *sweep.own_derived.values()):
        searched |= {one.key for one in own}
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


def _check_derived(sweep: Sweep) -> None:
    for name in sweep.architectures:
        keys = [one.key for one in sweep.derivations(name) if not one.when]
        if len(keys) > 1:
            raise UserError(
                f"{sweep.path}: {name}: {' and '.join(keys)} cannot both be derived from parameters"
            )
    if sweep.name in sweep.warm_start:
        raise UserError(f"{sweep.path}: warm_start: {sweep.name!r}: must name other sweeps than this one")
