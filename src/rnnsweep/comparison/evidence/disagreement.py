"""Where the search's validation scores and the test replicates name different architectures."""

from collections.abc import Sequence

import numpy as np

from rnnsweep.comparison.evidence.records import Standing


def say_disagreement(standings: Sequence[Standing]) -> str:
    """Return whom each of the two names; nothing where they agree, or where there are no replicates.

    Args:
        standings: best first.
    """
    networks = [s for s in standings if not s.baseline and s.validation is not None]
    if len(networks) < 2 or networks[0].test.replicates < 2:
        return ""
    chosen = max(networks, key=lambda s: s.validation or 0.0)
    ahead = networks[0]
    if chosen.validation == ahead.validation or chosen.test.mean == ahead.test.mean:
        return ""
    write, first, second = ahead.score.write, chosen.architecture, ahead.architecture
    return (
        f"The search's best validation score is that of {first} ({write(chosen.validation)}; {second} "
        f"{write(ahead.validation)}), the test replicates put {second} ahead: `best` and the champion follow "
        "the replicates."
    )


def unchosen_gap(standing: Standing) -> float | None:
    """Mean validation score less mean test score of the replicates that have both."""
    own = [one.validation - one.test for one in standing.replicates if one.validation is not None]
    return float(np.mean(own)) if own else None
