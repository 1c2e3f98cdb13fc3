"""The lesson's pairs that were run here, compared and written as a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.api.answers import compare
from rnnsweep.errors import UserError
from rnnsweep.lesson.pairs import Pair, Side, write_pairs
from rnnsweep.paths import ProjectPaths, find_paths
from rnnsweep.state.folder import SweepFolder

if TYPE_CHECKING:
    from rnnsweep.comparison import Comparison
    from rnnsweep.comparison.verdicts.records import Standing

ACTIVATIONS = "memory/activations_bytes"


def lesson_pairs(*, page: Path | None = None) -> tuple[tuple[Pair, ...], Path]:
    """Write the verdicts of the lesson's sweeps that have run here into the page.

    Args:
        page: None writes docs/lesson.md.

    Raises:
        UserError: none of them has a replicate yet.
    """
    places = find_paths()
    pairs = tuple(_pairs(places))
    if not pairs:
        raise UserError(
            "none of the lesson's sweeps has run; begin with: rnnsweep sweep sweeps/lesson/pooling.yaml"
        )
    return pairs, write_pairs(page or places.root / "docs" / "lesson.md", pairs)


def _pairs(places: ProjectPaths) -> Iterator[Pair]:
    for folder in SweepFolder.every(places.mlruns):
        if not folder.name.startswith("lesson-"):
            continue
        found = compare(folder.name)
        sides = tuple(_side(one, places) for one in found.standings if one.test.replicates)
        if len(sides) > 1:
            yield Pair(folder.name.removeprefix("lesson-"), found.question, sides, _sentences(found))


def _side(standing: "Standing", places: ProjectPaths) -> Side:
    from rnnsweep.tracking import find_run

    metrics = find_run(places.mlruns, standing.run_id).metrics if standing.run_id else {}
    return Side(
        name=standing.architecture,
        test=standing.test.mean,
        replicates=standing.test.replicates,
        seconds=standing.seconds,
        activations=metrics.get(ACTIVATIONS),
    )


def _sentences(found: "Comparison") -> tuple[str, ...]:
    """Give the verdict of a pair in full; of more sides who is ahead, and what is told apart behind it."""
    if len(found.verdicts) == 1:
        return (found.verdicts[0].sentence,)
    leader = found.standings[0].architecture
    beaten: dict[str, list[str]] = {}
    for verdict in found.verdicts:
        if leader not in (verdict.a, verdict.b) and verdict.verdict in ("better", "worse"):
            winner, loser = (verdict.a, verdict.b) if verdict.verdict == "better" else (verdict.b, verdict.a)
            beaten.setdefault(winner, []).append(loser)
    behind = [f"{winner} is better than {' and '.join(losers)}" for winner, losers in beaten.items()]
    rest = (f"Of the others, {', '.join(behind)}.",) if behind else ()
    return (found.answer, *rest, f"{found.standings[0].test.replicates} paired replicates each.")
