"""A sweep while it runs: a table that redraws itself at a terminal, dated lines where there is none."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnsweep.cli.output import OFTEN_S, repeating
from rnnsweep.cli.words import count, score
from rnnsweep.drawing.palette import colours
from rnnsweep.drawing.times import about, duration
from rnnsweep.state import ArchitectureProgress, Listener, Running, Snapshot
from rnnsweep.state.watching.fewer import fewer_trials

MOST_SHOWN = 8  # running tasks under the table
BEGIN = "reading the corpus and starting processes"
SELDOM_S = 60.0  # between two lines of the log of a sweep that runs for long; OFTEN_S at first
LONG_S = 900.0  # such a sweep


class LiveTable:
    """Shows the sweep as a table on a terminal; drawn by a thread of its own, four times a second."""

    def __init__(self, console: Console) -> None:
        self._snapshot: Snapshot | None = None
        self.live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def update(self, snapshot: "Snapshot") -> None:
        """Keep the snapshot for the next drawing."""
        self._snapshot = snapshot

    def message(self, text: str) -> None:
        """Print a line above the table."""
        self.live.console.print(text, style="yellow", markup=False, highlight=False)

    def _render(self) -> RenderableType:
        table = Text(f"{BEGIN} ...", style="dim") if self._snapshot is None else draw(self._snapshot)
        # the terminal writes ^C where the cursor is: at the end of a full line it would begin another one
        return Group(table, "")


class PlainLines:
    """Prints a dated line for each trial that ends, and how far the sweep is where none ends for long."""

    def __init__(self, console: Console, now: Callable[[], datetime] = datetime.now) -> None:
        self.console, self.now = console, now
        self._ended: dict[str, tuple[int, int]] = {}
        self._progress, self._interval = BEGIN, OFTEN_S
        self._sending, self._said = False, ""
        self._printed_at = time.monotonic()
        self._turn = threading.Lock()

    def update(self, snapshot: "Snapshot") -> None:
        """Print the architectures in which something ended, and what follows once the sweep is over."""
        self._progress = summary_line(snapshot)
        self._interval = OFTEN_S if snapshot.elapsed < LONG_S else SELDOM_S
        for standing in snapshot.standings:
            ended = (standing.ended, standing.replicates)
            if self._ended.get(standing.architecture, (0, 0)) != ended:
                self._say(line(standing, snapshot))
            self._ended[standing.architecture] = ended
        if snapshot.unsent is not None:
            first, self._sending = not self._sending, True
            if first or not snapshot.unsent:  # `repeat_progress` says what is between
                self._say(self._progress)

    def message(self, text: str) -> None:
        """Print a dated line."""
        self._say(text)

    def repeat_progress(self, done: threading.Event) -> None:
        """Print how far the sweep is whenever nothing was printed for some seconds, until `done` is set.

        While the last runs are sent, only what is new is printed.
        """
        while not done.wait(max(0.1, self._printed_at + self._interval - time.monotonic())):
            is_new = not self._sending or self._progress != self._said
            if is_new and time.monotonic() - self._printed_at >= self._interval:
                self._say(self._progress)

    def _say(self, text: str) -> None:
        with self._turn:
            self._printed_at, self._said = time.monotonic(), text
            self.console.print(f"{self.now():%H:%M:%S}  {text}", markup=False, soft_wrap=True)


class SayingShorter:
    """A listener that says once how a long sweep gets shorter, as soon as its trials tell.

    Args:
        shown: gets everything.
        again: the command that runs the sweep, without a number of trials.
    """

    def __init__(self, shown: Listener, again: str) -> None:
        self.shown, self.again = shown, again
        self._said = False

    def update(self, snapshot: "Snapshot") -> None:
        """Show the snapshot, after the line where it is time for it."""
        if not self._said and not snapshot.stopping and (fewer := fewer_trials(snapshot)):
            self._said = True
            left = about(snapshot.eta, snapshot.eta_most)
            shorter = f"{self.again} --trials {fewer[0]}  # {about(*fewer[1:])}"
            self.shown.message(f"{left} left. To shorten it: Ctrl-C, then {shorter}")
        self.shown.update(snapshot)

    def message(self, text: str) -> None:
        """Pass a line on."""
        self.shown.message(text)


@contextmanager
def listener(console: Console) -> "Iterator[Listener]":
    """Yield what fits the console: the table at a terminal, lines elsewhere."""
    if not console.is_terminal:
        lines = PlainLines(console)
        with repeating(lines.repeat_progress):
            yield lines
        return
    table = LiveTable(console)
    with table.live:
        yield table


def draw(snapshot: "Snapshot") -> RenderableType:
    """Draw the sweep: a row for each architecture, a line for each running task, and the time."""
    return Group(
        Text(f"{snapshot.sweep}: {snapshot.question}", style="bold"),
        _standings(snapshot),
        *_running(snapshot),
        Text(summary_line(snapshot), style="dim"),
    )


def summary_line(snapshot: "Snapshot") -> str:
    """Return how much is done and how long it may take."""
    ended = sum(s.ended for s in snapshot.standings)
    budget = sum(s.budget or 0 for s in snapshot.standings)
    done = f"{ended} of {budget} trials" if budget else count(ended, "trial")
    left = f"; {_at_the_end(snapshot)}" if snapshot.over or snapshot.stopping else _left(snapshot)
    paused = ", paused: the disk is full" if snapshot.paused else ""
    return f"{done}, {snapshot.busy}, {duration(snapshot.elapsed)} elapsed{left}{paused}"


def _left(snapshot: "Snapshot") -> str:
    """Return the time left, or how many runs are where none is expected: baselines have no estimate."""
    if time_left := about(snapshot.eta, snapshot.eta_most):
        return f", {time_left} left"
    return (
        ""
        if snapshot.eta is None or not snapshot.running
        else f", {count(len(snapshot.running), 'run')} left"
    )


def _at_the_end(snapshot: "Snapshot") -> str:
    """Return what is done once nothing new starts."""
    if snapshot.running:
        return "stopping"
    if snapshot.unsent is None:
        return "ending the processes of the trials"
    compared = snapshot.compared and not snapshot.stopping
    then = ", then comparing" if compared else ""
    if snapshot.unsent:
        return f"sending the last {count(snapshot.unsent, 'run')} to MLflow{then}".replace("last 1 ", "last ")
    return "comparing" if compared else "all runs are in MLflow"


def line(standing: "ArchitectureProgress", snapshot: "Snapshot") -> str:
    """Return in one line how far an architecture is."""
    words = [f"{standing.architecture:<15} {_of(standing.ended, standing.budget):>7} trials"]
    counts = {word: getattr(standing, word) for word in ("pruned", "failed", "infeasible", "rejected")}
    words += [f"{n} {word}" for word, n in counts.items() if n]
    if standing.best is not None:
        words.append(f"best {score(standing.best)}")
    if standing.replicates:
        words.append(f"{standing.replicates}/{standing.replicates_wanted} replicates")
    if time_left := about(snapshot.eta, snapshot.eta_most):
        words.append(f"{time_left} left")
    return ", ".join(words)


def _standings(snapshot: "Snapshot") -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("architecture", overflow="fold")  # a long name takes two lines, and cuts no number
    table.add_column("", width=16)
    for head in ("trials", "pruned", "failed", "best", "replicates"):
        table.add_column(head, justify="right", no_wrap=True)
    shades = _shades(snapshot)
    for standing in snapshot.standings:
        table.add_row(*_row(standing, shades[standing.architecture]))
    return table


def _shades(snapshot: "Snapshot") -> dict[str, str]:
    return colours(
        [*(s.architecture for s in snapshot.standings), *(t.architecture for t in snapshot.running)]
    )


def _row(standing: "ArchitectureProgress", shade: str) -> list[RenderableType]:
    share = standing.share if standing.budget is None else standing.ended / max(1, standing.budget)
    share = 1.0 if standing.stopped else share
    repeated = _of(standing.replicates, standing.replicates_wanted) if standing.replicates_wanted else ""
    return [
        Text(standing.architecture, style=shade),
        ProgressBar(total=1.0, completed=share, width=16, complete_style=shade, finished_style=shade),
        _of(standing.ended, standing.budget),
        str(standing.pruned or "-"),
        Text(str(standing.failed or "-"), style="red" if standing.failed else ""),
        score(standing.best),
        repeated,
    ]


def _running(snapshot: "Snapshot") -> list[RenderableType]:
    shades = _shades(snapshot)
    tasks = snapshot.running[:MOST_SHOWN]
    lines: list[RenderableType] = [_running_line(task, shades[task.architecture]) for task in tasks]
    more = len(snapshot.running) - MOST_SHOWN
    return [*lines, Text(f"  and {more} more", style="dim")] if more > 0 else lines


def _running_line(task: "Running", shade: str) -> Text:
    which = task.role if task.number is None else f"{task.role} {task.number}"
    words = [f"  {task.slot:<8} ", which, duration(task.seconds)]
    if not task.started:
        words.append("starting")
    if task.epoch is not None:
        words.append(f"epoch {task.epoch:.2g}")
    if task.validation is not None:
        words.append(score(task.validation))
    text = Text(words[0], style="dim")
    text.append(f"{task.architecture:<15} ", style=shade)
    return text.append("  ".join(words[1:]))


def _of(done: int, budget: int | None) -> str:
    return str(done) if budget is None else f"{done}/{budget}"
