"""Which folders of code this user allowed: a project that a person received may hold code, and name it.

The command line and the environment are the user's word. A folder whose code was named there once is kept in
the user's own folder, so that sweeps, models and configurations of this project may name it from then on.
"""

import os
from contextlib import suppress
from pathlib import Path

from rnnsweep.errors import UserError
from rnnsweep.safety.named_once import keep_name, named_once

VARIABLE = "RNNSWEEP_CELLS"
FOLDERS = "code"


def allow(folder: Path) -> None:
    """Allow the code of a folder; where that cannot be kept, for this process and its children alone."""
    text = str(folder.resolve())
    if text in _allowed() or "\n" in text:
        return
    try:
        keep_name(FOLDERS, text)
    except (OSError, UserError):
        os.environ[VARIABLE] = text


def refuse_unallowed(key: str, value: str, folder: Path) -> None:
    """Refuse code of a folder that the user has not allowed.

    Args:
        key: the setting that names the code.
        value: what it holds.
        folder: where the code lies.

    Raises:
        UserError: with the ways to allow it.
    """
    text = str(folder.resolve())
    if text not in _allowed():
        raise UserError(
            f"{key}={value!r}: is code of {text}, which is not run before you name it: read it, then give"
            f" `train` this setting once, or set {VARIABLE} to that folder"
        )


def _allowed() -> list[str]:
    own = os.environ.get(VARIABLE, "")
    return [*_kept(), *([str(Path(own).expanduser().resolve())] if own else [])]


def _kept() -> list[str]:
    with suppress(UserError):
        return named_once(FOLDERS)
    return []
