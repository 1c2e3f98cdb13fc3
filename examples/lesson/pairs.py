"""The lesson's pairs that were run here, compared and written as a table of docs/lesson.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from examples.lesson.pages import write_between
from rnnsweep.errors import UserError
from rnnsweep.paths import ProjectPaths, find_paths

if TYPE_CHECKING:
    from rnnsweep.comparison import Comparison
    from rnnsweep.comparison.evidence.records import Standing

FOLDER = Path(__file__).parent / "pairs"
BEGIN, END = "<!-- pairs: written by `python -m examples.lesson --pairs` -->", "<!-- end of pairs -->"
HEADER = ("| sweep | question | mean test accuracy | verdicts |", "|---|---|---|---|")
ACTIVATIONS = "memory/activations_bytes"
MEGABYTE = 1e6


@dataclass(frozen=True)
class Side:
    """One side of a pair, over its replicates."""

    name: str
    test: float | None  # mean accuracy
    replicates: int
    seconds: float | None  # of one training
    activations: float | None  # bytes that the largest batch saves for its backward pass

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
        """Return the pair as a line of the table."""
        cells = (f"`{self.name}`", self.question, "; ".join(map(str, self.sides)), " ".join(self.sentences))
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def lesson_pairs(*, page: Path | None = None) -> tuple[tuple[Pair, ...], Path]:
    """Write the verdicts of the lesson's pairs that have run here into the page.

    Args:
        page: None writes docs/lesson.md.

    Raises:
        UserError: none of them has a replicate yet.
    """
    paths = find_paths()
    pairs = tuple(_pairs(paths))
    if not pairs:
        raise UserError(
            "none of the lesson's pairs has run; begin with: "
            "rnnsweep sweep examples/lesson/pairs/pooling.yaml"
        )
    return pairs, write_pairs(page or paths.root / "docs" / "lesson.md", pairs)


def write_pairs(path: Path, pairs: tuple[Pair, ...]) -> Path:
    """Write the table into a page; lines of pairs that are not among these stay, as all around the marks."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    inside = text.partition(BEGIN)[2].partition(END)[0]
    earlier = {line.split("`")[1]: line for line in inside.splitlines() if line.startswith("| `")}
    lines = earlier | {pair.name: pair.line() for pair in pairs}
    return write_between(path, (BEGIN, END), [*HEADER, *(line for _, line in sorted(lines.items()))])


def _pairs(paths: ProjectPaths) -> Iterator[Pair]:
    from rnnsweep.api import compare

    for file in sorted(FOLDER.glob("*.yaml")):
        if not (paths.mlruns / "sweeps" / f"lesson-{file.stem}").is_dir():
            continue
        comparison = compare(f"lesson-{file.stem}")
        sides = tuple(_side(one, paths) for one in comparison.standings if one.test.replicates)
        if len(sides) > 1:
            yield Pair(file.stem, comparison.question, sides, _sentences(comparison))


def _side(standing: "Standing", paths: ProjectPaths) -> Side:
    from rnnsweep.tracking import find_run

    metrics = find_run(paths.mlruns, standing.run_id).metrics if standing.run_id else {}
    return Side(
        name=standing.architecture,
        test=standing.test.mean,
        replicates=standing.test.replicates,
        seconds=standing.seconds,
        activations=metrics.get(ACTIVATIONS),
    )


def _sentences(comparison: "Comparison") -> tuple[str, ...]:
    """Return the verdict of a pair in full; of more sides who is ahead, and what is told apart behind it."""
    if len(comparison.verdicts) == 1:
        return (comparison.verdicts[0].sentence,)
    leader = comparison.standings[0].architecture
    beaten: dict[str, list[str]] = {}
    for verdict in comparison.verdicts:
        if leader not in (verdict.a, verdict.b) and verdict.verdict in ("better", "worse"):
            winner, loser = (verdict.a, verdict.b) if verdict.verdict == "better" else (verdict.b, verdict.a)
            beaten.setdefault(winner, []).append(loser)
    behind = [f"{winner} is better than {' and '.join(losers)}" for winner, losers in beaten.items()]
    rest = (f"Of the others, {', '.join(behind)}.",) if behind else ()
    return (comparison.answer, *rest, f"{comparison.standings[0].test.replicates} paired replicates each.")
