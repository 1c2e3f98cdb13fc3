"""What a sweep's replicates said of the test rows, the rows' groups, and their texts to show beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.comparison.evidence.replicate_scores import first_scored, fold_of, scored
from rnnsweep.comparison.trials import TEST_ROWS, overrides_of
from rnnsweep.config import compose, recorded_settings
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from rnnsweep.comparison.predictions import Predictions, ValidationPart
    from rnnsweep.data import EncodedCorpus
    from rnnsweep.data.large_groups import LargeGroups

GROUP = "data.group"


def predictions_of(table: "pd.DataFrame", folder: SweepFolder) -> "dict[str, Predictions]":
    """Return {run_id: predictions} of the complete replicates of a sweep whose files lie in its `folder`."""
    from rnnsweep.comparison.predictions import read_predictions
    from rnnsweep.trial.messages import task_name

    by_run = {}
    for row in scored(table).to_dict("records"):
        name = task_name(str(row["key"]), folder.name)
        predictions = read_predictions(folder.task(name).predictions)
        if predictions is not None:
            by_run[str(row["run_id"])] = predictions
    return by_run


@dataclass(frozen=True)
class TestRows:
    """What is known of the rows themselves, for the eye and for the groups among them."""

    __test__ = False  # no test case, whatever pytest thinks of the name
    labels: tuple[str, ...] = ()
    texts: "Callable[[Sequence[int]], list[str]] | None" = None
    groups_N: "NDArray[np.uint64] | None" = None  # with folds, of all that were tested, fold after fold
    large: "LargeGroups | None" = None  # the largest of these groups
    trained_N: "NDArray[Any] | None" = None  # targets of the training rows; of the first fold's
    data: tuple[str, ...] = ()  # what was read, a line each
    share: float | None = None  # of all rows, drawn for the test; 0: the rows are given; None: not known
    validation: "ValidationPart | None" = None  # the rows by which the search chose
    cut: float = 0.0  # share of the texts that are longer than what networks read
    are_known: bool = True  # False: rows belong together, and by what they do is not known any more


def read_test_rows(
    table: "pd.DataFrame", folder: SweepFolder, predictions: "Mapping[str, Predictions]"
) -> TestRows:
    """Read the classes' names, the test rows' groups, and what reads their texts.

    Where the corpus is not there, or has other test rows by now, the groups are those that replicates kept.
    The texts are for the eye, after every choice and score: no network reads them, so this counts as no read
    of the test part.
    """
    import numpy as np

    from rnnsweep.comparison.predictions import ValidationPart

    conf = folder.conf if folder.conf.is_dir() else None
    first = first_scored(table)
    corpus = _corpus(first["overrides"], conf) if first else None
    if corpus is None or not _are_rows_of(corpus, first, predictions.get(str(first["run_id"]))):
        return _kept(table, predictions)
    config, chosen_by = corpus.config, corpus.facts.parts["validation"]["rows"]
    drawn = config.validation_share if config.validation is None else None
    groups_N, large = _groups(corpus, table, predictions)
    return TestRows(
        corpus.labels,
        lambda rows: corpus.texts("test", rows=np.array(rows, dtype=np.int64)),
        groups_N,
        large,
        corpus.train.targets_N,
        corpus.facts.lines(f" of fold {config.fold} of {config.folds}" if config.folds else ""),
        0.0 if config.gives_test_rows else config.test_share,
        ValidationPart(chosen_by, drawn, corpus.units(corpus.groups("validation")) is not None)
        if chosen_by
        else None,
        corpus.facts.lengths["cut"],
    )


def _first_of_folds(
    table: "pd.DataFrame", predictions: "Mapping[str, Predictions]"
) -> "dict[int, Mapping[Any, Any]]":
    """Return the first run of each fold whose predictions are known, by the fold; 0 is all without folds."""
    of_fold: dict[int, Mapping[Any, Any]] = {}
    run: Mapping[Any, Any]
    for run in scored(table).to_dict("records"):
        if str(run["run_id"]) in predictions:
            of_fold.setdefault(fold_of(overrides_of(run["overrides"]))["fold"], run)
    return dict(sorted(of_fold.items()))


def _kept(table: "pd.DataFrame", predictions: "Mapping[str, Predictions]") -> TestRows:
    """Return what replicates kept of the test rows, for a corpus that is not there any more."""
    import numpy as np
    import pandas as pd

    column = first_scored(table).get(GROUP)
    if column == "" or pd.isna(column):
        return TestRows()
    kept = [predictions[str(run["run_id"])].groups_N for run in _first_of_folds(table, predictions).values()]
    known = [each for each in kept if each is not None]
    if known and len(known) == len(kept):
        return TestRows(groups_N=np.concatenate(known))
    gone = f"The table of the rows is gone or has other rows, and {GROUP}={column} was read from it:"
    return TestRows(data=(f"{gone} nothing is said of new rows",), are_known=False)


def _groups(
    corpus: "EncodedCorpus", table: "pd.DataFrame", predictions: "Mapping[str, Predictions]"
) -> "tuple[NDArray[np.uint64] | None, LargeGroups | None]":
    """Return the group of each test row, of all folds that were tested, and the largest groups.

    None where rows are independent, or a fold has other rows now.
    """
    import numpy as np

    from rnnsweep.data import prepare
    from rnnsweep.data.groups_of_parts import large_groups_of

    if corpus.config.folds is None:
        groups_N = corpus.units(corpus.groups("test"))
        return groups_N, None if groups_N is None else large_groups_of([(corpus, "test")], groups_N)
    tested = []
    for fold, run in _first_of_folds(table, predictions).items():
        try:
            own = prepare(replace(corpus.config, fold=fold))
        except (UserError, OSError):
            return None, None
        if not _are_rows_of(own, run, predictions[str(run["run_id"])]):
            return None, None
        tested.append(own)
    every_N = np.concatenate([own.groups("test") for own in tested]) if tested else None
    groups_N = None if every_N is None else corpus.units(every_N)
    if groups_N is None:
        return None, None
    return groups_N, large_groups_of([(own, "test") for own in tested], groups_N)


def _are_rows_of(corpus: "EncodedCorpus", run: "Mapping[Any, Any]", said: "Predictions | None") -> bool:
    """Return whether a run was tested on the test rows of a corpus as it is now; True where nothing tells."""
    import numpy as np

    from rnnsweep.data.rows import DRAWN

    tested = run.get(TEST_ROWS)
    if isinstance(tested, str) and tested.startswith(DRAWN) == corpus.tested.startswith(DRAWN):
        return tested == corpus.tested
    return said is None or np.array_equal(corpus.test().targets_N, said.targets_N)


def read_groups(overrides: "Sequence[str]", conf: Path | None) -> "NDArray[np.uint64] | None":
    """Return the group of each test row; None where rows are independent, or the corpus is not there."""
    corpus = _corpus(overrides, conf)
    return None if corpus is None else corpus.units(corpus.groups("test"))


def _corpus(overrides: "Sequence[str]", conf: Path | None) -> "EncodedCorpus | None":
    """Read the corpus of a run; None where it is not there any more."""
    from rnnsweep.data import prepare

    try:
        with recorded_settings():
            run = compose(list(overrides), conf=conf)
        return prepare(run.data, overrides=run.overrides)
    except (UserError, OSError):
        return None
