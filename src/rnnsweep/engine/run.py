"""Run a sweep, from its file to its last replicate, or go on with one."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from rnnsweep.config import RunConfig, flatten, recorded_settings
from rnnsweep.engine.controller import Controller
from rnnsweep.engine.orphans import end_orphans
from rnnsweep.engine.recording import Recording
from rnnsweep.engine.scheduling.agenda import Agenda, Ended, Extend
from rnnsweep.engine.scheduling.allocation import check_accelerator, check_seats
from rnnsweep.engine.scheduling.tasks import TaskMaker
from rnnsweep.engine.state_copy import NoCopy
from rnnsweep.errors import UserError
from rnnsweep.files import is_full_disk
from rnnsweep.networks.cells import cell_files
from rnnsweep.paths import find_paths
from rnnsweep.search.conf_changes import say_conf_changes
from rnnsweep.search.corpora import (
    Prepare,
    common_digest,
    files_digests,
    read_digests,
    say_column,
    say_other_rows,
    vectors_digests,
)
from rnnsweep.search.journal import open_journal
from rnnsweep.search.methods import check_sampler, make_pruner
from rnnsweep.search.requests.warm_start import check_sources, warm_up
from rnnsweep.search.sizing import CorpusSizes, Sizes, Sizing, check_sizes
from rnnsweep.search.space import check_space, leave_out_idle, say_alike, say_idle
from rnnsweep.search.study import Search
from rnnsweep.state.disk import Disk
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.ledger import Ledger
from rnnsweep.state.start import begin, budget_of, options_of
from rnnsweep.state.watching.progress import Listener, Silence, SweepSummary
from rnnsweep.state.watching.status import slots_busy
from rnnsweep.sweepfile import Choices, Sweep
from rnnsweep.trial import Launcher


@dataclass(frozen=True)
class LookDecision:
    """What a planned look decided."""

    wanted: Mapping[str, int]  # replicates of each in all
    sentence: str = ""
    stopped: Sequence[Mapping[str, Any]] = ()  # who got no further ones so far: architecture, replicates, why


Race = Callable[[Sequence[Ended]], LookDecision]


def run_sweep(
    sweep: Sweep,
    *,
    mlruns: Path,
    launcher: Launcher,
    listener: Listener | None = None,
    clock: Callable[[], float] = time.time,
    records: Recording | None = None,
    prepare: Prepare | None = None,
    sizes: Sizes | None = None,
    conf: Path | None = None,
    accept_changes: bool = False,
    extend: Race | None = None,
    copy: NoCopy | None = None,
    on: str | None = None,
    compared: bool = True,
) -> SweepSummary:
    """Run a sweep until its budget is spent and its replicates are done; called again, it continues.

    SIGINT or SIGTERM once: the trials checkpoint and stop, and the summary's state is ``interrupted``;
    twice: they end at once. The launcher is closed at the end, whatever happens.

    Args:
        sweep: what is asked.
        mlruns: the folder of results.
        launcher: runs the tasks.
        listener: called with the progress.
        clock: gives the seconds since the epoch; tests give another one.
        records: the store; the default is the one of the configuration's tracking settings.
        prepare: makes a corpus ready; the default tokenises it into the cache.
        sizes: gives vocabulary and classes of a run's corpus; the default prepares it.
        extend: decides at each planned look who gets more replicates; None leaves it at those of the file.
        conf: the configuration files; the default are those of the project.
        accept_changes: go on although file, conf, corpus or code changed since the start.
        copy: of the sweep's state, for a disk that does not last; None keeps none.
        on: the launcher's machine, as ``--on`` takes it; None is this one. Commands that go on name it.
        compared: the caller compares what came out, which the last lines of the progress then say.

    Returns:
        What was run, and how it ended.

    Raises:
        UserError: the space or the sampler does not fit, corpus or vectors cannot be read, another controller
            runs this sweep, something changed since its start, or the first trials all failed for one reason.
    """
    listener = listener or Silence()
    conf = conf or find_paths().conf
    folder = SweepFolder.of(mlruns, sweep.name)
    begun = folder.start() is not None
    with recorded_settings(begun):
        bases = check_space(sweep, conf=conf)
    sweep = leave_out_idle(sweep, bases)
    check_sampler(sweep)
    check_sources(sweep, mlruns)
    vectors = vectors_digests(sweep, bases)
    first = bases[sweep.architectures[0]]
    store = records or _default_records(first, mlruns)
    digests = read_digests(bases, prepare)
    sizes = sizes or CorpusSizes()
    with recorded_settings(begun):
        check_sizes(Sizing(sweep, conf, sizes), bases)
        other_rows = say_other_rows(sweep, bases, conf=conf) if prepare is None else ""
    if other_rows and not begun:
        raise UserError(other_rows)
    for name, base in bases.items():
        check_accelerator(launcher.slots, base.trainer.accelerator, architecture=name)
    folder.make()
    with folder.hold(), closing(launcher), _named_full_disk(mlruns), recorded_settings(begun):
        corpus = common_digest(digests)
        before = (folder.start() or {}).get("corpus", corpus)
        is_other = before != corpus and prepare is None and not accept_changes
        identity = begin(
            sweep,
            mlruns=mlruns,
            conf=conf,
            corpus=corpus,
            corpus_note=say_column(bases, before) if is_other else "",
            vectors=vectors,
            files=files_digests(bases) if prepare is None else (),
            own_code=_own_cells(sweep, bases),
            conf_changes=lambda: say_conf_changes(sweep, before=folder.conf, now=conf),
            accept_changes=accept_changes,
        )
        end_orphans(folder)
        folder.clear_parts()
        carried = digests | vectors
        maker = TaskMaker(sweep, identity, folder, mlruns, bases, store.uri, store.origin, carried)
        for name in sweep.architectures:
            check_seats(launcher.slots, maker.devices(name), architecture=name)
        disk = Disk(folder.path)
        sizing = Sizing(sweep, folder.conf, sizes, threads=launcher.slots[0].threads)
        searches = _searches(sweep, folder, bases, sizing, disk)
        agenda = Agenda(maker, searches)
        with closing(folder.ledger(clock)) as ledger:
            for line in (*say_idle(sweep), *say_alike(sweep, bases), *filter(None, [other_rows])):
                listener.message(line)
            _warm_up(searches, mlruns, folder, ledger, listener)
            if extend is not None and len(sweep.planned) > 1:
                agenda.extend = _raced(extend, ledger, listener)
            copy = copy or NoCopy()
            controller = Controller(sweep, agenda, launcher, listener, clock, ledger, store, disk, copy)
            return _conduct(controller, folder, on, compared=compared)


def _own_cells(sweep: Sweep, bases: dict[str, RunConfig]) -> list[Path]:
    """List the files of the project's own cells that a sweep trains or searches."""
    searched = (one for name in bases for one in sweep.dimensions(name) if one.key == "model.cell")
    choices = {str(value) for one in searched if isinstance(one, Choices) for value in one.choices}
    return cell_files({run.model.cell for run in bases.values()} | choices)


