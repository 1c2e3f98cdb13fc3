"""Long lines on a terminal: broken between words, and never inside a path or a command that is copied."""

import os
import re
import sys
from unicodedata import east_asian_width

# what stays in one line: text in backticks, a command up to what ends its clause, any other word
_COMMAND = r"""\(?\b(?:rnnsweep|pip|mlflow|optuna-dashboard) [a-z](?:'[^']*'|"[^"]*"|(?!; |, |\. |`).)*\S*"""
_PIECE = re.compile(rf"( *)(\S*`[^`]*`\S*|{_COMMAND}|\S+)")


def wrapped(text: str, width: int, *, taken: int = 0) -> str:
    """Break the lines of a text between words; a piece that is wider than a line has one of its own.

    Args:
        text: without escape sequences.
        width: columns of the terminal.
        taken: columns of the first line that something else has.
    """
    broken = []
    for line in text.split("\n"):
        if taken + _columns(line) <= width:
            broken.append(line)
            taken = 0
            continue
        lines, used = [""], taken
        for gap, piece in _PIECE.findall(line):
            if lines[-1] and used + _columns(gap + piece) > width:
                lines.append(piece)
                used = _columns(piece)
            else:
                lines[-1] += gap + piece
                used += _columns(gap + piece)
        broken += lines
        taken = 0
    return "\n".join(broken)


def _columns(text: str) -> int:
    """Count the columns of a text: those of Chinese, Japanese and Korean take two."""
    return sum(1 + (east_asian_width(one) in "WF") for one in text)


def error_columns() -> int | None:
    """Return the columns of the terminal that standard error is; None where it is none: lines stay whole."""
    if not sys.stderr.isatty():
        return None
    named = os.environ.get("COLUMNS", "")
    try:
        return int(named) if named.isdecimal() and int(named) else os.get_terminal_size(2).columns or None
    except OSError:  # it does not say
        return None
