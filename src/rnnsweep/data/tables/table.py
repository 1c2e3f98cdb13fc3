"""What a file of rows gives: the columns that are asked for, and how its rows relate to its lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from rnnsweep.errors import UserError

Choose: TypeAlias = Callable[[Sequence[str]], Sequence[str]]  # from a file's columns, those that are read


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read; None is found out from the file."""

    delimiter: str | None = None  # one character
    quote: str | None = None  # one character; "" reads quote marks as characters
    header: bool = True  # False: columns are called "1", "2", ...
    encoding: str | None = None
    skip_bad: int = 0  # rows at most that cannot be read and are left out
    every: bool = False  # every column is read: one without a name, or with that of another, gets its own


@dataclass
class Table:
    """Rows of a file; `columns` holds the chosen columns alone, each a list of a value for each row."""

    path: Path
    names: tuple[str, ...]  # of all columns
    columns: dict[str, list[Any]]
    spans: list[int] | None = None  # lines of the file that each row takes; None: the format has no lines
    notes: list[str] = field(default_factory=list)  # what was guessed
    swallowed: str = ""  # why rows and lines differ
    skipped: list[str] = field(default_factory=list)  # rows that were left out, with their lines
    header: tuple[str, ...] = ()  # what the file calls each column, where that is not its name here
    lines: Sequence[int] | None = (
        None  # of the file at which each row begins, where these are not 1, 2, 3 ...
    )
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)  # column -> names of its numbers

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def line_of(self, row: int) -> int | None:
        """Return the line at which a row begins, from 1; None where the format has no lines."""
        if self.lines is not None:
            return self.lines[row]
        return None if self.spans is None else row + 1


def unusual(lines: Sequence[int]) -> Sequence[int] | None:
    """Return the lines at which rows begin, None where these are 1, 2, 3 ..., as a `Table` has them."""
    return None if all(line == row for row, line in enumerate(lines, 1)) else lines


def place(row: int, lines: Sequence[int] | None) -> str:
    """Write which row of a file is meant, as people find it: ``row 64 (line 65)``.

    Args:
        row: from 0, without the header.
        lines: at which each row begins; None where the format has no lines, or one for each row.
    """
    return f"row {row + 1}" if lines is None else f"row {row + 1} (line {lines[row]})"


@dataclass
class BadRows:
    """Rows that cannot be read: left out up to a number, refused beyond it."""

    path: Path
    most: int
    advise: bool = True  # say which setting leaves rows out
    skipped: list[str] = field(default_factory=list)

    @staticmethod
    def of(path: Path, options: ReadOptions) -> "BadRows":
        """Return the bad rows of a file, none so far."""
        return BadRows(path, options.skip_bad, not options.every)

    def add(self, line: int, reason: str) -> None:
        """Leave a row out.

        Raises:
            UserError: more rows than allowed are bad.
        """
        if len(self.skipped) >= self.most:
            way = "data.skip_bad=N leaves up to N such rows out"
            if self.most:
                way = f"data.skip_bad={self.most} rows are left out already"
            raise UserError(f"{self.path}, line {line}: {reason}" + (f"; {way}" if self.advise else ""))
        self.skipped.append(f"line {line}: {reason}")


def find_column(columns: Sequence[str], known: Sequence[str]) -> str | None:
    """Find the first of the known names among columns, whatever their case."""
    lower = {name.lower(): name for name in reversed(columns)}
    return next((lower[name] for name in known if name in lower), None)
