"""`stop`, `enqueue`, `retry` and `export`: steer a sweep from another terminal or between its calls."""

import click

from rnnsweep import api
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import complete_sweep
from rnnsweep.cli.output import echo, err, one_json_object
from rnnsweep.cli.words import count
from rnnsweep.safety.shell import command_line
from rnnsweep.safety.spreadsheet import no_formula


@command(
    "stop",
    ("rnnsweep stop quickstart", "as Ctrl-C does in the terminal that runs it"),
)
@click.argument("sweep", shell_complete=complete_sweep)
@json_option
def stop_command(sweep: str, as_json: bool) -> None:
    """Stop SWEEP from elsewhere; its trials keep checkpoints."""
    with one_json_object(as_json) as emit:
        from rnnsweep.api.find_sweep import resume_command

        process, again = api.stop(sweep), resume_command(sweep)
        emit({"sweep": sweep, "process": process})
    if not as_json:
        echo(f"asked process {process} to stop; resume with: {again}", err=True)


@command(
    "enqueue",
    ("rnnsweep enqueue quickstart lstm optimizer.lr=0.003", "the sampler draws the other values"),
    ("rnnsweep enqueue quickstart gru model.hidden_size=96 optimizer.lr=1e-3", "two values of its space"),
)
@click.argument("sweep", shell_complete=complete_sweep)
@click.argument("architecture")
@click.argument("values", metavar="KEY=VALUE...", nargs=-1, required=True)
@json_option
def enqueue_command(sweep: str, architecture: str, values: tuple[str, ...], as_json: bool) -> None:
    """Propose a trial of ARCHITECTURE, which SWEEP tries next.

    It counts in the budget: where that is spent, raise it with `rnnsweep sweep SWEEP --trials N`.
    """
    with one_json_object(as_json) as emit:
        api.enqueue(sweep, architecture, values)
        emit({"sweep": sweep, "architecture": architecture, "values": values})
    if not as_json:
        echo(f"proposed to {architecture}; it runs next{_with_what(sweep)}", err=True)


def _with_what(sweep: str) -> str:
    from rnnsweep.api.find_sweep import resume_command

    if api.status(sweep).state == "running":
        return ", in the sweep that is running"
    return f" with: {resume_command(sweep)}"


@command(
    "retry",
    ("rnnsweep retry quickstart", "all that failed"),
    ("rnnsweep retry quickstart lstm-3", "one of them, as `rnnsweep status` names it"),
)
@click.argument("sweep", shell_complete=complete_sweep)
@click.argument("trial", required=False)
@json_option
def retry_command(sweep: str, trial: str | None, as_json: bool) -> None:
    """Give the failed trials of SWEEP, or one, another try.

    Their places in the budget are given back. A running sweep tries them; else the next call of it does.
    """
    with one_json_object(as_json) as emit:
        number = api.retry(sweep, trial)
        emit({"sweep": sweep, "retried": number})
    if as_json:
        return
    if number:
        echo(f"{count(number, 'task')} to be tried again{_with_what(sweep)}", err=True)
    elif diverged := api.status(sweep).failures:  # left alone, as nothing else failed
        one = command_line("retry", sweep, diverged[0].name)
        echo(
            f"the failed trials of sweep {sweep} diverged, and the same values would again; search lower"
            f" values of optimizer.lr, or try one again: {one}",
            err=True,
        )
    else:
        echo(f"nothing of sweep {sweep} failed", err=True)


@command(
    "export",
    ("rnnsweep export quickstart --to trials.csv", "for a spreadsheet"),
    ("rnnsweep export quickstart --to trials.parquet", "for pandas, with types"),
    ("rnnsweep export quickstart | head -3", "without a file: CSV on standard output"),
)
@click.argument("sweep", shell_complete=complete_sweep)
@click.option("--to", "file", type=click.Path(dir_okay=False), help="A .csv or .parquet file to write.")
@json_option
def export_command(sweep: str, file: str | None, as_json: bool) -> None:
    """Write all trials of SWEEP to a CSV or Parquet file.

    Prints also the command that opens it in optuna-dashboard.
    """
    with one_json_object(as_json) as emit:
        exported = api.export(sweep, file)
        emit(
            {
                "sweep": sweep,
                "trials": len(exported.trials),
                "file": exported.file,
                "storage": exported.storage,
            },
        )
    if as_json:
        return
    if exported.file is None:
        echo(exported.trials.map(no_formula).to_csv(index=False), nl=False)
    to = "standard output" if exported.file is None else exported.file
    err().print(f"{count(len(exported.trials), 'trial')} to {to}", soft_wrap=True)
    browse = command_line(exported.storage, program="optuna-dashboard")
    err().print(f"to browse: {browse}", style="dim", soft_wrap=True)
