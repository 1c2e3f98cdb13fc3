"""The linear baseline: what tokens are worth almost without their order, and without a network.

Shapes: N rows, K outputs for each.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedCorpus, prepare, read_texts
from rnnsweep.data.store import find_cache, made_once, read_json, write_json
from rnnsweep.data.tokens import Tokeniser
from rnnsweep.errors import UserError
from rnnsweep.tasks import LOSS, Facts, Score, Task
from rnnsweep.tasks.names import best_names, tested_names

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from torch import Tensor

VERSION = 6  # of what is fitted: raise it when a change makes cached fits wrong
# training rows: of fewer, terms that are in one text alone are worth about a point of accuracy; of as many,
# nothing, and they take three times the time
MANY_ROWS = 20_000
# around the characters of a text: a network knows where it begins and ends. Single words need them
FIRST, LAST = "\x02", "\x03"
NO_TOKEN = "the linear baseline cannot be fitted: no text of the training part has a token"
SCORES, ROWS = "scores.json", "rows.npz"  # of a cached fit


@dataclass(frozen=True)
class Baseline:
    """The scores of the fitted baseline; the test part is read once, for the penalty that was chosen."""

    score: Score  # by which the penalty was chosen on the validation part
    validation_values: Mapping[str, float]  # natural values: every score of the task, and the mean loss
    test_values: Mapping[str, float]  # empty where the test part was not read
    parameters: int  # weights and biases of the linear model
    penalty: float
    seconds: float | None  # of all fits; None where they were read from the cache
    samples_per_second: float | None  # rows of the training part by the seconds of one fit
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
    """Fit TF-IDF and the task's linear model on a corpus's training part.

    Both are scikit-learn's; rows, split and tokens are those that the networks get, punctuation as well. The
    validation score chooses the penalty, and the terms: tokens with pairs of them, or tokens alone, which can
    be better where rows are few. Of characters, the terms are runs of one to four, with a mark at
    each end of the text. A fit is kept in the cache under its rows and their split: another sweep of the same
    corpus does not repeat it. A fit that was read from the cache has no seconds: it took them in another run.

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
    here: list[Path] = []  # the folder, where this call fits

    def build(folder: Path) -> None:
        here.append(folder)
        _write(_fit_all(run, corpus, cache, test=test), folder)

    fitted = _read(made_once(place, build), run.score)
    return fitted if here else replace(fitted, seconds=None, samples_per_second=None)


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


@dataclass(frozen=True)
class _Candidate:
    """A model fitted with one penalty on one kind of terms."""

    values: dict[str, float]  # on the validation part
    model: Any
    penalty: float
    words: "TfidfVectorizer"


def _fit_all(run: RunConfig, corpus: EncodedCorpus, cache: Path | None, *, test: bool) -> Baseline:
    """Fit all terms and penalties, choose by the validation part, and score the test part with the best."""
    began = time.perf_counter()
    texts, targets_N = read_texts(run.data, "train")
    _, validation_N = read_texts(run.data, "validation")
    spec, score = run.spec, run.score
    task = spec.make(run.task, Facts(corpus.labels, targets_N))
    terms = (True,) if corpus.tokeniser.tokens == "characters" else (True, False)
    counted = count_terms(corpus, cache)
    candidates = []
    for pairs in terms:
        words, train_NV, validation_NV = vectors_of_split(corpus, counted, pairs=pairs)
        model = None
        for penalty in spec.penalties:  # each fit begins where the one before it ended
            model = task.baseline(penalty, start=model).fit(train_NV, targets_N)
            values = _values(run, task, task.baseline_outputs(model, validation_NV), validation_N)
            candidates.append(_Candidate(values, model, penalty, words))
    best = max(candidates, key=lambda each: score.turned(each.values[score.name]))  # first of equals
    model, words = best.model, best.words
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
        validation_values=best.values,
        test_values=tested,
        parameters=int(model.coef_.size + np.size(model.intercept_)),
        penalty=best.penalty,
        seconds=seconds,
        samples_per_second=len(texts) * len(candidates) / seconds,
        rows=rows,
    )


class TermCounts(NamedTuple):
    """How often each text of the training and the validation part has each term."""

    counts_NV: Any
    terms: list[str]
    numbers_N: NDArray[np.int64]  # of the rows in the corpus, ascending


