"""Labels that may be one label written in several ways, or quantities: remarks on their names."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rnnsweep.data.classes.numbers import as_float, is_number, is_quantity
from rnnsweep.data.summary.remarks import Remark

_WHOLE = re.compile(r"[-+\u2212]?\d{16,}", re.ASCII)  # as an id: more digits than a float tells apart
_INSIDE = re.compile(r"(?<=\w)[-_](?=\w)")
_QUOTES = "'\"`\u2018\u2019\u201c\u201d"
_JOINS = ("|", ";", ",", "/", "+")  # between several labels of one text
HIDDEN = "-1"  # of rows without a label, or with one that is kept secret, in benchmarks
MANY_NUMBERS = 20  # distinct ones; beyond, fractions are quantities rather than classes


def variants_of(counts: Mapping[str, int]) -> list[list[str]]:
    """Return names that differ by case, blanks or compatible forms alone; the most frequent first."""
    groups: dict[str, list[str]] = {}
    if _are_quantities(counts):
        return []  # 1,5 and 5,1 are not two labels in two orders
    lower = {name.casefold() for name in counts}
    truth = lower <= {"true", "false", "0", "1"}
    for name in counts:
        groups.setdefault(_folded(name, truth=truth), []).append(name)
    return [
        sorted(group, key=lambda name: (-counts[name], name)) for group in groups.values() if len(group) > 1
    ]


def _folded(name: str, *, truth: bool) -> str:
    """Return what the variants of a name share."""
    text = unicodedata.normalize("NFKC", name).casefold()
    value = as_float(text)
    if value is not None:
        return str(int(text.replace("\u2212", "-"))) if _WHOLE.fullmatch(text) else f"{value:.15g}"
    if truth:
        return {"true": "1", "false": "0"}.get(text, text)
    bare = " ".join(_INSIDE.sub(" ", text).strip(_QUOTES).split()) or text
    pieces = _pieces(bare)
    return ",".join(sorted(pieces)) if len(pieces) > 1 else bare


def _pieces(name: str) -> list[str]:
    join = next((each for each in _JOINS if each in name), None)
    pieces = [piece.strip() for piece in name.split(join)] if join else [name]
    return pieces if all(pieces) else [name]


def tell_joined(counts: Mapping[str, int]) -> Remark | None:
    """Remark on labels that are several in one: each piece of ``a|b`` is a label, or is in ``b|c``, too."""
    if _are_quantities(counts):
        return None
    pieces = {name: frozenset(_pieces(name)) for name in counts}
    shared = Counter(piece for own in set(pieces.values()) for piece in own)
    joined = [name for name, own in pieces.items() if len(own) > 1 and all(shared[each] > 1 for each in own)]
    if not joined:
        return None
    listed = ", ".join(f"{name!r} {counts[name]:,}" for name in joined[:6])
    return Remark(
        "label-variants",
        f"labels that are several labels in one are classes of their own: {listed}; several labels a text"
        f" (multi-label) is no task here",
    )


def tell_variants(variants: Iterable[Sequence[str]], counts: Mapping[str, int], *, folded: bool) -> Remark:
    """Remark on the names that `variants_of` found."""
    listed = "; ".join(", ".join(f"{name!r} {counts[name]:,}" for name in group) for group in variants)
    way = "read as one each" if folded else "are classes of their own; data.fold_labels=true makes them one"
    return Remark("label-variants", f"labels that differ by the way they are written alone {way}: {listed}")


def _are_quantities(counts: Mapping[str, int]) -> bool:
    return len(counts) > MANY_NUMBERS and all(map(is_quantity, counts))


def tell_numbers(counts: Mapping[str, int]) -> Remark | None:
    """Remark on labels that are quantities: many numbers, and no numbering of classes."""
    names = list(counts)
    if not _are_quantities(counts):
        return None
    written = next((name for name in names if not is_number(name)), None)
    if written is not None:
        return Remark(
            "numbers",
            f"the labels are {len(names):,} different numbers, as {written!r}: each would be a class of its"
            f" own; task=regression learns quantities, once they are written as 1200 or 3.5",
        )
    values = sorted(value for value in map(as_float, names) if value is not None)
    whole = all(value.is_integer() for value in values)
    numbered = whole and values[-1] - values[0] < 2 * len(values)
    if numbered:
        return None
    return Remark(
        "numbers",
        f"the labels are {len(names):,} different numbers from {values[0]:g} to {values[-1]:g}: each would be"
        f" a class of its own; task=regression learns them as quantities",
    )


def tell_two_kinds(counts: Mapping[str, int]) -> Remark | None:
    """Remark on labels of which some are numbers and others names, as where files were joined."""
    numbers = [name for name in counts if is_number(name)]
    others = [name for name in counts if not is_number(name)]
    if len(numbers) < 2 or len(others) < 2:
        return None
    shown = (", ".join(f"{n!r} {counts[n]:,}" for n in kind[:4]) for kind in (numbers, others))
    return Remark(
        "label-variants",
        "some labels are numbers ({}) and others are names ({}): the same labels may be written in two"
        " ways".format(*shown),
    )


def tell_hidden(counts: Mapping[str, int]) -> Remark | None:
    """Remark on -1 beside classes that are numbered from 0, of which there are three or more."""
    others = set(counts) - {HIDDEN}
    if HIDDEN not in counts or len(others) < 3 or others != set(map(str, range(len(others)))):
        return None
    return Remark(
        "missing-like-label",
        f"{HIDDEN} ({counts[HIDDEN]:,} rows) beside 0 to {len(others) - 1} often means no label, and is"
        f" a class here; leave such rows out of the file if so",
    )
