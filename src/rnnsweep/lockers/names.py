"""The names of files in a locker."""

import re

_PART = re.compile(r"[\w@=+-][\w.@=+-]*")


def check_name(name: str) -> str:
    """Return a name, if it is one that every locker can hold.

    Raises:
        ValueError: a part of it is empty, begins with a dot, or has signs beside letters, digits and _.@=+-
    """
    if not all(_PART.fullmatch(part) for part in name.split("/")):
        raise ValueError(f"{name!r}: is no name of a file in a locker")
    return name
