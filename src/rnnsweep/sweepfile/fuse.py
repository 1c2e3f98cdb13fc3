"""How many runs share a process and take their steps together: `launcher: {fuse: auto | 4 | off}`."""

import re
from typing import TypeAlias

from rnnsweep.errors import UserError

AUTO, OFF = "auto", "off"
MOST = 64
Fuse: TypeAlias = str | int  # auto, off, or so many runs
RIGHT = f"auto, off, or a number from 2 to {MOST}"


def parse_fuse(value: object) -> Fuse | None:
    """Read auto, off or a number, None where it is nothing of these; YAML reads off as false."""
    text = OFF if value is False else str(value)
    if text in (AUTO, OFF):
        return text
    if re.fullmatch(r"\d{1,3}", text) and 2 <= int(text) <= MOST:
        return int(text)
    return None


def fuse_option(text: str) -> Fuse:
    """Read what stands on the command line.

    Raises:
        UserError: it is nothing of auto, off and a number.
    """
    fuse = parse_fuse(text)
    if fuse is None:
        raise UserError(f"fuse={text!r}: must be {RIGHT}")
    return fuse
