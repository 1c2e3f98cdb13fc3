"""The linear baseline: what words alone are worth, without their order and without a network.

Shapes: N rows, K outputs for each.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnsweep.config import RunConfig
from rnnsweep.data import prepare, read_texts
from rnnsweep.tasks import LOSS, Facts, Score, Task
from rnnsweep.tasks.names import best_names, tested_names

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Baseline:
    """The scores of the fitted baseline; the test part was read once, for the penalty that was chosen."""

    score: Score  # by which the penalty was chosen on the validation part
    validation_values: Mapping[str, float]  # natural values: every score of the task, and the mean loss
    test_values: Mapping[str, float]
    parameters: int  # weights and biases of the linear model
    penalty: float
    seconds: float  # of all fits
    samples_per_second: float  # rows of the training part by the seconds of one fit

    @property
    def validation(self) -> float:
        """Natural value of the score on the validation part."""
        return self.validation_values[self.score.name]

    @property
    def test(self) -> float:
        """Natural value of the score on the test part."""
        return self.test_values[self.score.name]

    def summary(self) -> dict[str, Any]:
        """Return the one-number results by the names that they are recorded under."""
        return {
            **best_names(self.validation_values),
            **tested_names(self.test_values),
            "params_total": self.parameters,
            "time/seconds": self.seconds,
            "time/samples_per_second": self.samples_per_second,
        }

    def plain(self) -> dict[str, Any]:
        """Return the same as the outcome of a task holds it."""
        return {
            "validation": self.validation,
            "score": self.score.name,
            "direction": self.score.direction,
            **{f"validation_{name}": value for name, value in self.validation_values.items()},
            "test": self.test,
            **{f"test_{name}": value for name, value in self.test_values.items()},
            "parameters": self.parameters,
            "penalty": self.penalty,
            "seconds": self.seconds,
            "samples_per_second": self.samples_per_second,
        }


def fit_baseline(run: RunConfig) -> Baseline:
    """Fit TF-IDF of words and pairs of words, and the task's linear model, on a corpus's training part.

    Both are scikit-learn's; the rows and the split are those that the networks get. The penalty is the one
    with the best validation score.

    Raises:
        UserError: the corpus cannot be read.
    """
    began = time.perf_counter()
    train = read_texts(run.data, "train")
    validation = read_texts(run.data, "validation")
    spec, score = run.spec, run.score
    task = spec.make(run.task, Facts(prepare(run.data).labels, train[1]))
    fitted = [(_fit(task, *train, penalty=penalty), penalty) for penalty in spec.penalties]
    scored = [(_values(run, task, model, *validation), model, penalty) for model, penalty in fitted]
    best, model, penalty = max(
        scored, key=lambda entry: score.turned(entry[0][score.name])
    )  # first of equals
    seconds = time.perf_counter() - began
    regression = model.steps[-1][1]
    return Baseline(
        score=score,
        validation_values=best,
        test_values=_values(run, task, model, *read_texts(run.data, "test")),
        parameters=int(regression.coef_.size + np.size(regression.intercept_)),
        penalty=penalty,
        seconds=seconds,
        samples_per_second=len(train[0]) * len(spec.penalties) / seconds,
    )


def _fit(task: Task, texts: list[str], targets_N: Any, *, penalty: float) -> "Pipeline":
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    return make_pipeline(words, task.baseline(penalty)).fit(texts, targets_N)


def _values(
    run: RunConfig, task: Task, model: "Pipeline", texts: list[str], targets_N: Any
) -> dict[str, float]:
    """Compute the task's scores, and the mean loss, of the fitted model on some rows."""
    import torch

    outputs_NK, known_N = task.baseline_outputs(model, texts), torch.from_numpy(targets_N)
    loss = task.loss(outputs_NK, known_N) / max(task.weight(known_N), 1)
    return {**run.spec.values(task.counts(outputs_NK, known_N)), LOSS: float(loss)}
