"""A file of sweeps/: one question, its budget and its search space."""

import os
import re
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError, nearest
from rnnsweep.options import read_as
from rnnsweep.sweepfile.design import Design
from rnnsweep.sweepfile.inheriting import inherited, key_of, question_of
from rnnsweep.sweepfile.methods import MEANT
from rnnsweep.sweepfile.model import NAME, NAME_RIGHT, SweepFile
from rnnsweep.sweepfile.search_space.limits import refuse_pruner
from rnnsweep.sweepfile.search_space.values import load_yaml, read_text
from rnnsweep.sweepfile.sweep import Method, Sweep


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
    values = load_yaml(text, place) or {}
    _refuse_keys_of_others(values, place)
    content = read_as(SweepFile, values, place=str(place))
    sweep = Sweep(path=place, text=text, question=question, **_fields(content, place))
    _check_overrides(sweep)
    _check_derived(sweep)
    refuse_pruner(place, sweep.objectives, sweep.pruner.name)
    return sweep


def _read(path: Path) -> str:
    if not os.path.exists(path):  # unlike its method, it raises nothing where a folder may not be read
        known = sorted(str(p) for p in path.parent.glob("*.yaml"))
        raise UserError(f"{path}: no such sweep file.{nearest(str(path), known)}")
    text = read_text(path)
    if not text.strip():
        raise UserError(f"{path}: is empty: must be a question (# ...?) and its keys")
    return text


def _question(text: str, path: Path) -> str:
    question = question_of(text)
    if not question:
        first = text.lstrip("\ufeff").splitlines()[0].strip()
        raise UserError(
            f"{path}: line 1: {first[:60]!r}: must be the question, as `# Is an LSTM better than a GRU?`"
        )
    return question


_OF_OTHERS = {  # keys of W&B's sweep files, and what a file of sweeps/ has for them
    "method": "sampler: {}",
    "parameters": "space:",
    "metric": "objective: SCORE",
    "early_terminate": "pruner: hyperband",
    "run_cap": "trials: N",
}


def _refuse_keys_of_others(values: Any, path: Path) -> None:
    """Answer a key of W&B's sweep files with the line to write."""
    for key in values if isinstance(values, dict) else ():
        if key in _OF_OTHERS:
            written = str(values[key])
            line = _OF_OTHERS[key].format(MEANT.get(written, written))
            raise UserError(f"{path}: unknown key {key!r}; write `{line}`, as W&B's {key!r} is called here")


_AS_THEY_ARE = (
    *("trials", "seconds", "epochs", "stop_after", "target", "vary"),
    *("sampler", "seed", "slots", "launcher", "retries", "time_limit", "baseline", "objectives"),
)


def _fields(content: SweepFile, path: Path) -> dict[str, Any]:
    variants = content.architectures if isinstance(content.architectures, dict) else {}
    objective = () if content.objective is None else (f"objective={content.objective}",)
    space = content.space.space()
    own = {name: spec.space() for name, spec in content.per_architecture.items()}
    sizes = content.replicates.sizes if isinstance(content.replicates, Design) else ()
    return {
        "replicates": sizes[0] if sizes else content.replicates,
        "design": sizes if len(sizes) > 1 else (),
        **{name: getattr(content, name) for name in _AS_THEY_ARE},
        "name": content.name or _named_as(path),
        "variants": variants,
        "architectures": tuple(content.architectures),
        "overrides": (*(content.overrides or ()), *objective),
        "warm_start": content.warm_start or (),
        "space": space.dimensions,
        "derived": space.derived,
        "per_architecture": {name: one.dimensions for name, one in own.items()},
        "own_derived": {name: one.derived for name, one in own.items() if one.derived},
        "constraints": content.constraints.limits(),
        "pruner": content.pruner or Method("median" if len(content.objectives) == 1 else "none"),
    }


def _named_as(path: Path) -> str:
    if not re.fullmatch(NAME, path.stem):
        raise UserError(f"{path}: name: {path.stem!r}: must be {NAME_RIGHT}")
    return path.stem


def _check_overrides(sweep: Sweep) -> None:
    searched = {one.key for one in (*sweep.space, *sweep.derived)}
    for own in (*sweep.per_architecture.values(), *sweep.own_derived.values()):
        searched |= {one.key for one in own}
    for override in sweep.overrides:
        key = key_of(override)
        if key == "model":
            raise UserError(
                f"{sweep.path}: overrides: {override!r}: list the architectures under `architectures:`"
            )
        if key in searched:
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
