"""What the pairs gave, as a table of docs/lesson.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- pairs: written by `rnnsweep lesson --pairs` -->", "<!-- end of pairs -->"
HEADER = ("| sweep | question | mean test accuracy | verdicts |", "|---|---|---|---|")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Side:
    """One side of a pair, over its replicates."""

    name: str
    test: float | None  # mean accuracy
    replicates: int
    seconds: float | None  # of one training
    activations: float | None  # bytes that the largest batch keeps for its backward pass

    def __str__(self) -> str:
        """As ``last .8292 (12 s, 31 MB)``."""
        test = "none" if self.test is None else f"{self.test:.4f}".lstrip("0")
        costs = [] if self.seconds is None else [f"{self.seconds:.0f} s"]
        costs += [] if self.activations is None else [f"{self.activations / MEGABYTE:.1f} MB"]
        return f"{self.name} {test}" + (f" ({', '.join(costs)})" if costs else "")


@dataclass(frozen=True)
class Pair:
    """One sweep of the lesson and its answer."""

    name: str  # of its file, as ``packed``
    question: str
    sides: tuple[Side, ...]
    sentences: tuple[str, ...]  # the verdicts

    def line(self) -> str:
        """Give the pair as a line of the table."""
        cells = (f"`{self.name}`", self.question, "; ".join(map(str, self.sides)), " ".join(self.sentences))
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write_pairs(path: Path, pairs: Sequence[Pair]) -> Path:
    """Write the table into a page; lines of pairs that are not among these stay, as all around the marks."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, mark, rest = text.partition(BEGIN)
    inside, closed, after = rest.partition(END)
    if not (mark and closed):
        before, inside, after = (f"{text.rstrip()}\n\n" if text else ""), "", "\n"
    lines = {pair.name: pair.line() for pair in pairs}
    kept = {_name(line): line for line in inside.splitlines() if line.startswith("| `")}
    table = [one for _, one in sorted((kept | lines).items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before + "\n".join([BEGIN, "", *HEADER, *table, "", END]) + after, encoding="utf-8")
    return path


def _name(line: str) -> str:
    return line.split("`")[1]
