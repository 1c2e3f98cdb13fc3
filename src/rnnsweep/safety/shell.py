"""Commands that a person copies into a shell: quoted, and framed so that a copy holds nothing else.

Names of sweeps, settings and paths may come from somebody else. A command is made here alone, is at the
end of its line, and is never put between quotes or backticks: a shell would read those as its own.
"""

import re
import shlex
from pathlib import Path

LINE = 72  # characters of a line of a long command


def command_line(*words: str | Path, program: str = "rnnsweep") -> str:
    """Write a command of rnnsweep as a shell reads it: ``rnnsweep sweep 'a name'``."""
    return shlex.join([program, *map(str, words)])


def run_command(verb: str, sweep: str | Path, *more: str | Path, on: str | Path | None = None) -> str:
    """Return a command that runs trials of a sweep, with the machine where they run.

    Args:
        verb: as ``sweep`` or ``replicate``.
        sweep: its name or file.
        more: further words.
        on: the machine, as ``--on`` takes it; None: this one.
    """
    return command_line(verb, sweep, *([] if on is None else ["--on", on]), *more)


def continued(*words: str | Path, program: str = "rnnsweep") -> str:
    """Write a command over several lines that a shell joins; no word is split."""
    lines = [program]
    for word in (shlex.quote(str(word)) for word in words):
        if len(lines[-1]) + 1 + len(word) > LINE:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return " \\\n    ".join(lines)


def fenced(text: str) -> str:
    """Frame a text as a block of Markdown, by a fence longer than any row of backticks in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"
