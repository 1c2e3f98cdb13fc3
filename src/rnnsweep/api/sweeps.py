"""Run sweeps and ask how far they are."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.api.compile_ahead import start_beside
from rnnsweep.api.find_sweep import find_file, find_question, refusal, start_command, started, status
from rnnsweep.api.import_ahead import imports_ahead
from rnnsweep.api.launching import conf_folder, folder_to_run, launcher_of, slots_of_plan
from rnnsweep.api.notebook import listener_of
from rnnsweep.api.project.machine_load import prepare_to_measure
from rnnsweep.api.project.sweep_of_keys import asked_file
from rnnsweep.api.replicates.further import run_studies, separate
from rnnsweep.api.replicates.racing import racing
from rnnsweep.api.replicates.reach import deciding_command, reach_of_plan
from rnnsweep.api.results import Interrupted, OnAnswer, SweepResult
from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.launchers import check_engine, check_launcher, parse_launcher, reach_engine
from rnnsweep.machine import Machine, read_machine
from rnnsweep.paths import ProjectPaths, find_paths
from rnnsweep.safety.shell import run_command
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep, read_sweep

if TYPE_CHECKING:
    from rnnsweep.comparison import Comparison
    from rnnsweep.planning.plan import Plan
    from rnnsweep.state import Listener

MOST = 30  # replicates of each that `until_separated` goes to


def sweep(
    question: str | Path | Sequence[str],
    *,
    slots: str | int | None = None,
    listener: "Listener | None" = None,
    trials: int | None = None,
    accept_changes: bool = False,
    launcher: str | None = None,
    models: bool = True,
    studies: int = 1,
    on: str | Path | Machine | None = None,
    answered: OnAnswer | None = None,
) -> SweepResult:
    """Run a sweep, or resume one, as ``rnnsweep sweep`` does.

    Args:
        question: a file of sweeps/, or its name; or overrides of which some have several values, as
            ``["model=lstm,gru", "optimizer.lr=interval(1e-3,1e-2)"]``: the file that they amount to is kept.
        slots: as ``2`` or ``gpu:0,gpu:1``; None takes what the file says, else the machine's.
        listener: called with its progress; None draws a table in a notebook, and nothing elsewhere.
        trials: of each architecture, instead of what the file says.
        accept_changes: resume although the file, conf/, the corpus or the code changed since the start.
        launcher: where the trials run, as ``local`` or ``fused:fuse=8``; None takes what the file says.
        models: log the best of each architecture as a model; where that fails, the listener is told.
        studies: number of whole searches; each further one is a sweep of its own with another seed and
            without replicates. They show what a budget buys with any sampler and pruner.
        on: the machine, by its file of conf/machine/; None is this one. What the file names is contacted.
            A machine that `reach_machine` returned is not contacted twice.
        answered: called with the result before the report is written and the models are logged.

    Returns:
        The state of the sweep, its trials, and the comparison.

    Raises:
        UserError: the file cannot be used, or another process runs the sweep.
        Interrupted: Ctrl-C, SIGTERM or `stop`, after the trials wrote checkpoints; the same call resumes.
    """
    with asked_file(question, trials=trials) as file:
        places, listener = find_paths(), listener_of(listener)
        machine = on if isinstance(on, Machine) else reach_machine(on, listener.message)
        asked = find_question(file, places)

        def run(one: Sweep, answer: str | None) -> SweepResult:
            return _run(
                _launched(one, launcher, trials),
                places,
                slots=slots,
                machine=machine,
                listener=listener,
                accept_changes=accept_changes,
                answer=answer,
                answered=answered,
            )

        result = run_studies(asked, run, studies=studies, tell=listener.message)
        again = start_command(file, trials=trials, studies=studies, on=_on(machine))
    return _ended(result, listener, models=models, again=again)


def _ended(result: SweepResult, listener: "Listener", *, models: bool, again: str) -> SweepResult:
    """Return the result of a finished sweep, with its models where they are wanted."""
    if result.state == "interrupted":
        raise Interrupted(result, again)
    if not models:
        return result
    from rnnsweep.api.models import log_models_of

    logged, fault = log_models_of(result)
    if fault:
        listener.message(f"models were not logged: {fault}")
    return replace(result, models=logged)


def _launched(asked: Sweep, launcher: str | None, trials: int | None = None) -> Sweep:
    own = asked.launcher if launcher is None else parse_launcher(launcher)
    return replace(asked, launcher=own, trials=asked.trials if trials is None else trials)


def _run(
    asked: Sweep,
    places: ProjectPaths,
    *,
    slots: str | int | None,
    machine: Machine | None,
    listener: "Listener",
    accept_changes: bool = False,
    answer: str | None,
    answered: OnAnswer | None = None,
) -> SweepResult:
    """Run one sweep; `answer` is the sweep that is compared once it is finished, None where none is."""
    folder = folder_to_run(asked.name, places)
    with conf_folder(places) as conf:  # the launcher imports beside us
        launcher = launcher_of(asked, slots, machine, folder=folder, conf=conf, tell=listener.message)
        if machine is None:
            start_beside(
                lambda: {compose(asked.chosen(one), conf=conf).model.cell for one in asked.architectures}
            )

    from rnnsweep.api.comparing.answers import compare
    from rnnsweep.engine import copied_state, run_sweep
    from rnnsweep.launchers.local.places import idle_gpus

    if machine is None and (line := idle_gpus(launcher.slots)):
        listener.message(line)

    copied = copied_state(
        machine.studies if machine else None,
        folder,
        place=str(machine.path) if machine else "",
        tell=listener.message,
    )
    with closing(launcher), copied as copy:
        with conf_folder(places) as conf, imports_ahead(listener) as watching:
            summary = run_sweep(
                asked,
                mlruns=places.mlruns,
                launcher=launcher,
                listener=watching,
                conf=conf,
                accept_changes=accept_changes,
                extend=racing(asked, folder),
                copy=copy,
                on=_on(machine),
                compared=answer is not None,
            )
        result = SweepResult(
            sweep=summary.sweep,
            state=summary.state,
            ran=summary.ran,
            seconds=summary.seconds,
            slots_busy=summary.slots_busy,
            trials=summary.trials,
            failures=summary.failures,
        )
        if answer is None or result.state != "finished":
            return result

        def answer_of(compared: "Comparison") -> SweepResult:
            return replace(result, sweep=answer, comparison=compared)

        tell = None if answered is None else (lambda compared: answered(answer_of(compared)))
        return answer_of(compare(answer, answered=tell))


def reach_machine(on: str | Path | None, tell: Callable[[str], object]) -> Machine | None:
    """Read the file of a machine, tell what it names and contact that; None is this machine.

    Raises:
        UserError: there is no such file, something in it is wrong, or what it names does not answer.
    """
    if on is None:
        return None
    machine = read_machine(on)
    check_engine(machine)
    if machine.contacts:
        tell(f"machine {machine.name} ({machine.path}): uses {machine.contacts}")
    reach_engine(machine)
    return machine


def _on(machine: Machine | None) -> str | None:
    return None if machine is None else machine.on


def plan(
    question: str | Path,
    *,
    slots: str | int | None = None,
    trials: int | None = None,
    on: str | Path | None = None,
    tell: Callable[[str], object] = lambda words: None,
) -> "Plan":
    """Check a sweep and measure what its networks cost here, without running it or writing to mlruns/.

    Args:
        question: a file of sweeps/, or its name.
        slots: as in `sweep`.
        trials: as in `sweep`.
        on: the machine whose slots count, as in `sweep`; it is not contacted.
        tell: called with what is being measured.

    Returns:
        What it would train, and the time.

    Raises:
        UserError: the file, its space or its corpus cannot be used.
    """
    from rnnsweep.launchers.local.server import in_fresh_process
    from rnnsweep.planning.plan import plan_sweep
    from rnnsweep.planning.shorter import ways_to_shorten

    places, machine = find_paths(), None if on is None else read_machine(on)
    asked = _launched(read_sweep(find_file(question, places)), None, trials)
    check_launcher(asked)
    with conf_folder(places) as conf:
        room, other = slots_of_plan(asked, slots, machine, conf=conf, tell=tell)
        begin = partial(prepare_to_measure, places.mlruns, tell)
        planned = plan_sweep(asked, room, other, do=in_fresh_process, begin=begin, conf=conf, tell=tell)
    is_started, refused = SweepFolder.of(places.mlruns, asked.name).is_started, refusal(question)
    start = start_command(question, trials=trials, on=_on(machine))
    following = status(asked.name).next if is_started and trials is None else start
    shorter = () if is_started else ways_to_shorten(planned, asked)
    reach = reach_of_plan(asked, planned.folds)
    more = None if is_started else deciding_command(question, reach, on=_on(machine))
    following = None if refused else following
    return replace(planned, refused=refused, next=following, deciding=more, shorter=shorter)


def replicate(
    name: str | Path,
    replicates: int,
    *,
    slots: str | int | None = None,
    listener: "Listener | None" = None,
    launcher: str | None = None,
    until_separated: bool = False,
    most: int = MOST,
    models: bool = True,
    on: str | Path | None = None,
    answered: OnAnswer | None = None,
) -> SweepResult:
    """Train the best configuration of each architecture of a sweep on more seeds.

    Args:
        name: the sweep's name or its file.
        replicates: number of replicates of each architecture, those that are done included.
        slots: as in `sweep`.
        listener: as in `sweep`.
        launcher: as in `sweep`.
        until_separated: then train more of the pair whose verdict needs it most, until no pair needs more.
            Each verdict on the way counts as a look, for which every p is corrected.
        most: replicates of each that `until_separated` may reach.
        models: as in `sweep`.
        on: as in `sweep`.
        answered: as in `sweep`; with `until_separated` it is called after the last round.

    Returns:
        As of `sweep`.

    Raises:
        UserError: there is no such sweep, another process runs it, or `most` is below `replicates`.
        Interrupted: as in `sweep`.
    """
    places, listener = find_paths(), listener_of(listener)
    machine = reach_machine(on, listener.message)
    asked = started(status(name).sweep, places)
    assert asked is not None  # a sweep with a status was started
    asked = _launched(replace(asked, replicates=replicates, design=()), launcher)

    run = partial(_run, places=places, slots=slots, machine=machine, listener=listener, answer=asked.name)

    more = ["--n", str(replicates)]
    if until_separated:
        if most < replicates:
            raise UserError(f"--max {most}: must be at least the {replicates} replicates of --n")
        more += ["--until-separated", "--max", str(most)]
        result = separate(asked, run, most=most, tell=listener.message)
        if answered is not None and result.comparison is not None:
            answered(result)
    else:
        result = run(asked, answered=answered)
    again = run_command("replicate", name, *more, on=_on(machine))
    return _ended(result, listener, models=models, again=again)
