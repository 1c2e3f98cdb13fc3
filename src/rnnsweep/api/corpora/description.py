"""What is in the corpus of a run, or of each architecture of a sweep, before anything is trained on it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnsweep import data
from rnnsweep.api.find_sweep import find_question, started
from rnnsweep.config import compose, quote, recorded_settings
from rnnsweep.config.overrides import read_overrides
from rnnsweep.data.groups_of_parts import large_groups_of
from rnnsweep.data.large_groups import LargeGroups, are_uneven
from rnnsweep.data.summary.remarks import CorpusFacts
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep


@dataclass(frozen=True)
class Guess:
    """Which columns were found by their values."""

    settings: tuple[str, ...] = ()  # as data.label=stars
    others: Mapping[str, int] = field(default_factory=dict)  # that may be the label too -> number of values


def describe_data(overrides: Sequence[str] = (), *, conf: Path | None = None) -> "tuple[str, CorpusFacts]":
    """Read the corpus of a run, as ``rnnsweep data`` does; return its name and what is in it.

    Raises:
        UserError: the configuration or the data cannot be used.
    """
    run = compose(overrides, conf=conf)
    corpus = data.prepare(run.data, overrides=run.overrides)
    return corpus.name, corpus.facts


def describe_guessing(overrides: Sequence[str]) -> "tuple[str, CorpusFacts, Guess]":
    """Read the corpus of a run; columns that are neither named nor known by name are found by their values.

    Returns:
        Its name, what is in it, and the columns that were found.

    Raises:
        UserError: the configuration or the data cannot be used, or the values say nothing.
    """
    try:
        return *describe_data(overrides), Guess()
    except data.NoColumn as error:
        named = {override.partition("=")[0] for override in overrides}
        guessed = tuple(quote(key, value) for key, value in error.likely.items() if key not in named)
        if not guessed:
            raise
        return *describe_data([*overrides, *guessed]), Guess(guessed, error.others)


def say_repeating(overrides: Sequence[str]) -> str:
    """Return which columns of the first training file may group rows by their values, if any.

    Nothing where `data.group` is among the overrides, ``data.group=null`` too: that is decided.
    """
    run = compose(overrides)
    config = run.data
    if data.decides_group(run.overrides) or config.train is None:
        return ""
    file = data.columns_read(config)
    return data.say_repeating(file.path, config, [*file.columns, file.label])


def say_repeating_of(question: str | Path, overrides: Sequence[str] = ()) -> str:
    """Return the same of a sweep's first architecture, with other settings of its data."""
    places = find_paths()
    sweep = find_question(question, places)
    with recorded_settings(SweepFolder.of(places.mlruns, sweep.name).start() is not None):
        return say_repeating([*sweep.chosen(sweep.architectures[0]), *overrides])


def describe_sweep_data(question: str | Path, overrides: Sequence[str] = ()) -> "dict[str, CorpusFacts]":
    """Return what is in each corpus that `read_sweep_data` reads, by its name."""
    return {name: corpus.facts for name, corpus in read_sweep_data(question, overrides).items()}


@dataclass(frozen=True)
class Groups:
    """Groups of rows, and how many groups of equal size they are like."""

    number: int
    counted: float  # whose mean is as uncertain
    units: float  # that tell as much of how groups vary
    large: LargeGroups | None = None  # the largest of them

    @property
    def are_uneven(self) -> bool:
        """Whether they tell as little as clearly fewer groups of equal size."""
        return are_uneven(self.number, self.counted)


def fewest_test_groups(corpora: Iterable[data.EncodedCorpus]) -> Groups | None:
    """Return those groups of test rows of some corpora that say least; None where rows are independent.

    With folds they are those of all rows, each of which is tested.
    """
    import numpy as np

    from rnnsweep.comparison import groups_counted

    known = []
    for corpus in corpora:
        parts = data.PARTS if corpus.config.folds else ("test",)
        groups_N = corpus.units(np.concatenate([corpus.groups(part) for part in parts]))
        if groups_N is not None:
            large = large_groups_of([(corpus, part) for part in parts], groups_N)
            known.append(Groups(len(np.unique(groups_N)), *groups_counted(groups_N), large))
    return min(known, key=lambda one: one.counted, default=None)


