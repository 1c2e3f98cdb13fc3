"""What verdicts cover and what they do not, and the test part that they speak of, in words."""

from collections.abc import Sequence

from rnnsweep.comparison.evidence.records import Verdict
from rnnsweep.comparison.evidence.varied import say_others
from rnnsweep.comparison.predictions import TestPart
from rnnsweep.comparison.statistics.cross_validation import METHOD
from rnnsweep.comparison.statistics.new_rows import fewest_rows, reach_on_new_rows
from rnnsweep.data.large_groups import are_uneven

# why one comparison has two p, and why they differ
TWO_P = (
    "A pair has two p. The first asks whether the difference holds for other replicates on these test rows;"
    " the p on new rows asks whether it holds for other test rows, too. Better or worse needs both."
)
TWO_FAMILIES = (
    " False claims come to at most 5 % among the architectures, and to 5 % more against the baseline."
)
WORTH, TENS = 0.1, range(10, 10_000, 10)  # a difference, and the numbers of rows that may show it
# the luck of the search is in no verdict: each architecture is replicated in one configuration
ONE_SEARCH = "another search, even of the same size: the configurations are one search's choice"


def say_conclusion(
    verdicts: Sequence[Verdict], part: TestPart | None, *, vary: str = "", searched: bool = True
) -> str:
    """Return what the verdicts cover, and what they do not.

    Args:
        verdicts: of all pairs, and against the baseline.
        part: the test part, where it is known.
        vary: what replicates vary, as the sweep file says it.
        searched: a search chose the configurations; False: they were given.
    """
    if not verdicts:
        return ""
    varied = say_others(vary)
    rows = "the test rows that there were" if part is None else f"these {count_rows(part)}"
    fit = " The baseline is one fit: the verdicts against it speak of this fit alone."
    single = fit if any(v.single for v in verdicts) else ""
    equal = (
        " Equivalent speaks of these rows alone." if any(v.verdict == "equivalent" for v in verdicts) else ""
    )
    families = TWO_FAMILIES if len({v.baseline for v in verdicts}) > 1 else ""
    folds = max(v.folds for v in verdicts)
    aside = f" They do not speak of {ONE_SEARCH}." if searched else ""
    single += _say_large(part)
    if folds:
        return (
            f"Better and worse speak of rows drawn like these: each of {folds} folds is the test part in"
            f" turn, and the {METHOD} counts that they share training rows. The settings were chosen on the"
            f" first fold's training and validation rows, which are test rows of the other folds."
            f"{aside}{single}"
        )
    if all(v.new_rows is None for v in verdicts):
        unknown = "what holds on new rows is not known"
        return f"The verdicts speak of {varied}, and of {rows}; {unknown}.{aside}{single}"
    other = f"of larger searches, nor of {ONE_SEARCH}" if searched else "nor of other configurations"
    return (
        f"Better and worse speak of {varied}, and of new rows drawn like {rows}; not of training rows drawn "
        f"anew, of other corpora, {other}.{equal} {TWO_P}{families}{single}"
    )


def say_test_part(part: TestPart | None) -> str:
    """Return test rows, classes and the score of the largest class alone, in words."""
    if part is None:
        return ""
    classes = "" if part.classes is None else f", {part.classes} classes"
    largest = "" if part.majority is None else f", the largest {100 * part.majority:.1f} %"
    return f"{count_rows(part)}{classes}{largest}"


def say_few_rows(rows: int, majority: float, *, replicates: int, comparisons: int) -> str:
    """Return that no verdict on so few test rows is worth reading, and how many it takes; else nothing.

    Args:
        rows: of the test part, each a unit of its own: a group of rows is a mean, which may vary little.
        majority: share of the largest class.
        replicates: of each network.
        comparisons: of the larger family.

    Returns:
        One or two sentences.
    """
    fewest = fewest_rows(majority, comparisons=comparisons)
    if rows >= fewest or replicates < 2:
        return ""
    family = f"in {comparisons} comparisons" if comparisons > 1 else "in one comparison"
    reaches = (reach_on_new_rows(n, replicates=replicates, comparisons=comparisons) for n in TENS)
    enough = next((n for n, reach in zip(TENS, reaches, strict=False) if reach <= WORTH), TENS[-1])
    return (
        f"No verdict on {_rows(rows)} is worth reading: {family} even a network that is right on each of them"
        " is not shown to be better for new rows than one that names the largest class alone. It takes"
        f" {fewest} rows at least, and about {enough} to show {100 * WORTH:.0f} points."
    )


def say_few(verdicts: Sequence[Verdict], part: TestPart | None) -> str:
    """Return that no verdict on these test rows is worth reading, where they are so few; else nothing."""
    if part is None or part.groups is not None or part.majority is None:
        return ""
    if not verdicts or any(v.folds for v in verdicts):
        return ""
    family = max(sum(v.baseline == one for v in verdicts) for one in (False, True))
    most = max(v.pairs for v in verdicts)
    return say_few_rows(part.rows, part.majority, replicates=most, comparisons=family)


def _say_large(part: TestPart | None) -> str:
    """Name the largest groups, where groups count like clearly fewer, and what makes them count like more."""
    if part is None or part.large is None or not _are_uneven(part):
        return ""
    return f" The largest groups: {part.large}; {part.large.way} makes the rows count like more groups."


def _are_uneven(part: TestPart) -> bool:
    return part.groups is not None and part.counted is not None and are_uneven(part.groups, part.counted)


def _rows(number: int) -> str:
    return f"{number:,} test {'row' if number == 1 else 'rows'}"


def _folds(number: int) -> str:
    return "1 fold" if number == 1 else f"{number} folds"


def count_rows(part: TestPart) -> str:
    """Return how many test rows there are, in how many groups, and over how many folds."""
    rows, over = _rows(part.rows), "" if part.folds is None else f" over {_folds(part.folds)}"
    if part.groups is None:
        return f"{rows}{over}"
    counted = part.groups if part.counted is None else part.counted
    like = "1 group" if round(counted) == 1 else f"{counted:.0f} groups of equal size"
    uneven = f", which count like {like}" if _are_uneven(part) else ""
    return f"{rows} in {part.groups:,} groups{over}{uneven}"
