"""What each key of a sweep file is, read from the JSON schema that editors use."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from rnnsweep.settings import Explanation
from rnnsweep.sweepfile.inheriting import KEY as LIKE
from rnnsweep.sweepfile.model import sweep_schema
from rnnsweep.sweepfile.search_space.ranges import KINDS

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_SPACE = ("IntSpec", "FloatSpec", "ChoicesSpec", "DerivedSpec")  # what `space:` says of one key
_BELOW = {"constraints": "Constraints", "replicates": "Design"}
_ABSENT = {
    "name": "the name of the file",
    "pruner": "median; none where there are several objectives",
    "slots": "one for each core or GPU",
    "launcher": "local",
    "objective": "the first score of the task",
}


@cache
def explain_sweep_keys() -> dict[str, Explanation]:
    """Return the explanation of every key of a sweep file.

    Keys below others are written with a dot, as ``replicates.first``; ``space.KEY.low`` is an end of the
    range of any searched key; ``sampler.tpe.group`` is an option of one sampler.
    """
    schema = sweep_schema()
    return {one.key: one for one in _explanations(schema)}


def _explanations(schema: Mapping[str, Any]) -> Iterator[Explanation]:
    required = ("architectures", "space")
    parts = schema["$defs"]
    for name, about in schema["properties"].items():
        if name == LIKE:
            about = {**about, "examples": ["packing"]}
        yield _explanation(name, about, parts, required=name in required)
        if name in _BELOW:
            below = parts[_BELOW[name]]
            yield from (_explanation(f"{name}.{key}", one, parts) for key, one in below["properties"].items())
        if name in ("sampler", "pruner"):
            yield from _options(name, _named(about), parts)
    yield from _of_space(parts)


def _of_space(parts: Mapping[str, Any]) -> Iterator[Explanation]:
    """Explain the keys that a searched key may have; those of several forms once, as the widest has them."""
    seen: dict[str, tuple[Mapping[str, Any], bool]] = {}
    for form in _SPACE:
        for key, about in parts[form]["properties"].items():
            seen[key] = (about, key in parts[form].get("required", ()))
    for key, (about, required) in seen.items():
        if key == "type":
            about = {**about, "enum": list(KINDS), "default": None, "examples": ["float"]}
            required = True
        yield _explanation(f"space.KEY.{key}", about, parts, required=required)


def _named(about: Mapping[str, Any]) -> list[str]:
    return next(one["enum"] for one in about["anyOf"] if "enum" in one)


def _options(kind: str, names: list[str], parts: Mapping[str, Any]) -> Iterator[Explanation]:
    for name in names:
        for key, about in parts[name]["properties"].items():
            if key != "name":
                yield _explanation(f"{kind}.{name}.{key}", about, parts)


def _explanation(
    key: str, about: Mapping[str, Any], parts: Mapping[str, Any], *, required: bool = False
) -> Explanation:
    default = _ABSENT.get(key)
    one = explanation(key, about, parts)
    if required:
        return replace(one, default="required")
    return one if one.default is not None or default is None else replace(one, default=default)


def explanation(
    key: str, about: Mapping[str, Any], parts: Mapping[str, Any], *, of: str = "sweep"
) -> Explanation:
    """Return what a JSON schema says of one key of a file.

    Args:
        key: as messages name it.
        about: its schema.
        parts: the definitions that the schema refers to.
        of: the kind of file, as `Explanation.of` has it.
    """
    forms = list(_forms(about, parts))
    default = about.get("x-default", next((one["x-default"] for one in forms if "x-default" in one), None))
    default = about.get("default") if default is None else default
    examples = about.get("examples") or next((one["examples"] for one in forms if "examples" in one), [""])
    meaning = about.get("description") or next((o["description"] for o in forms if "description" in o), "")
    return Explanation(
        key,
        " or ".join(_words(forms)),
        _choices(forms),
        default,
        meaning,
        examples[0],
        next((one for one in map(_range, forms) if one), ""),
        of=of,
    )


def _forms(about: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas of all forms that a value may have."""
    if "$ref" in about:
        yield from _forms(parts[about["$ref"].rpartition("/")[2]], parts)
        return
    below = [*about.get("anyOf", ()), *about.get("oneOf", ())]
    for one in below:
        yield from _forms(one, parts)
    if not below:
        yield about


def _words(forms: list[Mapping[str, Any]]) -> list[str]:
    kinds: list[str] = []
    for one in forms:
        kinds_of_form = one.get("type", "string" if "enum" in one else "")
        kinds += kinds_of_form if isinstance(kinds_of_form, list) else [kinds_of_form]
    return list(dict.fromkeys(_TYPES[kind] for kind in kinds if kind in _TYPES))


def _choices(forms: list[Mapping[str, Any]]) -> list[Any] | None:
    listed = [choice for one in forms for choice in one.get("enum", one.get("items", {}).get("enum", ()))]
    if listed:
        return list(dict.fromkeys(listed))
    return [False, True] if [one.get("type") for one in forms] == ["boolean"] else None


def _range(form: Mapping[str, Any]) -> str:
    low, above, high = form.get("minimum"), form.get("exclusiveMinimum"), form.get("maximum")
    if high is not None:
        return f"from {low} to {high}"
    return f"{low} or more" if low is not None else f"above {above}" if above is not None else ""
