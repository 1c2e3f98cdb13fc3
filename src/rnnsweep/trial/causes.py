"""What an exception of a training means: the cause that decides what follows, and one line for people."""

import errno

from rnnsweep.errors import UserError
from rnnsweep.trial.messages import Outcome

LINE = 500  # characters of a reason


class TimeLimit(Exception):
    """The trial used up its seconds."""


def explain(error: BaseException) -> Outcome:
    """Give the outcome of a training that raised `error`; one that diverged is pruned: nothing mends it."""
    cause = _cause(error)
    return Outcome("pruned" if cause == "diverged" else "failed", cause, _line(error))


def _cause(error: BaseException) -> str:
    name = type(error).__name__  # by name: torch and Lightning need not be imported to ask
    if name == "Diverged":
        return "diverged"
    if isinstance(error, MemoryError) or name == "OutOfMemoryError" or _says_no_memory(error):
        return "out of memory"
    if isinstance(error, TimeLimit):
        return "time limit"
    if isinstance(error, UserError):
        return "configuration"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "full disk"
    return "crash"


def _says_no_memory(error: BaseException) -> bool:
    """PyTorch's CPU allocator raises a plain RuntimeError."""
    text = str(error)
    return isinstance(error, RuntimeError) and ("not enough memory" in text or "out of memory" in text)


def _line(error: BaseException) -> str:
    text = next(iter(str(error).splitlines()), "")
    name = type(error).__name__
    plain = isinstance(error, UserError | TimeLimit) or name == "Diverged"
    return (text if plain and text else f"{name}: {text}".rstrip(": "))[:LINE]
