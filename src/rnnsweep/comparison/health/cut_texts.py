"""Whether the baseline, which reads whole texts, is compared with networks that read a part of them."""

from collections.abc import Iterator, Sequence

import pandas as pd

from rnnsweep.comparison.beside import words_against
from rnnsweep.comparison.evidence.records import HealthRemark, Standing, Verdict
from rnnsweep.comparison.health.convergence import NEW_SWEEP, PLAN

MANY = 0.2  # of the texts
LENGTH = "data.max_length"


def cut_texts(
    runs: pd.DataFrame, standings: Sequence[Standing], verdicts: Sequence[Verdict], *, share: float
) -> Iterator[HealthRemark]:
    """Yield that networks read a part of many texts, where none is better than the baseline.

    Args:
        runs: the sweep's runs, in the columns of `tracking.runs()`.
        standings: of the networks and the baseline.
        verdicts: of all pairs, and against the baseline.
        share: of the texts, that are longer than networks read; known of one length alone.
    """
    linear = next((s.architecture for s in standings if s.baseline and s.replicates), None)
    words = words_against(linear, verdicts).values() if linear else ()
    if share < MANY or LENGTH not in runs or not words or any(one.startswith("worse") for one in words):
        return
    lengths = runs.loc[runs["role"] == "replicate", LENGTH].dropna().unique()
    if len(lengths) == 1:
        longer = f"{100 * share:.1f} % of the texts have more than {LENGTH}={int(float(lengths[0]))} tokens"
        yield HealthRemark(
            f"{longer}: networks read that many of each, and the {linear} baseline reads whole texts: what is"
            " beyond may count for it.",
            f"write {NEW_SWEEP}a larger {LENGTH} or data.cut=both under `overrides:`; then: {PLAN}",
        )
