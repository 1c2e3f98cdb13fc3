"""Import what a sweep's end needs while its trials train: SciPy, MLflow and PyTorch take ten seconds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

AFTER_S = 10.0  # by then the trials' own imports are done; a sweep with nothing left to do is over
MODULES = (
    "scipy.stats",
    "rnnsweep.comparison.verdicts.compare",
    "rnnsweep.comparison.report.page",
    "rnnsweep.search.importance",
    "rnnsweep.tracking.ship.mlflow_imports",
    "rnnsweep.models.folder",
    "rnnsweep.api.models",
)


@contextmanager
def imports_ahead(*, after_s: float = AFTER_S) -> Iterator[None]:
    """Import beside what is done within, once that has taken a while; no import continues after it."""
    over = threading.Event()
    thread = threading.Thread(target=_import, args=(over, after_s), name="imports")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()  # two threads that import the same can see it half made


def _import(over: threading.Event, after_s: float) -> None:
    over.wait(after_s)
    for name in MODULES:
        if over.is_set():
            return
        with suppress(Exception):  # who needs it imports it again, and says what is wrong
            import_module(name)
