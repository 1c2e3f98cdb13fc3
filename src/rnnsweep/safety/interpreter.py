"""How child processes of ours start Python: without the working directory among the places of modules.

``python -m`` and ``python -c`` put the working directory first in `sys.path`, so a `random.py` beside a
user's data would run in place of the library's. ``-P`` (Python 3.11) leaves it out.
"""

import os
import sys

SAFE_PATH = {"PYTHONSAFEPATH": "1"}  # the same as -P, for the children of children


def run_module(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module of an installed package in a process of its own."""
    return [sys.executable, "-P", "-m", module, *arguments]


def leave_out_working_directory() -> None:
    """Make every Python process that this one starts, and theirs, run as with ``-P``."""
    os.environ.update(SAFE_PATH)
