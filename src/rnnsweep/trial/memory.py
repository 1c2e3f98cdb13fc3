"""The memory that a training took."""

import resource
import sys


def peak_memory() -> int:
    """Return the most bytes that this process held: of its GPU where it used one, else of main memory.

    On the machine that is the resident set with all libraries, shared pages included; on a GPU it is what
    PyTorch reserved, without the driver's own.
    """
    torch = sys.modules.get("torch")  # who trained has imported it
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_reserved())
    return resident_peak()


def resident_peak() -> int:
    """Return the most bytes of the machine's memory that this process held; macOS counts bytes, Linux KiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