def redraw_test_groups(corpora: Iterable[data.EncodedCorpus], share: float) -> tuple[int, Groups] | None:
    """Draw test parts of another share; return the fewest rows, and the groups that say least.

    Large groups are drawn whole, so that a larger part may say hardly more. None where no such part can be
    drawn, or where its rows are independent.
    """
    import numpy as np

    from rnnsweep.comparison import groups_counted
    from rnnsweep.data.corpora import Corpus
    from rnnsweep.data.groups import group_rows
    from rnnsweep.data.rows import choose_rows

    sizes, known = [], []
    for corpus in corpora:
        rows = Corpus(corpus.corpus).rows()
        try:
            tested = choose_rows(rows, replace(corpus.config, test_share=share))["test"]
        except UserError:
            return None
        by_text = corpus.config.group is None
        groups_N = group_rows([rows.texts[n] for n in tested]) if by_text else rows.groups_N[tested]
        sizes.append(len(tested))
        if corpus.units(groups_N) is not None:
            known.append(Groups(len(np.unique(groups_N)), *groups_counted(groups_N)))
    return (min(sizes), min(known, key=lambda one: one.counted)) if known else None


def read_sweep_data(
    question: str | Path, overrides: Sequence[str] = (), *, as_started: bool = False
) -> dict[str, data.EncodedCorpus]:
    """Read what the architectures of a sweep read; return each different corpus by its name.

    Args:
        question: a file of sweeps/ or its name.
        overrides: settings of the data that hold instead of the sweep's.
        as_started: of a sweep that was started, take what it was asked and its configuration at that time.

    Raises:
        UserError: there is no such sweep, an override sets something else than data, or a configuration or a
            corpus cannot be used; with `as_started` also where its files have other rows now. What is wrong
            in the file is said before a corpus is read.
    """
    for one in read_overrides(overrides):
        if one.key != "data" and not one.key.startswith("data."):
            raise UserError(
                f"{one.text}: after the name of a sweep only settings of the data, as data.max_length=20"
            )
    places = find_paths()
    sweep = find_question(question, places)
    folder = SweepFolder.of(places.mlruns, sweep.name)
    start, conf = folder.start(), None
    begun = start is not None
    if start is None:
        _check_before_reading(sweep)
    elif as_started:
        sweep, conf = started(sweep.name, places) or sweep, folder.conf
        _refuse_other_rows(sweep, conf, start["corpus"])
    corpora: dict[str, data.EncodedCorpus] = {}
    folders: set[str] = set()
    for architecture in sweep.architectures:
        with recorded_settings(begun):
            run = compose([*sweep.chosen(architecture), *overrides], conf=conf, where=str(sweep.path))
        corpus = data.prepare(run.data, overrides=run.overrides)
        if str(corpus.folder) not in folders:
            folders.add(str(corpus.folder))
            name = corpus.name if corpus.name not in corpora else f"{corpus.name} ({architecture})"
            corpora[name] = corpus
    return corpora


def _check_before_reading(sweep: Sweep) -> None:
    """Refuse a space or a sampler that does not fit: reading a large table takes minutes."""
    from rnnsweep.search.methods import check_sampler
    from rnnsweep.search.space import check_space, leave_out_idle

    check_sampler(leave_out_idle(sweep, check_space(sweep)))


def _refuse_other_rows(sweep: Sweep, conf: Path, corpus: str) -> None:
    """Refuse files whose rows are not those that a sweep started with, which have the digest `corpus`."""
    from rnnsweep.search.corpora import common_digest, read_digests
    from rnnsweep.search.space import check_space

    with recorded_settings(True):
        now = common_digest(read_digests(check_space(sweep, conf=conf)))
    if now != corpus:
        raise UserError(
            f"sweep {sweep.name!r}: its data changed since it started ({corpus[:8]} became {now[:8]}): these"
            " are not the rows that its runs were trained and tested on. Put the earlier files back, or"
            " export today's rows by their settings: rnnsweep data KEY=VALUE ... --export FOLDER"
        )
