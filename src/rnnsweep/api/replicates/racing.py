"""Who gets more replicates at a planned look: the race, from the outcomes of the replicates so far."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rnnsweep.engine.tasks import BASELINE, REPLICATE
from rnnsweep.sweepfile import Sweep
from rnnsweep.tasks import Score, score_named
from rnnsweep.tasks.names import tested
from rnnsweep.tasks.task import specs

if TYPE_CHECKING:
    from rnnsweep.comparison import Standing
    from rnnsweep.engine.agenda import Ended


def racing(asked: Sweep) -> "Callable[[Sequence[Ended]], tuple[Mapping[str, int], str]]":
    """Return what decides at each planned look of a sweep how many replicates each architecture gets."""

    def decide(over: "Sequence[Ended]") -> tuple[Mapping[str, int], str]:
        from rnnsweep.comparison import race

        standings, by_row, ended = _standings(over)
        if not any(s.replicates for s in standings if not s.baseline):
            return {}, ""
        margin = standings[0].score.margin or 0.0
        found = race(standings, sizes=asked.planned, margin=margin, correct=by_row, ended=ended)
        return found.wanted, found.sentences[-1] if found.sentences else ""

    return decide


def _standings(
    over: "Sequence[Ended]",
) -> "tuple[list[Standing], dict[str, dict[str, object]], dict[str, int]]":
    """Return a standing for each architecture, the rows that each replicate had right, and how many ended."""
    from rnnsweep.comparison import Replicate, Standing, TestScore
    from rnnsweep.comparison.predictions import read_predictions

    scores: dict[str, list[Replicate]] = {}
    rows: dict[str, dict[str, object]] = {}
    ended: dict[str, int] = {}
    score = score_named()
    for task, outcome in over:
        number = task.tags.get(REPLICATE)
        if number is None and (task.architecture != BASELINE or not task.reads_test):
            continue  # the baseline on the search's split, which has replicates
        ended[task.architecture] = ended.get(task.architecture, 0) + 1
        score = _score_of(outcome.scores) or score
        value = outcome.scores.get("test", outcome.scores.get(tested(score.name)))
        if outcome.state != "complete" or value is None:
            continue
        seed = number or "0"
        scores.setdefault(task.architecture, []).append(
            Replicate(seed, score.turned(float(value)), task.name)
        )
        predictions = read_predictions(task.files.predictions)
        if predictions is not None and score.rows is not None:
            own_N = score.rows(predictions.targets_N, predictions.predictions_N)
            rows.setdefault(task.architecture, {})[seed] = own_N
    standings = [
        Standing(
            architecture=name,
            spent={},
            validation=None,
            test=TestScore(None, None, None, len(own)),
            replicates=tuple(own),
            parameters=None,
            seconds=None,
            samples_per_second=None,
            baseline=name == BASELINE,
            score=score,
        )
        for name, own in scores.items()
    ]
    return standings, rows, ended


def _score_of(scores: Mapping[str, object]) -> Score | None:
    every = (score for spec in specs().values() for score in spec.scores)
    return next((score for score in every if score.name == scores.get("score")), None)
