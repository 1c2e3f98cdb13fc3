"""What an exception of a training means: the cause that decides what follows, and one line for people."""

import traceback
from contextlib import suppress

from rnnsweep.errors import UserError
from rnnsweep.files import is_full_disk
from rnnsweep.state.outcome import DIVERGED
from rnnsweep.trial.messages import ControllerSilent, Outcome

BROKEN_CORPUS = "broken corpus"
OTHER_CORPUS = "other corpus"  # on the node where an agent ran the trial
CONFIGURATION = "configuration"
FULL_DISK = "full disk"
REMOVED = "folder removed"
PREEMPTED = "preempted"  # its node was taken away, as announced: no fault of the trial
SILENT = "controller silent"
LINE = 500  # characters of a reason


class CorpusDiffers(UserError):
    """A node has other rows than the controller's machine."""


class TimeLimit(Exception):
    """The trial used up its seconds."""


def print_trace() -> None:
    """Print the traceback of the error at hand, where there is room for it."""
    with suppress(OSError):
        traceback.print_exc()


def explain(error: BaseException, *, of_user: str = CONFIGURATION) -> Outcome:
    """Return the outcome of a training that raised `error`.

    Args:
        of_user: the cause of a UserError.
    """
    if isinstance(error, CorpusDiffers):
        of_user = OTHER_CORPUS
    cause = of_user if isinstance(error, UserError) else _cause(error)
    return Outcome("failed", cause, _line(error))


def _cause(error: BaseException) -> str:
    name = type(error).__name__  # by name: torch and Lightning need not be imported to ask
    if name == "Diverged":
        return DIVERGED
    if isinstance(error, MemoryError) or name == "OutOfMemoryError" or _says_no_memory(error):
        return "out of memory"
    if isinstance(error, TimeLimit):
        return "time limit"
    if is_full_disk(error):
        return FULL_DISK
    if isinstance(error, ControllerSilent):
        return SILENT
    if name == "LostProcess":  # one of several processes of a training
        return "lost process"
    return "crash"


def _says_no_memory(error: BaseException) -> bool:
    """PyTorch's CPU allocator raises a plain RuntimeError, worded by the system; so do CUDA's libraries."""
    messages = ("not enough memory", "out of memory", "can't allocate memory", "STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(words in str(error) for words in messages)


def _line(error: BaseException) -> str:
    text = next(iter(str(error).splitlines()), "")
    name = type(error).__name__
    plain = isinstance(error, UserError | TimeLimit | ControllerSilent) or name in ("Diverged", "LostProcess")
    return (text if plain and text else f"{name}: {text}".rstrip(": "))[:LINE]
