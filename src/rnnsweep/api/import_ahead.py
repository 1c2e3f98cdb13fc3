"""Import what a sweep's answer needs while its trials train.

What comes after the answer is imported then: its imports would take the trials' time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

from rnnsweep.state.watching.progress import Listener, Snapshot

AFTER_S = 10.0  # by then the trials' own imports are done; a sweep with nothing left to do is over
MODULES = (
    "scipy.stats",
    "rnnsweep.comparison.verdicts.compare",
    "rnnsweep.comparison.report.page",
    "rnnsweep.search.importance",
)


class _Watching:
    """A listener that begins the imports once only sending is left, and passes everything on."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.begin, self.over = threading.Event(), threading.Event()
        self.ran = False  # a sweep with nothing left to run needs few of the modules

    def update(self, snapshot: Snapshot) -> None:
        self.ran = self.ran or bool(snapshot.running)
        if self.ran and snapshot.over and snapshot.compared and not snapshot.stopping:
            self.begin.set()
        self.listener.update(snapshot)

    def message(self, text: str) -> None:
        self.listener.message(text)


@contextmanager
def imports_ahead(listener: Listener, *, after_s: float = AFTER_S) -> Iterator[Listener]:
    """Import beside what is done within, once that has taken a while; no import continues after it.

    The imports begin earlier where the listener that is yielded, in place of the one given, hears that the
    last trial has ended.
    """
    ahead = _Watching(listener)
    thread = threading.Thread(target=_import, args=(ahead, after_s), name="imports")
    thread.start()
    try:
        yield ahead
    finally:
        ahead.over.set()
        ahead.begin.set()
        thread.join()  # two threads that import the same can see it half made


def _import(ahead: _Watching, after_s: float) -> None:
    ahead.begin.wait(after_s)
    for name in MODULES:
        if ahead.over.is_set():
            return
        with suppress(Exception):  # who needs it imports it again, and says what is wrong
            import_module(name)
