"""Ranges as W&B, Optuna and Hydra's sweepers write them, answered with the line that a sweep file has."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

_CALL = re.compile(r"\s*(?:\w+\.)*(\w+)\s*\((.*)\)\s*")
_LISTS = ("values", "choices", "value", "categories")
_NAMED = ("type", "distribution", "method")


def right_spelling(value: Any) -> str:
    """Return what to write, as ``; write {type: float, low: 0.001, high: 0.1}``; empty if not known."""
    entry = _of_call(value) if isinstance(value, str) else _of_mapping(value)
    if entry is None:
        return ""
    return "; write " + yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, width=10**6).strip()


def _of_call(text: str) -> Any:
    """Read ``loguniform(0.001, 0.1)``, ``tune.choice([1, 2])`` and their like."""
    call = _CALL.fullmatch(text)
    if call is None:
        return None
    name, inside = call.groups()
    try:
        arguments = yaml.safe_load(f"[{inside}]")
    except yaml.YAMLError:
        return None
    if name == "choice":
        return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
    return _range(name, *arguments[:2]) if len(arguments) >= 2 else None


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