def _raced(race: Race, ledger: Ledger, listener: Listener) -> Extend:
    """Note in the ledger, and say once, what a look decided."""
    told: set[str] = set()

    def extend(over: Sequence[Ended]) -> Mapping[str, int]:
        decision = race(over)
        ledger.write(
            "look",
            wanted=dict(decision.wanted),
            said=decision.sentence,
            stopped_replicates=list(decision.stopped),
        )
        if decision.sentence and decision.sentence not in told:
            told.add(decision.sentence)
            listener.message(decision.sentence)
        return decision.wanted

    return extend


def _default_records(run: RunConfig, mlruns: Path) -> Recording:
    from rnnsweep.tracking.store.address import named_by_file

    uri = named_by_file(run.tracking.uri, "the sweep's file or conf/")
    return Recording(mlruns, uri=uri, diff=run.tracking.diff, task=run.spec.name, score=run.score.name)


def _searches(
    sweep: Sweep, folder: SweepFolder, bases: dict[str, RunConfig], sizing: Sizing, disk: Disk
) -> dict[str, Search]:
    storage = open_journal(folder, disk=disk)
    searches = {}
    for name, base in bases.items():
        trainer = base.trainer
        pruner = make_pruner(
            sweep.pruner, validate_every=trainer.validate_every, max_epochs=trainer.max_epochs
        )
        searches[name] = Search(sweep, name, storage, pruner, flatten(base), sizing)
    return searches


def _warm_up(
    searches: dict[str, Search], mlruns: Path, folder: SweepFolder, ledger: Ledger, listener: Listener
) -> None:
    """Take earlier sweeps' trials, and say how many, and why others were not."""
    origin = folder.start() or {}
    for search in searches.values():
        for one in warm_up(search, mlruns, origin):
            ledger.write("warm", **asdict(one))
            listener.message(str(one))


def _conduct(controller: Controller, folder: SweepFolder, on: str | None, *, compared: bool) -> SweepSummary:
    sweep, ledger, clock = controller.sweep, controller.ledger, controller.clock
    began = clock()
    planned = list(sweep.planned) if controller.agenda.extend is not None else []
    slots = len(controller.launcher.slots)
    said: dict[str, Any] = {"machine": on, "planned": planned, "options": options_of(sweep)}
    ledger.write("open", slots=slots, **said, **budget_of(sweep))
    maker = controller.agenda.maker
    controller.records.begin(sweep, maker.parent_key, refits_baseline=maker.refits_baseline)
    state = "failed"
    try:
        with _signals(controller):
            state = controller.run()
    finally:
        controller.launcher.close()
        controller.abandon()
        ledger.write("close", state=state)
        tell = partial(_say_sending, controller, compared and state != "failed")
        # where a node refuses the sweep there is nothing in the store that anybody waits for
        controller.records.finish(state, tell, wait=controller.ran > 0 or state != "failed")
    return SweepSummary(
        sweep=sweep.name,
        state=state,
        folder=folder.path,
        standings=controller.snapshot().standings,
        failures=tuple(controller.failures),
        ran=controller.ran,
        seconds=clock() - began,
        slots_busy=slots_busy(folder.events()),
    )


def _say_sending(controller: Controller, compared: bool, unsent: int) -> None:
    """Show how many runs are left to send."""
    controller.listener.update(replace(controller.snapshot(over=True), unsent=unsent, compared=compared))


@contextmanager
def _named_full_disk(mlruns: Path) -> Iterator[None]:
    """Name a disk that is full before the sweep can wait for room, or after it has ended."""
    try:
        yield
    except OSError as error:
        if not is_full_disk(error):
            raise
        place = error.filename or mlruns
        raise UserError(
            f"{place}: the disk is full; free some space and run the same command: it resumes"
        ) from error


@contextmanager
def _signals(controller: Controller) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a request to stop; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        controller.stop_asked += 1

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
