"""How runs and their settings read in the UI."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rnnsweep.json_text import parse_json
from rnnsweep.safety.shell import continued, fenced

VALUE = 6000  # characters that MLflow keeps of a parameter
SHORT = {
    "model.hidden_size": "h",
    "model.embedding_size": "e",
    "model.num_layers": "layers",
    "model.dropout": "drop",
    "model.pooling": "pool",
    "optimizer.lr": "lr",
    "optimizer.name": "opt",
    "optimizer.weight_decay": "wd",
    "data.batch_size": "batch",
    "trainer.max_epochs": "epochs",
}
PREFIX = {"trial": "t", "replicate": "r"}


def run_name(
    architecture: str,
    params: Mapping[str, Any] | None = None,
    *,
    role: str = "single",
    number: int | None = None,
    seed: int | None = None,
) -> str:
    """Return a run's name, to be read: ``t07 bilstm h=128 lr=0.0021``, ``r02 bilstm seed=7``, ``linear``.

    Args:
        architecture: of the run.
        params: settings, under the names of their overrides.
        role: as the tag `rnnsweep.role`.
        number: of the trial or replicate.
        seed: of a replicate.
    """
    words = [architecture]
    if number is not None:
        words.insert(0, f"{PREFIX.get(role, '')}{number:02d}")
    words += [f"{_short(name)}={_value(value)}" for name, value in (params or {}).items() if name != "model"]
    if seed is not None:
        words.append(f"seed={seed}")
    return " ".join(words)[:250]


def how_to_repeat(overrides: Sequence[str]) -> str:
    """Return in Markdown how to train a run again, in lines that leave the page its width."""
    return f"Train it again:\n\n{fenced(continued('train', *overrides))}"


def _short(name: str) -> str:
    return SHORT.get(name, name.rsplit(".", 1)[-1])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2g}"
    return as_text(value)


def as_text(value: Any) -> str:
    """Write a value as its override would be written: ``true``, ``null``, ``0.001``, ``[a, b]``."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return value[:VALUE]
    if isinstance(value, list | tuple):
        return ("[" + ", ".join(as_text(item) for item in value) + "]")[:VALUE]
    return str(value)[:VALUE]


def from_text(text: str) -> Any:
    """Read a value that `as_text` wrote; what is no number, truth value or null stays text."""
    try:
        value = parse_json(text)
    except ValueError:
        return text
    return text if isinstance(value, str | list | dict) else value


def with_log_companions(params: Mapping[str, Any], *, log_scaled: Sequence[str]) -> dict[str, Any]:
    """Add ``optimizer.log10_lr`` beside ``optimizer.lr``: the UI's plots have no logarithmic axis."""
    companions = dict(params)
    for name in log_scaled:
        value = params.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            companions[companion(name)] = round(math.log10(value), 4)
    return companions


def companion(name: str) -> str:
    """Name the companion of a parameter: ``optimizer.lr`` -> ``optimizer.log10_lr``."""
    head, dot, tail = name.rpartition(".")
    return f"{head}{dot}log10_{tail}"
