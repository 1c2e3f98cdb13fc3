"""Remarks on labels that the validation or test part lacks, or has in another share than training."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rnnsweep.data.config import DataConfig
from rnnsweep.data.summary.remarks import Remark, listed

APART = 0.1  # difference of two shares that is told
ERRORS = 4  # standard errors of it, were rows drawn one by one: below, few rows may differ so
NAMED = 4  # labels that a part lacks


def remark_on_absent(
    labels: Mapping[str, Sequence[str]], given: Sequence[str], config: DataConfig, *, rare: int
) -> Iterator[Remark]:
    """Yield the labels of the training rows that the validation or the test part has no row of.

    Args:
        labels: part -> the label of each of its rows.
        given: parts that the user gives; the others are drawn.
        config: the settings of the corpus.
        rare: labels of so few rows in all are left to the remark on rare labels.
    """
    counts = {part: Counter(of_part) for part, of_part in labels.items()}
    total = sum(counts.values(), Counter[str]())
    trained = [label for label, _ in counts["train"].most_common() if total[label] > rare]
    lacking = {part: [one for one in trained if not counts[part][one]] for part in ("validation", "test")}
    found = [
        f"the {part} part has no row of {listed(names, NAMED)}" for part, names in lacking.items() if names
    ]
    if not found:
        return
    ways = []
    if lacking["validation"] and "validation" not in given:
        ways.append("a larger data.validation_share draws more validation rows")
    if lacking["test"] and "test" not in given and config.folds is None:
        ways.append("data.folds=5 tests each row in turn")
    yield Remark(
        "absent-label",
        f"{', and '.join(found)}: scores of a part say nothing of labels that it lacks, and its macro F1"
        f" counts such a label as 0 where it is predicted{''.join(f'; {way}' for way in ways)}",
    )


def remark_on_shares(labels: Mapping[str, Sequence[str]]) -> Iterator[Remark]:
    """Yield the label whose share of a part differs most from its share of the training rows.

    Args:
        labels: part -> the label of each of its rows.
    """
    found = [
        f"{label!r} has {own:.1%} of the {part} rows and {trained:.1%} of the training rows"
        for part in ("validation", "test")
        for label, own, trained in _farthest(labels[part], labels["train"])
    ]
    if found:
        yield Remark("label-shares", f"{'; '.join(found)}: scores of the parts differ by their labels, too")


def _farthest(of_part: Sequence[str], of_train: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    """Yield the label that differs most, and its two shares, where these are far apart."""
    if not of_part or not of_train:
        return
    part, train = Counter(of_part), Counter(of_train)
    shares = {name: (part[name] / len(of_part), train[name] / len(of_train)) for name in {*part, *train}}
    label = max(sorted(shares), key=lambda name: abs(shares[name][0] - shares[name][1]))
    own, trained = shares[label]
    both = (part[label] + train[label]) / (len(of_part) + len(of_train))
    error = (both * (1 - both) * (1 / len(of_part) + 1 / len(of_train))) ** 0.5
    if abs(own - trained) >= max(APART, ERRORS * error):
        yield label, own, trained
