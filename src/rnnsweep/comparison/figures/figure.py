"""A figure of the report: its SVG, one sentence of how to read it, and the numbers behind it."""

import csv
import io
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One picture with what belongs to it. `rows` are the numbers behind it, under `columns`."""

    name: str
    title: str
    how: str
    svg: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    @property
    def csv(self) -> str:
        """The numbers behind the picture as CSV with a header."""
        return to_csv(self.columns, self.rows)

    @property
    def link(self) -> str:
        """The CSV as a data link."""
        return data_link(self.csv)


def to_csv(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as CSV, numbers in seven digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([f"{v:.7g}" if isinstance(v, float) else v for v in row] for row in rows)
    return out.getvalue()


def data_link(text: str) -> str:
    """Give a link that holds the text itself."""
    return f"data:text/csv;base64,{b64encode(text.encode()).decode()}"
