"""Names in pictures: fonts that have their letters, and numbers for names that no font of the machine has."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

_BASE = "DejaVu Sans"  # that Matplotlib brings along
_BOX = "\u25a1"
NOTE = "in parentheses: the number of a name that no font of this machine has"


@contextmanager
def fonts_for(names: Iterable[str], *, title: str = "") -> Iterator[Callable[[str], str]]:
    """Draw text, within, in fonts that have the names' letters, and take no name for a formula.

    Args:
        names: of classes or tokens.
        title: other text.

    Yields:
        what writes a name: itself, or its place among the names in parentheses where it cannot be drawn; in
        other text an empty box stands for a character that cannot.
    """
    import matplotlib

    names = list(dict.fromkeys(names))
    needed = frozenset(ord(c) for name in [*names, title] for c in name if _is_drawn(c))
    families, missing = _families_for(needed)
    numbers = {name: f"({place})" for place, name in enumerate(names, 1) if missing & {ord(c) for c in name}}
    with matplotlib.rc_context({"font.family": list(families), "text.parse_math": False}):
        yield lambda text: numbers.get(text) or "".join(_BOX if ord(c) in missing else c for c in text)


def _is_drawn(character: str) -> bool:
    """Return whether a character has a glyph of its own: no blank, joiner or variation selector."""
    return not character.isspace() and unicodedata.category(character) not in ("Cf", "Cc", "Mn")


@lru_cache(maxsize=32)
def _families_for(needed: frozenset[int]) -> tuple[Sequence[str], frozenset[int]]:
    """Return the families that have most of the characters, and the characters that none has."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager
    from matplotlib.ft2font import FT2Font

    missing = set(needed) - set(FT2Font(findfont(FontProperties(family=_BASE))).get_charmap())
    families = [_BASE]
    for entry in sorted(fontManager.ttflist, key=lambda one: (one.style != "normal", one.weight != 400)):
        if not missing:
            break
        if entry.name.startswith("Last Resort"):  # a box for each script, which Matplotlib brings along
            continue
        try:
            font = FT2Font(entry.fname)
        except (OSError, RuntimeError):  # pictures of characters in place of outlines, as of emoji
            continue
        gained = missing & set(font.get_charmap()) if font.scalable else set()
        if gained:
            families.append(entry.name)
            missing -= gained
    return tuple(families), frozenset(missing)
