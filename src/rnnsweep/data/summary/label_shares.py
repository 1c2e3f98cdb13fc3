"""A remark on labels whose share of the validation or test part is far from that of the training part."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rnnsweep.data.summary.remarks import Remark

APART = 0.1  # difference of two shares that is told
ERRORS = 4  # standard errors of it, were rows drawn one by one: below, few rows may differ so


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
