"""The launcher of a sweep: on this machine or another one, with GPUs shared by measured memory."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from rnnsweep.api.find_sweep import find_question, refuse_without_runs
from rnnsweep.config import copy_conf
from rnnsweep.errors import UserError
from rnnsweep.launchers import check_engine, make_launcher, parse_launcher, start_ahead
from rnnsweep.launchers.local import places_of
from rnnsweep.launchers.registry import LOCAL
from rnnsweep.machine import Machine
from rnnsweep.paths import ProjectPaths, find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.gpu_memory import fewest_slots, keep_needs, read_needs
from rnnsweep.sweepfile import Sweep, parse_slots
from rnnsweep.sweepfile.slots import Places
from rnnsweep.trial import Launcher

Tell = Callable[[str], object]


def folder_to_run(name: str, places: ProjectPaths) -> SweepFolder:
    """Return the folder of a sweep that is about to be run.

    Raises:
        UserError: its runs were deleted from the store, so that nothing could be compared at its end.
    """
    folder = SweepFolder.of(places.mlruns, name)
    with suppress(sqlite3.OperationalError):  # a store that is locked now stops no sweep: runs are sent later
        refuse_without_runs(folder, places)
    return folder


def launcher_of(
    asked: Sweep,
    slots: str | int | None,
    machine: Machine | None,
    *,
    folder: SweepFolder,
    conf: Path,
    tell: Tell,
) -> Launcher:
    """Make the launcher that a sweep runs on.

    Args:
        asked: the sweep.
        slots: of the command line; without them those of the machine's file count, or of the sweep's.
        machine: None is this one.
        folder: of the sweep, where measured memory is kept.
        conf: the configuration to compose from.
        tell: called with what is measured, and what follows.

    Returns:
        It imports what trials need beside us.

    Raises:
        UserError: slots or launcher do not fit the sweep or the machine.
    """
    if machine is not None and machine.engine != LOCAL.name:
        return check_engine(machine)(machine, asked, slots)
    return make_launcher(asked, shared(asked, slots, machine, folder=folder, conf=conf, tell=tell))


@contextmanager
def launcher_ahead(question: str | Path, launcher: str | None, machine: Machine | None) -> Iterator[None]:
    """Begin what trials on this machine import, while inside their sweep is still described and checked.

    What was begun is ended where that fails.

    Raises:
        UserError: the file, the launcher or an option of it cannot be used, or the sweep lost its runs.
    """
    asked = find_question(question, find_paths())
    folder_to_run(asked.name, find_paths())
    if machine is not None and machine.engine != LOCAL.name:
        yield
        return
    end = start_ahead(asked if launcher is None else replace(asked, launcher=parse_launcher(launcher)))
    try:
        yield
    except BaseException:  # also of Ctrl-C
        end()
        raise


def slots_of_plan(
    asked: Sweep, slots: str | int | None, machine: Machine | None, *, conf: Path, tell: Tell
) -> tuple[int, str | None]:
    """Find how many trials of a sweep would run at a time; nothing is contacted.

    Args:
        asked: the sweep.
        slots: of the command line.
        machine: whose slots count; None is this one.
        conf: the configuration to compose from.
        tell: called with what is measured.

    Returns:
        The number, and the name of the machine where it is not this one.

    Raises:
        UserError: slots or launcher do not fit, or the file of another machine does not say how many it has.
    """
    from rnnsweep.launchers.local.places import slots_here

    if machine is not None and machine.engine != LOCAL.name:
        from rnnsweep.launchers.agents.controller.request import slot_request

        check_engine(machine)
        most = slot_request(machine, slots).most
        if most is None:
            raise UserError(
                f"{machine.path}: slots: does not say how many trials run at a time; set slots.most, or give"
                " --slots N"
            )
        return most, machine.name
    return len(slots_here(shared(asked, slots, machine, folder=None, conf=conf, tell=tell))), None


def shared(
    asked: Sweep,
    text: str | int | None,
    machine: Machine | None,
    *,
    folder: SweepFolder | None,
    conf: Path,
    tell: Tell,
) -> Places:
    """Return slots as they are written; where a GPU is shared by measured memory, as they are found to be.

    Args:
        asked: the sweep.
        text: as it is written; None takes the slots of the machine's file, or of the sweep's.
        machine: None is this one.
        folder: of the sweep, which keeps what is measured; None keeps nothing.
        conf: the configuration to compose from.
        tell: called with what is measured, and what follows.

    Returns:
        What `make_launcher` takes.

    Raises:
        UserError: no such GPU, a launcher that shares none, or a space or corpus that cannot be used.
    """
    if text is None:
        text = asked.slots if machine is None else places_of(machine)
    if not any(slot.auto for slot in parse_slots(text)):
        return text
    if asked.launcher is not None and asked.launcher.name != LOCAL.name:
        raise UserError(
            f"slots={text!r}: launcher {LOCAL.name} alone shares a GPU by measured memory; take a number of"
            " trials for another one, as gpu:0/2"
        )
    from rnnsweep.launchers.local.places import slots_here
    from rnnsweep.launchers.local.server import fresh_process
    from rnnsweep.planning.packing import Packing

    found = slots_here(text)
    if folder is None:
        return Packing(asked, fresh_process, conf, tell=tell).slots(found)
    if folder.is_running():
        return found  # its controller refuses another one
    known = read_needs(folder)
    slots = Packing(asked, fresh_process, conf, known, fewest_slots(folder), tell).slots(found)
    keep_needs(folder, known)
    return slots


@contextmanager
def conf_folder(places: ProjectPaths) -> Iterator[Path]:
    """Yield one folder of configuration files: a copy of both where an own conf/ adds to the packaged one."""
    if len(places.conf_path) == 1:
        yield places.conf
        return
    with tempfile.TemporaryDirectory(prefix="rnnsweep-conf-") as folder:
        yield copy_conf(Path(folder))
