"""How commands look: examples in the help, the nearest command for a misspelt one, one set of options."""

import shlex
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from itertools import pairwise
from typing import Any

import click

from rnnsweep.cli.output import reader_may_leave
from rnnsweep.paths import root_notes

# command -> module of rnnsweep.cli.commands that has a click command of that name
_HOMES = {
    "init": "project.init",
    "doctor": "project.doctor",
    "machines": "project.doctor",
    "list": "project.listing",
    "sweep": "sweeps",
    "status": "project.status",
    "plan": "planning",
    "schema": "planning",
    "stop": "steering",
    "enqueue": "steering",
    "retry": "steering",
    "replicate": "sweeps",
    "compare": "answers",
    "best": "answers",
    "export": "steering",
    "train": "runs",
    "evaluate": "runs",
    "predict": "models",
    "serve": "models",
    "export-model": "models",
    "inspect": "inside",
    "vectors": "inside",
    "data": "data",
    "config": "settings",
    "ui": "store",
    "sync": "store",
    "store": "store",
    "clean": "cleaning",
    "migrate": "store",
    "completion": "settings",
    "version": "settings",
}

# what other tools call it -> the command line that does it here
_ALSO_CALLED = {
    **dict.fromkeys(("run", "fit", "main.py", "train.py"), "rnnsweep train"),
    **dict.fromkeys(("test", "eval", "validate"), "rnnsweep evaluate RUN"),
    **dict.fromkeys(("tune", "optimize", "search", "agent", "hpo", "study"), "rnnsweep sweep NAME"),
    "resume": "rnnsweep sweep NAME, or rnnsweep train --resume RUN",
    **dict.fromkeys(("report", "results", "standings"), "rnnsweep compare NAME"),
    **dict.fromkeys(("dashboard", "mlflow", "tensorboard"), "rnnsweep ui"),
    **dict.fromkeys(("logs", "log", "ls", "ps"), "rnnsweep status, or rnnsweep list"),
    "new": "rnnsweep init FOLDER",
    "kill": "rnnsweep stop NAME",
}
_OPTIONS_THERE = {  # options of other tools -> what to write here
    **dict.fromkeys(("--n-jobs", "--n_jobs", "--jobs", "--workers", "--num-workers", "-j"), "--slots N"),
    **dict.fromkeys(
        ("--gpus", "--gpu", "--devices"), "--slots gpu:0,gpu:1 of a sweep, trainer.devices=2 of a run"
    ),
    **dict.fromkeys(("--n-trials", "--n_trials", "--count", "--num-samples", "--max-trials"), "--trials N"),
    **dict.fromkeys(("--timeout", "--time"), "the key `seconds:` of the sweep file"),
    **dict.fromkeys(
        ("--config-name", "--config-path", "--config-dir", "--config"), "files of conf/, and KEY=VALUE"
    ),
    **dict.fromkeys(("--yes", "-y", "--force"), "nothing, as no command asks"),
    "--resume": "nothing, as the same command resumes",
    "--continue": "nothing, as the same command resumes",
}

_WITHOUT_PROJECT = ("completion", "init", "version")


class Group(click.Group):
    """Finds a command in its module when it is asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that has seen enough (`rnnsweep config | head`) ends it in peace."""
        with reader_may_leave():
            return super().invoke(ctx)
        return 0

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of work, not of the alphabet."""
        return list(_HOMES)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the command's module, or say which command was probably meant."""
        if name not in _HOMES:
            close = get_close_matches(name, _HOMES, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            hint = f" Write instead: {_ALSO_CALLED[name]}." if name in _ALSO_CALLED else hint
            ctx.fail(f"No such command {name!r}.{hint}")
        command = getattr(
            import_module(f"rnnsweep.cli.commands.{_HOMES[name]}"), f"{name.replace('-', '_')}_command"
        )
        assert isinstance(command, click.Command)
        return command


class Command(click.Command):
    """A command with examples, and with --traceback as its last option."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params.append(
            click.Option(["--traceback"], is_flag=True, expose_value=False, help="Show where an error arose.")
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; first name the project's folder where that is not the working directory."""
        if self.name not in _WITHOUT_PROJECT:
            for note in root_notes():
                click.secho(note, err=True, dim=True)
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; answer an option of another tool, or a setting as an option, with what to write here."""
        written = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if instead := _written_here(error.option_name, written):
                ctx.fail(f"No such option {error.option_name!r}. Write instead: {instead}.")
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each example under a line of what it does."""
        with formatter.section("Examples"):
            for line, meaning in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{click.style(line, bold=True)}\n")
                formatter.write(f"{'':>{formatter.current_indent + 4}}{meaning}\n")


def _written_here(option: str, args: Sequence[str]) -> str:
    """Return what to write in place of an option that is not there, with the value that was given."""
    if option in _OPTIONS_THERE:
        return _OPTIONS_THERE[option]
    from rnnsweep.config.schema import nearest_key

    meant = nearest_key(
        option.lstrip("-").replace("-", "_"), cutoff=0.75
    )  # a wrong guess costs more than none
    key = meant.removeprefix(" Did you mean ").rstrip("?").strip("'")
    given = [one.partition("=")[2] for one in args if one.startswith(f"{option}=")]
    given += [value for one, value in pairwise(args) if one == option and not value.startswith("-")]
    return f"{shlex.join([f'{key}={given[0]}'])}, without dashes" if key and given else ""


def command(name: str, *examples: tuple[str, str]) -> Callable[[Callable[..., Any]], Command]:
    """Make a click command of a function; `examples` are command lines and what each does."""
    return click.command(name, cls=Command, examples=examples)


# exactly one JSON object on standard output, everything else on standard error
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else."
)
