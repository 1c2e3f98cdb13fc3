"""`sweep` and `replicate`: run a question, and more seeds of its best."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click

from rnnsweep import api
from rnnsweep.api.results import OnAnswer
from rnnsweep.cli.command import command
from rnnsweep.cli.commands.answers import print_answer
from rnnsweep.cli.commands.data import print_facts
from rnnsweep.cli.commands.models import keep_models
from rnnsweep.cli.commands.project.status import print_failures
from rnnsweep.cli.names import complete_machine, complete_question, complete_sweep
from rnnsweep.cli.output import INTERRUPTED, READING, err, reader_may_leave, telling
from rnnsweep.cli.words import count
from rnnsweep.drawing.times import duration
from rnnsweep.safety.shell import run_command
from rnnsweep.state import Listener

MOST_FAILURES = 20  # under a sweep's summary; `status` names each
_LAUNCHER = click.option(
    "--launcher", metavar="NAME[:KEY=VALUE]", help="Where trials run: local, fused:fuse=8. [default: FILE's]"
)
_ON = click.option(
    "--on",
    metavar="NAME",
    shell_complete=complete_machine,
    help="Where the trials run: a file of conf/machine/. [default: here]",
)
_FUSE = click.option("--fuse", hidden=True)  # the older spelling of --launcher fused:fuse=K


@command(
    "sweep",
    ("rnnsweep sweep sweeps/quickstart.yaml", "start it; the same command resumes it"),
    ("rnnsweep sweep quickstart --slots 4", "four trials at a time"),
    ("rnnsweep sweep quickstart --slots gpu:0/2,gpu:1", "two at a time on one GPU, one on another"),
    ("rnnsweep sweep quickstart --slots gpu:0/auto", "as many on one GPU as its memory has room for"),
    ("rnnsweep sweep quickstart --on cluster", "on the machine of conf/machine/cluster.yaml"),
    ("rnnsweep sweep quickstart --trials 30", "a larger budget for each architecture"),
    (
        "rnnsweep sweep model=lstm,gru 'optimizer.lr=interval(1e-3,1e-2)' --trials 9",
        "without a file: the sweep file is written for you",
    ),
    ("rnnsweep sweep quickstart --studies 5", "the whole search five times, to see what a budget buys"),
)
@click.argument("asked", shell_complete=complete_question, nargs=-1, metavar="FILE | KEY=VALUES...")
@click.option("--name", help="Of a sweep without a file. [default: made from its values]")
@click.option("--slots", help="Trials at a time, or places as gpu:0/2,gpu:1. [default: one for each core]")
@click.option("--trials", type=click.IntRange(min=1), help="Trials of each architecture, instead of FILE's.")
@click.option(
    "--accept-changes",
    is_flag=True,
    help="Resume although FILE, conf/, corpus or code changed since.",
)
@click.option(
    "--studies", type=click.IntRange(min=1), default=1, help="Whole searches with other seeds, in all."
)
@_ON
@_LAUNCHER
@_FUSE
def sweep_command(
    asked: tuple[str, ...],
    name: str | None,
    slots: str | None,
    trials: int | None,
    accept_changes: bool,
    studies: int,
    on: str | None,
    launcher: str | None,
    fuse: str | None,
) -> int:
    """Run a sweep, or resume it, and compare the architectures.

    FILE is a file of sweeps/ or its name. Without one: KEY=VALUE sets a value of every run,
    KEY=A,B or KEY=interval(LOW,HIGH) is searched.

    Ctrl-C once lets the trials write checkpoints and stops; twice stops at once. The same command resumes.
    """
    from rnnsweep.api.corpora.description import describe_sweep_data
    from rnnsweep.api.find_sweep import start_command
    from rnnsweep.api.launching import launcher_ahead
    from rnnsweep.api.sweeps import reach_machine
    from rnnsweep.cli.live import SayingShorter

    machine = reach_machine(on, partial(err().print, style="dim", soft_wrap=True))
    with _file_of(asked, trials, name) as file:
        with launcher_ahead(file, _launcher(launcher, fuse), machine):
            _say_reach(file, on)
            with telling(READING):
                corpora = describe_sweep_data(file)
            for name, facts in corpora.items():
                err().print(name, style="dim")
                print_facts(err(), facts)

        unplanned = file not in asked and studies == 1  # what `plan` would have said is said while it runs

        def work(shown: Listener, answered: OnAnswer) -> "api.SweepResult":
            return api.sweep(
                file,
                slots=slots,
                trials=trials,
                accept_changes=accept_changes,
                listener=SayingShorter(shown, start_command(file, on=on)) if unplanned else shown,
                launcher=_launcher(launcher, fuse),
                models=False,  # after the standings
                studies=studies,
                on=machine,
                answered=answered,
            )

        return _watch(work, again=start_command(file, trials=trials, studies=studies, on=on))


def _say_reach(file: str, on: str | None) -> None:
    """Say whether the planned replicates can decide, and the command that trains as many as can."""
    from rnnsweep.api.replicates.reach import deciding_command, replicates_reach

    reach = replicates_reach(file)
    command = deciding_command(file, reach, on=on)
    at_all = f". {reach.aim.capitalize()} at all, when this sweep has ended:"
    err().print(f"{reach}{at_all if command else ''}", style="dim")
    if command:
        err().print(f"  {command}", style="dim", soft_wrap=True)
        err().print("How many are likely to decide is said then, from the scores.", style="dim")


@contextmanager
def _file_of(asked: tuple[str, ...], trials: int | None, name: str | None) -> Iterator[str]:
    """Yield the sweep file that is named, or the one that overrides amount to."""
    settings = [one for one in asked if "=" in one and not Path(one).is_file()]
    if not asked:
        raise click.UsageError(
            "Name a file of sweeps/, or ask without one, as model=lstm,gru; `rnnsweep list` names files."
        )
    if not settings:
        if len(asked) > 1 or name is not None:
            raise click.UsageError(f"{asked[-1]!r}: one file at a time; --name is for a sweep without one.")
        yield asked[0]
        return
    if len(settings) < len(asked):
        raise click.UsageError(f"{settings[0]!r}: a file and overrides exclude each other; edit the file.")
    with _written(settings, trials=trials, name=name) as file:
        yield file


@contextmanager
def _written(
    settings: Sequence[str], *, trials: int | None = None, name: str | None = None, grid: bool = False
) -> Iterator[str]:
    """Yield the name of the sweep that settings ask, after its file and a remark were shown."""
    from rnnsweep.api.project.sweep_of_keys import asked_file

    with asked_file(settings, trials=trials, grid=grid, name=name) as path:
        _show_file(Path(path), grid=grid)
        yield Path(path).stem


def _show_file(path: Path, *, grid: bool) -> None:
    from rnnsweep.sweepfile import read_sweep

    err().print(f"{path}:", style="dim", soft_wrap=True)
    err().print(path.read_text(encoding="utf-8"), style="dim", soft_wrap=True)
    asked = read_sweep(path)
    if len(asked.architectures) == 1 and asked.space and not grid:
        keys = ", ".join(one.key for one in asked.space)
        how = run_command("config", "--explain", "architectures")
        err().print(
            f"! Values of {keys} are searched, not compared; how to compare them: {how}", soft_wrap=True
        )


def run_asked(settings: Sequence[str], *, grid: bool) -> int:
    """Run the sweep that overrides with several values amount to."""
    with _written(settings, grid=grid) as name:

        def work(shown: Listener, answered: OnAnswer) -> "api.SweepResult":
            return api.sweep(name, listener=shown, models=False, answered=answered)

        return _watch(work, again=run_command("sweep", name))


def _launcher(launcher: str | None, fuse: str | None) -> str | None:
    return launcher if launcher is not None or fuse is None else f"fused:fuse={fuse}"


@command(
    "replicate",
    (
        "rnnsweep replicate quickstart --n 10",
        "ten seeds of each, those that are done included",
    ),
    (
        "rnnsweep replicate quickstart --n 10 --until-separated --max 30",
        "then more for the pair that needs them most",
    ),
)
@click.argument("sweep", shell_complete=complete_sweep)
@click.option("--n", "replicates", type=click.IntRange(min=1), required=True, help="Seeds of each.")
@click.option("--slots", help="Trials at a time, or places as gpu:0/2,gpu:1. [default: one for each core]")
@click.option("--until-separated", is_flag=True, help="Then train more seeds of the pair that needs it most.")
@click.option(
    "--max", "most", type=click.IntRange(min=1), default=30, show_default=True, help="Seeds of each in all."
)
@_ON
@_LAUNCHER
@_FUSE
def replicate_command(
    sweep: str,
    replicates: int,
    slots: str | None,
    until_separated: bool,
    most: int,
    on: str | None,
    launcher: str | None,
    fuse: str | None,
) -> int:
    """Train the best of each architecture of SWEEP on more seeds.

    Only more seeds show whether one is better than another; `rnnsweep compare` prints how many.
    """

    def work(shown: Listener, answered: OnAnswer) -> "api.SweepResult":
        return api.replicate(
            sweep,
            replicates,
            slots=slots,
            listener=shown,
            launcher=_launcher(launcher, fuse),
            until_separated=until_separated,
            models=False,
            most=most,
            on=on,
            answered=answered,
        )

    further = ["--until-separated", "--max", str(most)] if until_separated else []
    again = run_command("replicate", sweep, "--n", str(replicates), *further, on=on)
    return _watch(work, again=again)


def _watch(work: "Callable[[Listener, OnAnswer], api.SweepResult]", *, again: str) -> int:
    """Show a sweep while it runs and what came out; `again` is the command that resumes it."""
    from rnnsweep.cli.live import listener

    done = ""
    try:
        with ExitStack() as shown:

            def answered(result: "api.SweepResult") -> None:
                shown.close()  # the answer is printed where the progress was
                with reader_may_leave():  # the report and the models are still to be written
                    _print_result(result)

            result = work(shown.enter_context(listener(err())), answered)
    except KeyboardInterrupt as ended:  # of another kind while it started or compared
        if isinstance(ended, api.Interrupted) and isinstance(ended.result, api.SweepResult):
            done = f": {_trials(ended.result)}"
        err().print(f"interrupted{done}; resume with: {again}", soft_wrap=True)
        return INTERRUPTED
    keep_models(result)
    return 0


def _trials(result: "api.SweepResult") -> str:
    done = f"{count(result.trials['complete'], 'trial')} complete, {result.trials['pruned']} pruned"
    return done + "".join(
        f", {result.trials[w]} {w}" for w in ("infeasible", "rejected") if w in result.trials
    )


def _print_result(result: "api.SweepResult") -> None:
    assert result.comparison is not None
    if result.ran:
        busy = f"slots busy {result.slots_busy:.0%}"
        err().print(f"finished in {duration(result.seconds)}: {_trials(result)}, {busy}")
    else:
        err().print(f"sweep {result.sweep} is finished: nothing left to run")
    print_failures(result.failures, most=MOST_FAILURES)
    print_answer(result.comparison)
