"""Ranges as W&B, Optuna, Ray Tune and Hydra write them, answered with the line that a sweep file has."""

import ast
from collections.abc import Mapping
from typing import Any

import yaml

_LONGEST = 200  # characters of a call that is read: a longer one could be nested too deeply for Python
_LISTS = ("values", "choices", "value", "categories")
_CHOICES = ("choice", "grid_search", "suggest_categorical")
_NAMED = ("type", "distribution", "method")


def right_spelling(value: Any) -> str:
    """Return what to write, as ``; write {type: float, low: 0.001, high: 0.1}``; empty if not known."""
    entry = _of_call(value) if isinstance(value, str) else _of_mapping(value)
    if entry is None:
        return ""
    return "; write " + yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, width=10**6).strip()


def _of_call(text: str) -> Any:
    """Read ``loguniform(1e-3, 1e-1)``, ``trial.suggest_int("n", 1, 4)``, ``tune.choice([1, 2])``."""
    keywords: list[ast.keyword] = []
    try:
        call = ast.parse(text[:_LONGEST].strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError):
        return None
    match call:
        case ast.Call(func=ast.Name(id="tag"), args=[ast.Name(id=tag), ast.Call(args=written)]):  # Hydra's
            name = tag
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=written, keywords=keywords):
            pass
        case _:
            return None
    values, named = [_plain(one) for one in written], {one.arg: _plain(one.value) for one in keywords}
    if name.startswith("suggest_") and isinstance(values[0] if values else 0, str | None):
        values = values[1:]  # Optuna's first argument is the key
    if name in _CHOICES:
        listed = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        return None if None in listed else listed
    named |= dict(zip(("low", "high"), values, strict=False))
    return _range(name + (" log" if named.get("log") is True else ""), named.get("low"), named.get("high"))


def _plain(written: ast.expr) -> Any:
    """Return a literal, or the text of a name, as in Hydra's ``choice(mean, max)``; None is anything else."""
    if isinstance(written, ast.Name):
        return written.id
    try:
        return ast.literal_eval(written)
    except (ValueError, TypeError):
        return None


def _of_mapping(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    for key in _LISTS:
        if key in value:
            return list(value[key]) if isinstance(value[key], list) else [value[key]]
    low, high = value.get("min", value.get("low")), value.get("max", value.get("high"))
    name = " ".join(str(value[key]) for key in _NAMED if key in value)
    return _range(name + (" log" if value.get("log") is True else ""), low, high)


def _range(name: str, low: Any, high: Any) -> dict[str, Any] | None:
    ends = (low, high)
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        return None
    whole = all(isinstance(end, int) for end in ends) and ("int" in name or name.strip() in ("", "log"))
    entry = {"type": "int" if whole else "float", "low": low, "high": high}
    return {**entry, "log": True} if "log" in name else entry
