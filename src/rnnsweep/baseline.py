"""The linear baseline: what words alone are worth, without their order and without a network.

Shapes: N rows, K outputs for each.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from string import punctuation
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnsweep.config import RunConfig
from rnnsweep.data import prepare, read_texts
from rnnsweep.data.tokens import Tokeniser
from rnnsweep.errors import UserError
from rnnsweep.tasks import LOSS, Facts, Score, Task
from rnnsweep.tasks.names import best_names, tested_names

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import Pipeline

_PUNCTUATION = frozenset(punctuation)


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
    note: str = ""  # what was done otherwise than usual

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
    """Fit TF-IDF of tokens and pairs of tokens, and the task's linear model, on a corpus's training part.

    Both are scikit-learn's; rows, split and tokens are those that the networks get (punctuation aside; of
    characters, runs of one to four). The penalty is the one with the best validation score.

    Raises:
        UserError: the corpus cannot be read.
    """
    began = time.perf_counter()
    train = read_texts(run.data, "train")
    validation = read_texts(run.data, "validation")
    spec, score = run.spec, run.score
    corpus = prepare(run.data)
    task = spec.make(run.task, Facts(corpus.labels, train[1]))
    words, counts = fit_vectoriser(corpus.tokeniser, train[0])
    fitted = [(_fit(task, words, counts, train[1], penalty=penalty), penalty) for penalty in spec.penalties]
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
        note="" if words.min_df > 1 else "no token is in two texts: those in one text count, too",
    )


def fit_vectoriser(tokeniser: Tokeniser, texts: Sequence[str]) -> "tuple[TfidfVectorizer, Any]":
    """Count the tokens of texts and their pairs; return what counts them, and the counts (texts x terms).

    A term counts that is in two texts or more; where there is none, one text is enough.

    Raises:
        UserError: no text has a token.
    """
    for min_df in (2, 1):
        words = make_vectoriser(tokeniser, min_df=min_df)
        try:
            return words, words.fit_transform(texts)
        except ValueError:  # no term is left
            continue
    raise UserError("the linear baseline cannot be fitted: no text of the training part has a token")


def make_vectoriser(tokeniser: Tokeniser, *, min_df: int = 2) -> "TfidfVectorizer":
    """Return scikit-learn's TF-IDF of a corpus's tokens and pairs of them, not fitted yet."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        tokenizer=partial(_terms, tokeniser),
        token_pattern=None,
        lowercase=False,  # the tokeniser does, where its rules say so
        ngram_range=(1, 4) if tokeniser.tokens == "characters" else (1, 2),
        sublinear_tf=True,
        min_df=min_df,
    )


def _terms(tokeniser: Tokeniser, text: str) -> list[str]:
    pieces = tokeniser.pieces(text)
    if tokeniser.tokens == "characters":
        return pieces
    return [piece for piece in pieces if piece not in _PUNCTUATION]


def _fit(task: Task, words: "TfidfVectorizer", counts: Any, targets_N: Any, *, penalty: float) -> "Pipeline":
    from sklearn.pipeline import make_pipeline

    return make_pipeline(words, task.baseline(penalty).fit(counts, targets_N))


def _values(
    run: RunConfig, task: Task, model: "Pipeline", texts: list[str], targets_N: Any
) -> dict[str, float]:
    """Compute the task's scores, and the mean loss, of the fitted model on some rows."""
    import torch

    outputs_NK, known_N = task.baseline_outputs(model, texts), torch.from_numpy(targets_N)
    loss = task.loss(outputs_NK, known_N) / max(task.weight(known_N), 1)
    return {**run.spec.values(task.counts(outputs_NK, known_N)), LOSS: float(loss)}
