"""The linear baseline: what words alone are worth, without their order and without a network.

Shapes: N texts, C classes.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnsweep.data import read_texts
from rnnsweep.data.config import DataConfig

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PENALTIES = (1.0, 10.0)  # scikit-learn's C; the better one on the validation part is kept


@dataclass(frozen=True)
class Baseline:
    """The scores of the fitted baseline; the test part was read once, for the penalty that was kept."""

    validation: float  # accuracy
    validation_macro_f1: float
    validation_loss: float  # mean cross-entropy in nats
    test: float
    test_macro_f1: float
    test_loss: float
    parameters: int  # weights and biases of the logistic regression
    penalty: float
    seconds: float  # of all fits
    samples_per_second: float  # rows of the training part by the seconds of one fit


def fit_baseline(config: DataConfig) -> Baseline:
    """Fit TF-IDF of words and pairs of words, and a logistic regression, on a corpus's training part.

    Both are scikit-learn's; the rows and the split are those that the networks get.

    Raises:
        UserError: the corpus cannot be read.
    """
    began = time.perf_counter()
    train = read_texts(config, "train")
    validation = read_texts(config, "validation")
    fitted = [(_fit(*train, penalty=penalty), penalty) for penalty in PENALTIES]
    scored = [(_score(model, *validation), model, penalty) for model, penalty in fitted]
    best, model, penalty = max(scored, key=lambda entry: entry[0]["accuracy"])  # the first of equals
    seconds = time.perf_counter() - began
    test = _score(model, *read_texts(config, "test"))
    regression = model.steps[-1][1]
    return Baseline(
        validation=best["accuracy"],
        validation_macro_f1=best["macro_f1"],
        validation_loss=best["loss"],
        test=test["accuracy"],
        test_macro_f1=test["macro_f1"],
        test_loss=test["loss"],
        parameters=int(regression.coef_.size + regression.intercept_.size),
        penalty=penalty,
        seconds=seconds,
        samples_per_second=len(train[0]) * len(PENALTIES) / seconds,
    )


def _fit(texts: list[str], targets_N: Any, *, penalty: float) -> "Pipeline":
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    return make_pipeline(words, LogisticRegression(C=penalty, max_iter=2000)).fit(texts, targets_N)


def _score(model: "Pipeline", texts: list[str], targets_N: Any) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    probabilities_NC = model.predict_proba(texts)
    predictions_N = model.classes_[probabilities_NC.argmax(1)]
    return {
        "accuracy": float(accuracy_score(targets_N, predictions_N)),
        "macro_f1": float(f1_score(targets_N, predictions_N, average="macro")),
        "loss": float(log_loss(targets_N, probabilities_NC, labels=model.classes_)),
    }
