"""Who gets more replicates at a planned look: the race, from the outcomes of the replicates so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rnnsweep import comparison
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.model import BASELINE
from rnnsweep.tasks import Score, score_named
from rnnsweep.tasks.names import tested
from rnnsweep.tasks.task import specs
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rnnsweep.engine.run import LookDecision
    from rnnsweep.engine.scheduling.agenda import Ended


def racing(asked: Sweep, folder: SweepFolder) -> "Callable[[Sequence[Ended]], LookDecision]":
    """Return what decides at each planned look of a sweep how many replicates each architecture gets."""

    def decide(over: "Sequence[Ended]") -> "LookDecision":
        from rnnsweep.api.comparing.answers import plan_of
        from rnnsweep.comparison.verdicts.standings import margin_of
        from rnnsweep.engine.run import LookDecision

        standings, by_row, ended = _standings(over)
        if not any(s.replicates for s in standings if not s.baseline):
            return LookDecision({})
        margin = margin_of(standings[0].score, standings)
        plan = plan_of(folder, asked)
        if plan.sizes != asked.planned:  # what the first look planned is what the verdicts go by
            return LookDecision(dict.fromkeys((s.architecture for s in standings), asked.planned[-1]))
        decision = comparison.race(
            standings, plan=plan, margin=margin, correct=by_row, groups=_groups(over), ended=ended
        )
        sentence = decision.sentences[-1] if decision.sentences else ""
        return LookDecision(decision.wanted, sentence, [asdict(stop) for stop in decision.stopped])

    return decide


def _standings(
    over: "Sequence[Ended]",
) -> "tuple[list[comparison.Standing], dict[str, dict[str, NDArray[Any]]], dict[str, int]]":
    """Return a standing for each architecture, the rows that each replicate had right, and how many ended."""
    from rnnsweep.comparison.evidence.replicate_scores import fold_of
    from rnnsweep.comparison.evidence.tested_rows import in_one_form
    from rnnsweep.comparison.predictions import read_predictions

    scores: dict[str, list[comparison.Replicate]] = {}
    settings: dict[str, tuple[str, ...]] = {}
    rows: dict[str, dict[str, NDArray[Any]]] = {}
    ended: dict[str, int] = {}
    score = score_named()
    for task, outcome in over:
        number = task.tags.get(Tag.REPLICATE)
        if number is None and (task.architecture != BASELINE or not task.reads_test):
            continue  # the baseline on the search's split, which has replicates
        ended[task.architecture] = ended.get(task.architecture, 0) + 1
        score = _score_of(outcome.scores) or score
        value = outcome.scores.get("test", outcome.scores.get(tested(score.name)))
        if outcome.state != "complete" or value is None:
            continue
        seed = number or "0"
        scores.setdefault(task.architecture, []).append(
            comparison.Replicate(
                seed,
                score.turned(float(value)),
                task.name,
                **fold_of(task.overrides),  # type: ignore[arg-type]  # "fold" and "folds" alone
                tested=str(outcome.scores.get("test_rows", "")),
            )
        )
        settings[task.architecture] = task.overrides
        predictions = read_predictions(task.files.predictions)
        rows_differ = "data.folds" in {override.partition("=")[0] for override in task.overrides}
        if predictions is not None and score.rows is not None and not rows_differ:
            own_N = score.rows(predictions.targets_N, predictions.predictions_N)
            rows.setdefault(task.architecture, {})[seed] = own_N
    standings = [
        comparison.Standing(
            architecture=name,
            spent={},
            validation=None,
            test=comparison.TestScore(sum(r.test for r in own) / len(own), None, None, len(own)),
            replicates=tuple(own),
            parameters=None,
            seconds=None,
            samples_per_second=None,
            overrides=settings[name],
            baseline=name == BASELINE,
            score=score,
        )
        for name, own in scores.items()
    ]
    return list(in_one_form(standings)), rows, ended


def _score_of(scores: Mapping[str, object]) -> Score | None:
    every = (score for spec in specs().values() for score in spec.scores)
    return next((score for score in every if score.name == scores.get("score")), None)


def _groups(over: "Sequence[Ended]") -> "NDArray[np.uint64] | None":
    """Return the groups of the test rows, where the sweep's data has any."""
    from rnnsweep.comparison.rows_of_test_part import read_groups

    task = over[0][0]
    return read_groups(task.overrides, task.conf)
