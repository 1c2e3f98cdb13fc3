"""Labels that are numbers, as programs and as people write them."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"[-+\u2212]?(0|[1-9]\d*)?(\.\d*)?", re.ASCII)  # no leading zeros: 007 is a name
_WRITTEN = re.compile(r"[-+\u2212]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
# a number as people write it: 1,200.50 and 3,5 and $4 and 12 %
_QUANTITY = re.compile(
    r"[-+\u2212]?\s?[$\u20ac\u00a3\u00a5\u20b9]?\s?"
    r"(\d{1,3}(?:[,.'\u2019 \u00a0\u202f]\d{3})+|\d+)?([.,]\d+)?\s?[%$\u20ac\u00a3\u00a5\u20b9]?",
    re.ASCII,
)
_DATE = re.compile(r"(\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4})(\D|$)", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+\u2212]?0\d")


def number_name(text: str) -> str:
    """Write a whole number in one form: ``1.0``, ``+1`` and ``1`` are ``1``; ``.5`` is ``0.5``.

    Other text stays as it is, as do the zeros of a fraction: 3.1 and 3.10 may be two versions.
    """
    if not any(map(str.isdigit, text)) or not _NUMBER.fullmatch(text):
        return text
    text = text.replace("\u2212", "-").removeprefix("+")
    if "." not in text:
        return "0" if text == "-0" else text
    whole, _, fraction = text.partition(".")
    fraction = fraction if fraction.strip("0") else ""
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    value = (whole or "0") + (f".{fraction}" if fraction else "")
    return "0" if value == "0" else sign + value


def is_number(name: str) -> bool:
    """Return whether a class is called by a number."""
    return _WRITTEN.fullmatch(name) is not None and not _LEADING_ZERO.match(name)


def is_dates(names: Iterable[str]) -> bool:
    """Return whether all names are dates, as 2026-11-28, 28.11.2026 and 11/28/26 14:05."""
    return all(_DATE.match(name.strip()) for name in names if name.strip())


def is_quantity(name: str) -> bool:
    """Return whether a class is called by a number, as programs or as people write it."""
    return is_number(name) or (
        any(map(str.isdigit, name)) and not _LEADING_ZERO.match(name) and bool(_QUANTITY.fullmatch(name))
    )


def tell_thousands(names: Iterable[str]) -> str:
    """Return what is odd where dots may stand between thousands, as in 950 and 1.200; else nothing.

    A program that writes 1.2 with three decimals writes 950 with three, too.
    """
    different = set(names)
    dotted = [name for name in different if "." in name]
    whole = len(dotted) < len(different)
    if not whole or not dotted or not all(map(_THOUSANDS.fullmatch, dotted)):
        return ""
    padded = next((name for name in sorted(dotted) if name.endswith("0")), None)
    if padded is None:
        return ""
    return f"{padded} is read as {float(padded):g}; where its point stands between thousands, leave it out"


def as_float(name: str) -> float | None:
    """Return the value of a number that a program wrote, with leading zeros or not; None for other names."""
    return float(name.replace("\u2212", "-")) if _WRITTEN.fullmatch(name) else None
