"""How many rows of a table are the test part: of a small table more than usual, with a file or without."""

import math
from collections.abc import Sequence
from contextlib import suppress

from rnnsweep.config.overrides import read_overrides
from rnnsweep.data.config import DataConfig
from rnnsweep.data.summary.remarks import CorpusFacts
from rnnsweep.errors import UserError

FEW_TEST_ROWS = "more test rows than the usual 10 %, as a small test part shows only large differences"
_TEST_ROWS = 500  # fewer show on new rows only differences of several points
MOST_TEST = 0.3  # of the rows, for the test part


def larger_test_share(facts: CorpusFacts) -> str | None:
    """Return the setting that makes the test part of a small table larger than usual; else None."""
    rows = sum(part["rows"] or 0 for part in facts.parts.values())
    share = min(MOST_TEST, math.ceil(20 * _TEST_ROWS / max(1, rows)) / 20)
    return f"data.test_share={share}" if share > DataConfig().test_share else None


def share_of_overrides(overrides: Sequence[str]) -> str | None:
    """Return the same setting for the table that overrides name, where they leave its test part open.

    A table that cannot be read has none: what reads it next says why.
    """
    from rnnsweep.api.corpora.description import describe_data
    from rnnsweep.config import compose

    with suppress(UserError):
        chosen = compose(overrides).data
        given = {one.key for one in read_overrides(overrides)} & {
            "data.test",
            "data.test_share",
            "data.folds",
        }
        if chosen.corpus == "files" and not given and chosen.test is None and chosen.folds is None:
            return larger_test_share(describe_data(overrides)[1])
    return None
