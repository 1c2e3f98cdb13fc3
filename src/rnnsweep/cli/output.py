"""What goes where: results to standard output, everything else to standard error."""

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from rnnsweep.cli.control_characters import escape_control_characters
from rnnsweep.drawing.times import duration
from rnnsweep.json_text import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

OFTEN_S = 10.0  # between two lines of what takes long, where there is no terminal
READING = "reading the rows"
INTERRUPTED = 130  # exit status of a command that Ctrl-C or SIGTERM ended
_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029]")  # JSON may hold them, and a terminal obeys them
Emit = Callable[[Mapping[str, Any] | Sequence[Any]], None]


@contextmanager
def one_json_object(wanted: bool) -> Iterator[Emit]:
    """While inside, all that prints, libraries and child processes too, prints on standard error.

    The mapping (or list) given to the function is printed on standard output when all went well. Where JSON
    is not wanted, nothing is redirected and the function does nothing.
    """
    if not wanted:
        yield lambda result: None
        return
    results: list[Mapping[str, Any] | Sequence[Any]] = []
    with _standard_output_on_error():
        yield results.append
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    for result in results:
        text = json.dumps(plain(result), allow_nan=False, ensure_ascii=not unicode)
        print(_UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text), flush=True)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Go on without standard output where its reader has seen enough (`| head`)."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a line of text in which nothing of others speaks to the terminal."""
    click.echo(escape_control_characters(str(text)), err=err, nl=nl)


def out() -> "Console":
    """Return rich's console of standard output, as wide as the terminal; it reads no markup in texts."""
    return _console(stderr=False)


def err() -> "Console":
    """Return the same of standard error."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    from rnnsweep.cli.console import QuietConsole

    return QuietConsole(stderr=stderr, highlight=False, markup=False, emoji=False)


@contextmanager
def telling(words: str = "") -> "Iterator[Callable[[str], object]]":
    """Yield what tells on standard error what is being done: in place at a terminal, a line elsewhere.

    There, whatever takes long is said again every ten seconds, with its time.

    Args:
        words: what is done first; elsewhere it is said only if it takes long.
    """
    console = err()
    if console.is_terminal:
        with console.status(words) as shown:
            yield shown.update
        return
    lines = _Lines(console, words)
    with repeating(lines.repeat):
        yield lines.tell


@contextmanager
def repeating(repeat: Callable[[threading.Event], None]) -> Iterator[None]:
    """Call a function in a thread of its own; at the end the event that it waits for is set."""
    done = threading.Event()
    thread = threading.Thread(target=repeat, args=(done,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Lines:
    """Prints what is being done, and again whenever it takes longer than some seconds."""

    def __init__(self, console: "Console", words: str) -> None:
        self.console, self.words = console, words
        self.began = self.printed = time.monotonic()

    def tell(self, words: str) -> None:
        self.words, self.began = words, time.monotonic()
        self._print(f"{words} ...")

    def repeat(self, done: threading.Event) -> None:
        while not done.wait(max(0.1, self.printed + OFTEN_S - time.monotonic())):
            now = time.monotonic()
            if self.words and now - self.printed >= OFTEN_S:
                self._print(f"{self.words} ... {duration(now - self.began)}")

    def _print(self, line: str) -> None:
        self.printed = time.monotonic()
        self.console.print(line, style="dim")


def table(*left: str, right: Sequence[str] = (), gap: int = 2, pad_edge: bool = True) -> "Table":
    """Return a table of rich without lines: columns to the left, then to the right.

    Where there is no room, long names beside numbers take several lines; nothing else is wrapped.

    Args:
        left: heads of the columns whose content starts at the left.
        right: heads of the columns whose content ends at the right, as numbers do.
        gap: characters between two columns.
        pad_edge: put the gap after the last column, too.
    """
    from rich.table import Table

    drawn = Table(box=None, padding=(0, gap, 0, 0), header_style="dim", pad_edge=pad_edge)
    for head in left:
        drawn.add_column(head, no_wrap=not right, overflow="fold" if right else "ellipsis")
    for head in right:
        drawn.add_column(head, justify="right", no_wrap=True)
    return drawn


@contextmanager
def _standard_output_on_error() -> Iterator[None]:
    sys.stdout.flush()
    with redirect_stdout(sys.stderr):
        try:
            descriptor = os.dup(1)
        except OSError:  # closed: there is nothing to keep clean
            yield
            return
        os.dup2(2, 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(descriptor, 1)
            os.close(descriptor)
