"""What networks got wrong on the test part: confusions, and the texts where the best two disagree.

Shapes: N test rows, R replicates, C classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnsweep.comparison.predictions import Predictions

SHOWN = 6  # examples for each of the two
LONGEST = 400  # characters of an example's text

Texts = Callable[[Sequence[int]], Sequence[str]]  # the texts of some test rows


@dataclass(frozen=True)
class Example:
    """A test row that `a` gets right more often than `b`; shares of their replicates."""

    row: int
    label: str
    a: str
    b: str
    right_a: float
    right_b: float
    says_b: str  # the most frequent wrong answer of b
    text: str = ""


@dataclass(frozen=True)
class Mistakes:
    """The confusions of each architecture, summed over replicates, and examples of the best two."""

    labels: tuple[str, ...]
    confusion: Mapping[str, NDArray[np.int64]]  # counts_CC, true label by prediction
    examples: tuple[Example, ...]
    voters: int = 0  # replicates of each of the two that were tested on the rows of the examples, at most


def find_mistakes(
    *parts: Mapping[str, Mapping[str, Predictions]],
    labels: Sequence[str] = (),
    texts: Texts | None = None,
) -> Mistakes | None:
    """Count the confusions, and choose the rows that part the first two architectures most.

    Args:
        parts: {architecture: {seed: predictions}} of one test part, the best architecture first; with folds
            one for each. The confusions are of all parts, the examples are rows of the first.
        labels: the classes' names; numbers stand for those that are missing.
        texts: gives the texts of rows; None leaves the examples without.
    """
    every = [p for part in parts for own in part.values() for p in own.values()]
    if not every or not all(p.are_classes for p in every):
        return None
    classes = 1 + max(int(max(p.targets_N.max(), p.predictions_N.max())) for p in every)
    names = (*labels, *map(str, range(len(labels), classes)))
    of_name: dict[str, list[Predictions]] = {}
    for name, own in ((name, own) for part in parts for name, own in part.items()):
        of_name.setdefault(name, []).extend(own.values())
    confusion = {name: _confusion(own, len(names)) for name, own in of_name.items()}
    examples = _examples(parts[0], names)
    voters = max((len(own) for own in list(parts[0].values())[:2]), default=0)
    return Mistakes(names, confusion, _with_texts(examples, texts), voters)


def _confusion(own: Sequence[Predictions], classes: int) -> NDArray[np.int64]:
    counts_CC = np.zeros((classes, classes), dtype=np.int64)
    for p in own:
        np.add.at(counts_CC, (p.targets_N, p.predictions_N), 1)
    return counts_CC


def _examples(predictions: Mapping[str, Mapping[str, Predictions]], labels: Sequence[str]) -> list[Example]:
    if len(predictions) < 2:
        return []
    best, second = list(predictions)[:2]
    a, b = (_Majority.of(name, predictions[name], len(labels)) for name in (best, second))
    targets_N = next(iter(predictions[best].values())).targets_N
    return [
        example for first, other in ((a, b), (b, a)) for example in _won_by(first, other, targets_N, labels)
    ]


@dataclass(frozen=True)
class _Majority:
    """What the replicates of one architecture say together."""

    name: str
    right_N: NDArray[np.float64]  # share of the replicates that are right
    wrong_N: NDArray[np.int64]  # the most frequent wrong answer

    @staticmethod
    def of(name: str, own: Mapping[str, Predictions], classes: int) -> "_Majority":
        said_RN = np.stack([p.predictions_N for p in own.values()])
        targets_N = next(iter(own.values())).targets_N
        votes_CN = np.stack([(said_RN == c).sum(axis=0) for c in range(classes)])
        votes_CN[targets_N, np.arange(len(targets_N))] = -1
        return _Majority(name, (said_RN == targets_N).mean(axis=0), votes_CN.argmax(axis=0))


def _won_by(a: _Majority, b: _Majority, targets_N: NDArray[np.int64], labels: Sequence[str]) -> list[Example]:
    """The rows where most replicates of a are right and most of b wrong, the clearest first."""
    lead_N = a.right_N - b.right_N
    clear = np.flatnonzero((a.right_N > 0.5) & (b.right_N < 0.5))
    order = clear[np.argsort(-lead_N[clear], kind="stable")][:SHOWN]
    return [
        Example(
            row=int(n),
            label=labels[targets_N[n]],
            a=a.name,
            b=b.name,
            right_a=float(a.right_N[n]),
            right_b=float(b.right_N[n]),
            says_b=labels[b.wrong_N[n]],
        )
        for n in order
    ]


def _with_texts(examples: Sequence[Example], texts: Texts | None) -> tuple[Example, ...]:
    if texts is None or not examples:
        return tuple(examples)
    example_texts = texts([e.row for e in examples])
    return tuple(replace(e, text=_short(text)) for e, text in zip(examples, example_texts, strict=True))


def _short(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= LONGEST else f"{joined[:LONGEST].rsplit(' ', 1)[0]} …"
