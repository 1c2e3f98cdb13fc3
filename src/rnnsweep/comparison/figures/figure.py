"""A figure of the report: its chart, one sentence of how to read it, and the numbers behind it."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rnnsweep.comparison.figures import drawing
from rnnsweep.drawing.palette import colours
from rnnsweep.safety.spreadsheet import csv_text


@dataclass(frozen=True)
class Figure:
    """One chart with what belongs to it. `rows` are the numbers behind it, under `columns`."""

    name: str
    title: str
    label: str  # what the chart shows, for those who do not see it
    how: str
    drawn: Any  # Altair's, in the variables of a page
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    architectures: tuple[str, ...]
    colours: Mapping[str, str] = field(default_factory=dict)  # of architectures; {}: as of those drawn here

    @cached_property
    def svg(self) -> str:
        """The chart as SVG that takes its colours from its page."""
        return drawing.draw(self.drawn, self.name, self.label)

    @property
    def standalone(self) -> str:
        """The chart as SVG with its colours in it, on white paper."""
        return drawing.standalone(self.svg, self._shades)

    @property
    def chart(self) -> Any:
        """The chart as Altair's own object, with its colours in it, as for a notebook."""
        import altair as alt

        text = drawing.paint(drawing.specification(self.drawn), self._shades)
        return alt.Chart.from_json(text)

    @property
    def _shades(self) -> Mapping[str, str]:
        return self.colours or colours(self.architectures)

    @property
    def csv(self) -> str:
        """The numbers behind the picture as CSV with a header."""
        return to_csv(self.columns, self.rows)

    @property
    def link(self) -> str:
        """The CSV as a data link."""
        return data_link(self.csv)


def to_csv(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV, numbers with seven digits."""
    return csv_text(columns, ([f"{v:.7g}" if isinstance(v, float) else v for v in row] for row in rows))


def data_link(text: str) -> str:
    """Return a link that holds the text itself."""
    return f"data:text/csv;base64,{b64encode(text.encode()).decode()}"
