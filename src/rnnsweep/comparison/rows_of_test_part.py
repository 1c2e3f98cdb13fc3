"""What a sweep's replicates said of the test rows, the rows' groups, and their texts to show beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.config import compose, recorded_settings
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from rnnsweep.comparison.predictions import Predictions
    from rnnsweep.config import RunConfig
    from rnnsweep.data import EncodedCorpus


def predictions_of(table: "pd.DataFrame", folder: SweepFolder) -> "dict[str, Predictions]":
    """Return {run_id: predictions} of the complete replicates of a sweep whose files lie in its `folder`."""
    from rnnsweep.comparison.predictions import read_predictions
    from rnnsweep.trial.messages import task_name

    by_run = {}
    for row in _scored(table).to_dict("records"):
        name = task_name(str(row["key"]), folder.name)
        predictions = read_predictions(folder.task(name).predictions)
        if predictions is not None:
            by_run[str(row["run_id"])] = predictions
    return by_run


def _scored(table: "pd.DataFrame") -> "pd.DataFrame":
    """The complete replicates and fits of the baseline."""
    return table[table["role"].isin(["replicate", "baseline"]) & (table["state"] == "complete")]


@dataclass(frozen=True)
class TestRows:
    """What is known of the rows themselves, for the eye and for the groups among them."""

    __test__ = False  # no test case, whatever pytest thinks of the name
    labels: tuple[str, ...] = ()
    texts: "Callable[[Sequence[int]], list[str]] | None" = None
    groups_N: "NDArray[np.uint64] | None" = None
    data: tuple[str, ...] = ()  # what was read, a line each
    share: float | None = None  # of all rows, drawn for the test; 0: the rows are given; None: not known


def read_test_rows(table: "pd.DataFrame", folder: SweepFolder) -> TestRows:
    """Read the classes' names, the test rows' groups, and what reads their texts; nothing without the corpus.

    The texts are for the eye, after every choice and score: no network reads them, so this counts as no
    read of the test part.
    """
    import numpy as np

    from rnnsweep.comparison.evidence.replicate_scores import fold_of

    conf = folder.conf if folder.conf.is_dir() else None
    first = min(_scored(table)["overrides"], key=lambda each: fold_of(each)["fold"], default=None)
    run = None if first is None else _recorded(first, conf)
    corpus = _corpus(run)
    if run is None or corpus is None:
        return TestRows()
    return TestRows(
        corpus.labels,
        lambda rows: corpus.texts("test", rows=np.array(rows, dtype=np.int64)),
        corpus.groups("test"),
        corpus.facts.lines(),
        0.0 if run.data.gives_test_rows else run.data.test_share,
    )


def read_groups(overrides: "Sequence[str]", conf: Path | None) -> "NDArray[np.uint64] | None":
    """Return the group of each test row; None where no column groups rows, or the corpus is not there."""
    run = _recorded(overrides, conf)
    corpus = None if run is None or run.data.group is None else _corpus(run)
    return None if corpus is None else corpus.groups("test")


def _recorded(overrides: "Sequence[str]", conf: Path | None) -> "RunConfig | None":
    try:
        with recorded_settings():
            return compose(list(overrides), conf=conf)
    except (UserError, OSError):
        return None


def _corpus(run: "RunConfig | None") -> "EncodedCorpus | None":
    from rnnsweep.data import prepare

    try:
        return None if run is None else prepare(run.data)
    except (UserError, OSError):
        return None