def vectors_of_split(
    corpus: EncodedCorpus, counted: TermCounts, *, pairs: bool = True
) -> "tuple[TfidfVectorizer, Any, Any]":
    """Weigh the terms of a split; return what does so for other texts, and training and validation vectors.

    The terms are tokens, and with `pairs` their pairs; of `MANY_ROWS` training rows or more, those that are
    in two texts at least. The vectors are those of `make_vectoriser` fitted on the training texts, but for
    the order in which squares are added.

    Raises:
        UserError: no text of the training part has a token.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    counts_NV, terms, numbers_N = counted
    if not pairs:
        single = [column for column, term in enumerate(terms) if " " not in term]
        counts_NV, terms = counts_NV[:, single], [terms[column] for column in single]
    train_NV, validation_NV = (
        counts_NV[np.searchsorted(numbers_N, corpus.rows(part))] for part in ("train", "validation")
    )
    texts_V = np.bincount(train_NV.indices, minlength=len(terms))  # training texts with each term
    min_df = 2 if train_NV.shape[0] >= MANY_ROWS and np.any(texts_V >= 2) else 1
    kept = np.flatnonzero(texts_V >= min_df)
    if not len(kept):
        raise UserError(NO_TOKEN)
    words = make_vectoriser(
        corpus.tokeniser, min_df=min_df, terms=[terms[k] for k in kept.tolist()], pairs=pairs
    )
    weigh = TfidfTransformer(sublinear_tf=True)
    vectors = weigh.fit_transform(train_NV[:, kept]), weigh.transform(validation_NV[:, kept])
    words.idf_ = weigh.idf_
    return words, *vectors


def count_terms(corpus: EncodedCorpus, cache: Path | None = None) -> TermCounts:
    """Count all terms in the training and validation rows.

    What a text counts does not depend on the split, so the counts of the rows of both parts are kept in the
    cache, and another split of the same rows selects from them.

    Raises:
        UserError: no text has a token.
    """
    from scipy.sparse import load_npz, save_npz

    numbers_N = np.concatenate([corpus.rows(part) for part in ("train", "validation")])
    order_N = np.argsort(numbers_N)
    rows = hashlib.sha256(np.ascontiguousarray(numbers_N[order_N]).data).hexdigest()
    known = json.dumps([VERSION, version("scikit-learn"), corpus.digest, asdict(corpus.tokeniser), rows])
    place = find_cache(cache) / "counts" / hashlib.sha256(known.encode()).hexdigest()[:32]

    def build(folder: Path) -> None:
        texts = [*corpus.texts("train"), *corpus.texts("validation")]
        words = make_vectoriser(corpus.tokeniser)
        try:  # its counts alone, not yet weighed
            counts_NV = super(type(words), words).fit_transform([texts[n] for n in order_N.tolist()])
            terms = words.get_feature_names_out().tolist()
        except ValueError as error:  # no text has a token
            raise UserError(NO_TOKEN) from error
        save_npz(folder / "counts.npz", counts_NV.astype(np.int32), compressed=False)
        write_json(folder / "terms.json", terms)

    folder = made_once(place, build)
    counts_NV = load_npz(folder / "counts.npz").tocsr().astype(np.float64)
    return TermCounts(counts_NV, read_json(folder / "terms.json"), numbers_N[order_N])


def make_vectoriser(
    tokeniser: Tokeniser, *, min_df: int = 1, terms: Sequence[str] | None = None, pairs: bool = True
) -> "TfidfVectorizer":
    """Return scikit-learn's TF-IDF of a corpus's tokens and pairs of them, not fitted yet.

    Args:
        tokeniser: cuts texts into tokens.
        min_df: texts that a term must be in.
        terms: the terms, where they are known already.
        pairs: count pairs of tokens beside the tokens.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        tokenizer=partial(_marked, tokeniser) if tokeniser.tokens == "characters" else tokeniser.pieces,
        token_pattern=None,
        lowercase=False,  # the tokeniser does, where its rules say so
        ngram_range=(1, 4) if tokeniser.tokens == "characters" else (1, 1 + pairs),
        sublinear_tf=True,
        min_df=min_df,
        vocabulary=terms,
    )


def _marked(tokeniser: Tokeniser, text: str) -> list[str]:
    pieces = tokeniser.pieces(text)
    return [FIRST, *pieces, LAST] if pieces else []


def _values(run: RunConfig, task: Task, outputs_NK: "Tensor", targets_N: Any) -> dict[str, float]:
    """Compute the task's scores, and the mean loss, of the fitted model on some rows."""
    import torch

    known_N = torch.from_numpy(targets_N)
    loss = task.loss(outputs_NK, known_N) / max(task.weight(known_N), 1)
    return {**run.spec.values(task.counts(outputs_NK, known_N)), LOSS: float(loss)}
