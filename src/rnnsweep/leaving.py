"""How a process of ours ends: at once."""

import atexit
import gc


def leave_at_once() -> None:
    """Let this interpreter, when it ends, skip the collector's walks over all that was imported.

    With PyTorch, MLflow and SciPy loaded they take two seconds, and free memory that the system takes anyway.
    Whatever else is registered with `atexit` from here on is done before; the process itself changes nothing
    until then.
    """
    atexit.register(_forget)


def _forget() -> None:
    gc.disable()
    gc.freeze()
