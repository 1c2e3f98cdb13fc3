"""A question asked again on other rows: a sweep file that takes from another what it does not say itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError, nearest
from rnnsweep.sweepfile.search_space.values import dump_yaml, load_yaml, read_text

KEY = "like"
OF_SOME = "per_architecture"


def inherited(text: str, path: Path) -> str:
    """Return the text of a file in full: as it is, or filled up from the file that its ``like:`` names.

    Its own keys win over those of the other file. Overrides are joined: an own one replaces that of the same
    key and leaves the rest. The question and the name are never taken over: another file is another sweep.
    What comes out needs no second file, so that a sweep that was started from it can be read from its
    snapshot, and a change of either file changes its digest.

    Raises:
        UserError: the other file is missing, unreadable or leads back to this one, or ``like:`` names none.
    """
    return _filled(text, path, (path.resolve(),))


def _filled(text: str, path: Path, above: tuple[Path, ...]) -> str:
    own = load_yaml(text, path)
    if not isinstance(own, dict) or KEY not in own:
        return text
    base = _place(own.pop(KEY), path)
    if base.resolve() in above:
        raise UserError(f"{path}: like: {base.stem!r}: must not lead back to this file")
    common = load_yaml(
        _filled(read_text(base, place=f"{path}: like: "), base, (*above, base.resolve())), base
    )
    common = common if isinstance(common, dict) else {}
    common.pop("name", None)
    return _with_question(text, _joined(common, own))


def rewritten(text: str, path: Path, own: Mapping[str, Any]) -> str:
    """Return a sweep file's text with some keys in the place of its own, in full as `inherited` gives it."""
    values = load_yaml(text, path)
    return _with_question(text, {**(values if isinstance(values, dict) else {}), **own})


def _with_question(text: str, values: Mapping[str, Any]) -> str:
    return f"# {question_of(text)}\n" + dump_yaml(dict(values))


def question_of(text: str) -> str:
    """Return the question of a sweep file: its first line, or its first lines up to a question mark.

    Empty where the file does not begin with a comment.
    """
    comments: list[str] = []
    for line in text.lstrip("\ufeff").splitlines():
        words = line.strip()
        if not words.startswith("#") or not words.strip("# "):
            break
        comments.append(words.lstrip("#").strip())
        if words.endswith("?"):
            return " ".join(comments)
    return comments[0] if comments else ""


def _place(name: object, path: Path) -> Path:
    """Return the file that ``like:`` names: beside this one, with or without its ending."""
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"{path}: {KEY}: {name!r}: must be text")
    beside = path.parent / name
    place = beside if beside.suffix == ".yaml" else beside.with_name(f"{beside.name}.yaml")
    if not place.is_file():
        known = sorted(one.stem for one in path.parent.glob("*.yaml"))
        raise UserError(
            f"{path}: {KEY}: {name!r}: must be a sweep file beside this one.{nearest(name, known)}"
        )
    return place


def _joined(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Merge both mappings; of two lists of overrides, the common ones that were not replaced first.

    What the other file says for single architectures holds for those that this one has.
    """
    joined = {**common, **own}
    of_some, names = common.get(OF_SOME), own.get("architectures")
    if OF_SOME not in own and isinstance(of_some, dict) and isinstance(names, str | list | dict):
        here = [names] if isinstance(names, str) else list(names)
        joined[OF_SOME] = {name: keys for name, keys in of_some.items() if name in here}
    first, then = common.get("overrides"), own.get("overrides")
    if isinstance(first, list) and isinstance(then, list):
        replaced = {key_of(one) for one in then}
        joined["overrides"] = [*(one for one in first if key_of(one) not in replaced), *then]
    return joined


def key_of(override: object) -> str:
    """Return the key that an override sets."""
    return str(override).partition("=")[0].strip().lstrip("+~")
