"""Whether a machine of conf/machine/ does what its file says: each point is tried."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rnnsweep.api.project.doctor import Check, check_versions
from rnnsweep.errors import UserError
from rnnsweep.launchers import check_engine
from rnnsweep.launchers.probe.empty_trial import NodeFacts
from rnnsweep.lockers import try_locker
from rnnsweep.machine import Machine, read_machine
from rnnsweep.safety.redaction import masked
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Slot, Sweep, read_sweep
from rnnsweep.sweepfile.slots import OWN_BYTES, TRIAL_BYTES
from rnnsweep.trial import Ended, Launcher, Outcome, Started, TrialTask

PATIENCE_S = 60.0  # for the empty trials; a queue may take longer
_MOST = 64  # slots that are tried
_PROBE = """# Does this machine run trials?
name: probe
architectures: [gru]
trials: 1
space: {optimizer.lr: [0.1]}
launcher: probe
baseline: false
"""


def machines(
    name: str | Path,
    *,
    patience_s: float = PATIENCE_S,
    tell: Callable[[str], object] = lambda words: None,
) -> tuple[Check, ...]:
    """Try each point of a machine's file; what it names is contacted.

    Args:
        name: of a file of conf/machine/, or its path.
        patience_s: seconds that the empty trials may take.
        tell: called with what is contacted, before it is.

    Raises:
        UserError: the file cannot be used.
    """
    machine = read_machine(name)
    check_engine(machine)
    tell(f"machine {machine.name} ({machine.path}): uses {machine.contacts or 'this machine alone'}")
    return tuple(_checks(machine, patience_s))


def _checks(machine: Machine, patience_s: float) -> Iterator[Check]:
    yield check_versions()
    if machine.locker is not None:
        locker = _check_locker(machine.locker)
        yield locker
        if not locker.ok:  # the engine is tried without it
            machine = replace(machine, locker=None)
    if machine.studies is not None:
        yield _check_studies(machine.studies)
    with tempfile.TemporaryDirectory(prefix="rnnsweep-probe-") as folder:
        began = time.monotonic()
        try:
            launcher = check_engine(machine)(machine, _probe(Path(folder)), None)
        except UserError as error:
            yield _failed("reach", error, f"correct {machine.path}")
            return
        with closing(launcher):
            yield Check("reach", True, f"{machine.engine} answers after {time.monotonic() - began:.1f} s")
            yield from _check_slots(machine, launcher, Path(folder), patience_s)


def _probe(folder: Path) -> Sweep:
    path = folder / "probe.yaml"
    path.write_text(_PROBE, encoding="utf-8")
    return read_sweep(path)


def _check_locker(place: str) -> Check:
    try:
        return Check("locker", True, f"{place}: put, list, get and drop took {try_locker(place):.2f} s")
    except UserError as error:
        return _failed("locker", error, "take another locker")


def _check_studies(address: str) -> Check:
    from rnnsweep.engine import check_answers

    try:
        check_answers(address)
    except UserError as error:
        return _failed("studies", error, "start the server, or correct the address")
    return Check("studies", True, f"{address} answers")


def _check_slots(machine: Machine, launcher: Launcher, folder: Path, patience_s: float) -> Iterator[Check]:
    slots = launcher.slots[:_MOST]
    labels = ", ".join(dict.fromkeys(slot.label for slot in launcher.slots))
    yield Check("slots", True, f"{len(launcher.slots)}: {labels}")
    fault: UserError | None = None
    outcomes: dict[int, Outcome | None] = {}  # None: it has started
    try:
        for number, outcome in _empty_trials(launcher, slots, folder, patience_s):
            outcomes[number] = outcome
    except UserError as error:
        fault = error
    nodes: dict[str, list[NodeFacts]] = {}
    for number, slot in enumerate(slots):
        ended = outcomes.get(number)
        facts = None if ended is None else NodeFacts.of(ended)
        if facts is not None:
            nodes.setdefault(facts.node, []).append(facts)
            yield _ran(number, slot, facts)
        elif fault is not None and ended is None:
            yield _failed(f"slot {number}", fault, _remedy(machine, slot))
        else:
            yield _did_not_run(machine, number, slot, ended, patience_s, has_started=number in outcomes)
    for node, seen in nodes.items():
        yield _check_memory(node, seen)


def _empty_trials(
    launcher: Launcher, slots: Sequence[Slot], folder: Path, patience_s: float
) -> Iterator[tuple[int, Outcome | None]]:
    """Run one in each slot at the same time; yield None for each that starts, and how each ends, in time."""
    numbers = {}
    mlruns = folder / "mlruns"
    for number, slot in enumerate(slots):
        task = TrialTask(
            key=f"probe.{number}",
            role="trial",
            architecture="probe",
            overrides=(),
            folder=SweepFolder.of(mlruns, "probe").task(str(number)).path,
            mlruns=mlruns,
            experiment="probe",
            name=f"probe-{number}",
        )
        numbers[task.key] = number
        launcher.start(task, slot)
    until = time.monotonic() + patience_s
    while numbers and time.monotonic() < until:
        for event in launcher.events(0.2):
            if isinstance(event, Started) and event.key in numbers:
                yield numbers[event.key], None
            if isinstance(event, Ended) and event.key in numbers:
                yield numbers.pop(event.key), event.outcome


def _did_not_run(
    machine: Machine, number: int, slot: Slot, ended: Outcome | None, patience_s: float, *, has_started: bool
) -> Check:
    """Return the check of a slot whose empty trial failed, did not end in time, or did not start."""
    longer = f"wait longer: rnnsweep machines {machine.name} --wait 600"
    remedy = _remedy(machine, slot)
    if ended is not None:
        fault = f"an empty trial ended as {ended.state}: {ended.reason or ended.cause}"
    elif has_started:
        fault, remedy = f"an empty trial did not end within {patience_s:g} s", f"{remedy}, or {longer}"
    else:
        shows = {"slurm": "squeue --me", "ray": "ray status"}.get(machine.engine)
        waits = "" if shows is None else f"{shows} shows what it waits for; "
        fault, remedy = f"no empty trial started within {patience_s:g} s", f"{waits}{longer}"
    return Check(f"slot {number}", False, f"{slot.label}: {fault}", remedy)


def _ran(number: int, slot: Slot, facts: NodeFacts) -> Check:
    gpu = "" if facts.gpu is None else f", on {facts.gpu}"
    return Check(f"slot {number}", True, f"{slot.label}: an empty trial ran on {facts.node}{gpu}")


def _check_memory(node: str, seen: Sequence[NodeFacts]) -> Check:
    """Compare the memory of a node with what its slots take."""
    memory, needed = seen[0].memory, OWN_BYTES + len(seen) * TRIAL_BYTES
    found = f"{node}: {memory / 2**30:.1f} GiB and {seen[0].cores} cores for {len(seen)} slots"
    room = max(1, (memory - OWN_BYTES) // TRIAL_BYTES)
    remedy = f"take at most {room} slots on this node" if memory < needed else ""
    return Check("memory", memory >= needed, found, remedy)


def _failed(check: str, error: UserError, remedy: str) -> Check:
    """Return a check that failed with an error: its own remedy, or else the one that is given."""
    return Check(check, False, masked(error.problem), masked(error.remedy) or remedy)


def _remedy(machine: Machine, slot: Slot) -> str:
    """Return what to do where an empty trial fails on a node."""
    node = {"local": "this machine", "slurm": "a node (srun rnnsweep doctor)"}.get(machine.engine)
    return f"see what rnnsweep doctor prints on {node or slot.host or 'that node'}"
