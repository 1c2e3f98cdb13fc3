"""What a sweep's replicates said of the test rows, and those rows' texts to show beside it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder

if TYPE_CHECKING:
    import pandas as pd

    from rnnsweep.comparison.predictions import Predictions


def predictions_of(table: "pd.DataFrame", folder: SweepFolder) -> "dict[str, Predictions]":
    """Give {run_id: predictions} of the complete replicates of a sweep whose files lie in its `folder`."""
    from rnnsweep.comparison.predictions import read_predictions
    from rnnsweep.trial.messages import task_name

    found = {}
    for row in _scored(table):
        name = task_name(str(row["key"]), folder.name)
        predictions = read_predictions(folder.task(name).predictions)
        if predictions is not None:
            found[str(row["run_id"])] = predictions
    return found


def _scored(table: "pd.DataFrame") -> list[dict[Any, Any]]:
    """The complete replicates and fits of the baseline."""
    done = table[table["role"].isin(["replicate", "baseline"]) & (table["state"] == "complete")]
    return done.to_dict("records")


def _replicates(table: "pd.DataFrame") -> list[dict[Any, Any]]:
    done = table[(table["role"] == "replicate") & (table["state"] == "complete")]
    return done.to_dict("records")


def labels_and_texts(
    table: "pd.DataFrame", folder: SweepFolder
) -> "tuple[tuple[str, ...], Callable[[Sequence[int]], list[str]] | None]":
    """Give the classes' names and a reader of test rows' texts; nothing where the corpus is not there.

    The texts are for the eye, after every choice and score: no network reads them, so this counts as no
    look at the test part.
    """
    import numpy as np

    from rnnsweep.data import prepare

    done = _replicates(table)
    if not done:
        return (), None
    conf = folder.conf
    try:
        corpus = prepare(compose(list(done[0]["overrides"]), conf=conf if conf.is_dir() else None).data)
    except (UserError, OSError):
        return (), None
    return corpus.labels, lambda rows: corpus.texts("test", rows=np.array(rows, dtype=np.int64))
