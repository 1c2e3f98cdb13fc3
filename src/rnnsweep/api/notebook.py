"""What a cell of a notebook shows while it trains: one output that renews itself."""

import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any

from rnnsweep.api.results import Validation
from rnnsweep.drawing.times import about, duration
from rnnsweep.state import Listener, Silence, Snapshot

EVERY_S = 1.0  # between two drawings
MESSAGES = 5  # last ones shown


def in_notebook() -> bool:
    """Return whether this code runs in a kernel that can show HTML, as Jupyter's."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


class NotebookTable:
    """A listener of a sweep that draws a row for each architecture into the output of the cell."""

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        self._show = show or _Output().show
        self._messages: list[str] = []
        self._snapshot: Snapshot | None = None
        self._drawn = float("-inf")

    def update(self, snapshot: "Snapshot") -> None:
        """Draw the snapshot, once a second at most; the last state is always drawn."""
        self._snapshot = snapshot
        if time.monotonic() - self._drawn >= EVERY_S or not snapshot.running:
            self._draw()

    def message(self, text: str) -> None:
        """Show a line under the table."""
        self._messages = [*self._messages, text][-MESSAGES:]
        self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        table = progress_html(self._snapshot) if self._snapshot else ""
        self._show(table + "".join(f"<p>{escape(line)}</p>" for line in self._messages))


def progress_html(snapshot: "Snapshot") -> str:
    """Return how far a sweep is: trials, the best validation score and replicates of each architecture."""
    heads = "".join(f"<th>{head}</th>" for head in ("architecture", "trials", "best", "replicates"))
    rows = "".join(
        f"<tr><td>{escape(one.architecture)}</td><td>{_of(one.ended, one.budget)}</td>"
        f"<td>{'' if one.best is None else format(one.best, '.4f')}</td>"
        f"<td>{_of(one.replicates, one.replicates_wanted)}</td></tr>"
        for one in snapshot.standings
    )
    expected = about(snapshot.eta, snapshot.eta_most)
    left = f", {expected} left" if expected else ""
    return (
        f"<p><b>{escape(snapshot.sweep)}</b>: {snapshot.busy}, {duration(snapshot.elapsed)} elapsed{left}</p>"
        f"<table><tr>{heads}</tr>{rows}</table>"
    )


def listener_of(listener: Listener | None) -> Listener:
    """Return the caller's listener; without one, a table in a notebook, and elsewhere what shows nothing."""
    shown = NotebookTable if in_notebook() else Silence
    return shown() if listener is None else listener


def validation_line() -> Callable[[Validation], None]:
    """Return what shows each validation of a training in one line of the cell's output."""
    output = _Output()

    def show(seen: Validation) -> None:
        value = seen.score.write(seen.score.turned(seen.values[seen.score.name]))
        score = f"{seen.score.title} {value}"
        output.show(f"<p>epoch {seen.epoch:.3g}: validation {escape(score)}, {duration(seen.seconds)}</p>")

    return show


class _Output:
    """One output of a cell, which each call replaces."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(HTML(html))  # type: ignore[no-untyped-call]


def _of(done: int, wanted: int | None) -> str:
    return str(done) if wanted is None else f"{done} of {wanted}"
