"""Whether a recurrent network is needed at all, where one without recurrence was compared with others."""

from collections.abc import Iterator, Sequence

import pandas as pd

from rnnsweep.comparison.beside import tied_first, words_against
from rnnsweep.comparison.evidence.records import HERE, HealthRemark, Standing, Verdict
from rnnsweep.errors import UserError
from rnnsweep.networks.cells import find_cell

CELL = "model.cell"


def without_recurrence(
    runs: pd.DataFrame, standings: Sequence[Standing], verdicts: Sequence[Verdict]
) -> Iterator[HealthRemark]:
    """Say of a network without recurrence that no recurrent one is shown to be better.

    Args:
        runs: the sweep's runs, in the columns of `tracking.runs()`.
        standings: best first.
        verdicts: of all pairs.
    """
    networks = [s for s in standings if not s.baseline and s.test.replicates > 1]
    compared = [s.architecture for s in networks]
    plain = plain_networks(runs, compared)
    recurrent = [name for name in compared if name not in plain]
    for name in plain if recurrent else ():
        words = words_against(name, verdicts)
        if "worse" in (words.get(one) for one in recurrent):
            continue
        tied = tied_first(networks)
        leads = tied[0] == name and not set(tied) & set(recurrent)
        here = f"worse{HERE}" == words.get(recurrent[0])
        where = " on new rows" if here else ""
        place = "leads" if leads else f"is not shown to be worse than {recurrent[0]}{where}"
        yield HealthRemark(
            f"{name} has no recurrence, so it cannot use the order of words, and {place}: these runs do not "
            "show that a recurrent network is needed.",
            "",
            name,
        )


def plain_networks(runs: pd.DataFrame, architectures: Sequence[str]) -> list[str]:
    """Return those architectures that have no recurrence."""
    return [name for name in architectures if not _is_recurrent(runs, name)]


def _is_recurrent(runs: pd.DataFrame, architecture: str) -> bool:
    """Return whether an architecture's cell steps through a text; True where its cell is not known."""
    if CELL not in runs:
        return True
    cells = runs.loc[runs["architecture"] == architecture, CELL].dropna()
    try:
        return not len(cells) or find_cell(str(cells.iloc[0])).equations is not None
    except UserError:  # a cell of the user's own that is gone since
        return True
