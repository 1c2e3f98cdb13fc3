"""The linear baseline: what words alone are worth, without their order and without a network.

Shapes: N rows, K outputs for each.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from string import punctuation
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.config import RunConfig
from rnnsweep.data import prepare, read_texts
from rnnsweep.data.store import find_cache, made_once, read_json, write_json
from rnnsweep.data.tokens import Tokeniser
from rnnsweep.errors import UserError
from rnnsweep.tasks import LOSS, Facts, Score, Task
from rnnsweep.tasks.names import best_names, tested_names

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from torch import Tensor

VERSION = 1  # of what is fitted: raise it when a change makes cached fits wrong
SCORES, ROWS = "scores.json", "rows.npz"  # of a cached fit

_PUNCTUATION = frozenset(punctuation)


@dataclass(frozen=True)
class Baseline:
    """The scores of the fitted baseline; the test part is read once, for the penalty that was chosen."""

    score: Score  # by which the penalty was chosen on the validation part
    validation_values: Mapping[str, float]  # natural values: every score of the task, and the mean loss
    test_values: Mapping[str, float]  # empty where the test part was not read
    parameters: int  # weights and biases of the linear model
    penalty: float
    seconds: float  # of all fits
    samples_per_second: float  # rows of the training part by the seconds of one fit
    note: str = ""  # what was done otherwise than usual
    rows: Mapping[str, NDArray[Any]] | None = (
        None  # targets and answers of the test part, as a replicate keeps
    )

    @property
    def validation(self) -> float:
        """Natural value of the score on the validation part."""
        return self.validation_values[self.score.name]

    @property
    def test(self) -> float | None:
        """Natural value of the score on the test part; None where that was not read."""
        return self.test_values.get(self.score.name)

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
            **({} if self.test is None else {"test": self.test}),
            **{f"test_{name}": value for name, value in self.test_values.items()},
            "parameters": self.parameters,
            "penalty": self.penalty,
            "seconds": self.seconds,
            "samples_per_second": self.samples_per_second,
        }


def fit_baseline(run: RunConfig, *, test: bool = True, cache: Path | None = None) -> Baseline:
    """Fit TF-IDF of tokens and pairs of tokens, and the task's linear model, on a corpus's training part.

    Both are scikit-learn's; rows, split and tokens are those that the networks get (punctuation aside; of
    characters, runs of one to four). The penalty is the one with the best validation score. A fit is kept
    in the cache under its rows and their split: another sweep of the same corpus does not repeat it.

    Args:
        run: whose corpus, split, task and score are taken.
        test: score the test part, too.
        cache: folder of the cache; None is the user's.

    Raises:
        UserError: the corpus cannot be read, or the cache cannot be written.
    """
    corpus = prepare(run.data, cache)
    kind = [VERSION, version("scikit-learn"), asdict(run.task), run.score.name, test, run.data.tokens]
    known = json.dumps([*kind, corpus.digest, corpus.part_digests], default=str)
    place = find_cache(cache) / "baselines" / hashlib.sha256(known.encode()).hexdigest()[:32]
    return _read(made_once(place, lambda folder: _write(_fit_all(run, test=test), folder)), run.score)


def _write(fitted: Baseline, folder: Path) -> None:
    named = asdict(fitted)
    write_json(folder / SCORES, {name: named[name] for name in named if name not in ("score", "rows")})
    if fitted.rows is not None:
        np.savez_compressed(folder / ROWS, **fitted.rows)  # type: ignore[arg-type]


def _read(folder: Path, score: Score) -> Baseline:
    scores = read_json(folder / SCORES)
    if not (folder / ROWS).exists():
        return Baseline(score=score, **scores)
    with np.load(folder / ROWS, allow_pickle=False) as arrays:
        return Baseline(score=score, **scores, rows=dict(arrays))


def _fit_all(run: RunConfig, *, test: bool) -> Baseline:
    """Fit every penalty, choose one by the validation part, and score the test part with it."""
    began = time.perf_counter()
    texts, targets_N = read_texts(run.data, "train")
    validation = read_texts(run.data, "validation")
    spec, score = run.spec, run.score
    corpus = prepare(run.data)
    task = spec.make(run.task, Facts(corpus.labels, targets_N))
    words, train_NV = fit_vectoriser(corpus.tokeniser, texts)  # the same for every penalty
    validation_NV = words.transform(validation[0])
    fitted = [(task.baseline(penalty).fit(train_NV, targets_N), penalty) for penalty in spec.penalties]
    scored = [
        (_values(run, task, task.baseline_outputs(model, validation_NV), validation[1]), model, penalty)
        for model, penalty in fitted
    ]
    best, model, penalty = max(
        scored, key=lambda entry: score.turned(entry[0][score.name])
    )  # first of equals
    seconds = time.perf_counter() - began
    tested: dict[str, float] = {}
    rows = None
    if test:
        test_texts, test_targets_N = read_texts(run.data, "test")
        outputs_NK = task.baseline_outputs(model, words.transform(test_texts))
        tested = _values(run, task, outputs_NK, test_targets_N)
        numbers_N = np.arange(len(test_targets_N))
        rows = {"rows_N": numbers_N, "targets_N": np.asarray(test_targets_N), **task.answers(outputs_NK)}
    return Baseline(
        score=score,
        validation_values=best,
        test_values=tested,
        parameters=int(model.coef_.size + np.size(model.intercept_)),
        penalty=penalty,
        seconds=seconds,
        samples_per_second=len(texts) * len(spec.penalties) / seconds,
        rows=rows,
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


def _values(run: RunConfig, task: Task, outputs_NK: "Tensor", targets_N: Any) -> dict[str, float]:
    """Compute the task's scores, and the mean loss, of the fitted model on some rows."""
    import torch

    known_N = torch.from_numpy(targets_N)
    loss = task.loss(outputs_NK, known_N) / max(task.weight(known_N), 1)
    return {**run.spec.values(task.counts(outputs_NK, known_N)), LOSS: float(loss)}
