"""`train` and `evaluate`: one run."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import click

from rnnsweep import api, training
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.commands.data import print_facts
from rnnsweep.cli.names import overrides_argument
from rnnsweep.cli.output import INTERRUPTED, READING, echo, err, one_json_object, out, table, telling
from rnnsweep.cli.words import count, loss, score
from rnnsweep.drawing.times import duration
from rnnsweep.errors import UserError
from rnnsweep.safety.shell import command_line

if TYPE_CHECKING:
    from rich.console import Console

    from rnnsweep.api.results import EvaluateResult
    from rnnsweep.config import RunConfig
    from rnnsweep.data import EncodedCorpus


@command(
    "train",
    ("rnnsweep train", "train the run that conf/config.yaml describes"),
    ("rnnsweep train model=gru optimizer.lr=0.01 trainer.max_epochs=3", "another model and other values"),
    ("rnnsweep train -m model=lstm,gru optimizer.lr=0.003,0.01", "every combination, as a sweep"),
    ("rnnsweep train data.train=reviews.csv", "your own text, and what is to be predicted"),
    ("rnnsweep train --resume 3f9a1c", "a run that was interrupted, from its last checkpoint"),
    ("rnnsweep train model=bilstm --json | jq .validation", "one JSON object, for programs"),
)
@overrides_argument
@click.option("-m", "--multirun", is_flag=True, help="Train every combination of values, as a sweep.")
@click.option("--resume", metavar="RUN", help="Resume an interrupted run: its id, a prefix or its name.")
@click.option("--cfg", "--info", "hydras", is_flag=False, flag_value="", hidden=True)
@json_option
def train_command(
    overrides: Sequence[str], multirun: bool, resume: str | None, hydras: str | None, as_json: bool
) -> int:
    """Train one run and record it.

    KEY=VALUE sets a value of the run, as optimizer.lr=0.01, or chooses a file of conf/, as model=gru;
    `rnnsweep config` lists the keys.
    """
    if hydras is not None:
        raise click.UsageError("What a run is composed of is printed by: rnnsweep config [KEY=VALUE]...")
    if multirun and resume is not None:
        raise click.UsageError(
            "-m and --resume exclude each other; a sweep resumes with: rnnsweep sweep NAME"
        )
    if multirun:
        return _train_grid(overrides, as_json)
    with one_json_object(as_json) as emit:
        result = _train(overrides, resume)
        emit(
            {
                "run_id": result.run_id,
                "validation": result.validation,
                "score": result.score.facts(),
                "parameters": result.parameters,
                "seconds": result.seconds,
            }
        )
    if as_json:
        _print_constant(err(), result)
    else:
        _conclude(result)
    return INTERRUPTED if result.stopped == "interrupted" else 0


def _train_grid(overrides: Sequence[str], as_json: bool) -> int:
    from rnnsweep.cli.commands.sweeps import run_asked

    if as_json:
        raise click.UsageError("-m and --json exclude each other; rnnsweep status NAME --json has its state.")
    return run_asked(overrides, grid=True)


@command(
    "evaluate",
    ("rnnsweep evaluate 3f9a1c", "a run by the beginning of its id"),
    ("rnnsweep evaluate 'bilstm lr=0.01'", "the newest run of that name"),
    ("rnnsweep evaluate 3f9a1c --json", "one JSON object, for programs"),
)
@click.argument("run")
@json_option
def evaluate_command(run: str, as_json: bool) -> None:
    """Score RUN on the test part, and record the score on it.

    The test part is for the last question, not for choosing: search and compare by validation.
    """
    with one_json_object(as_json) as emit:
        result = api.evaluate(run)
        emit(
            {
                "run_id": result.run_id,
                "test": dict(result.values),
                "score": result.score.facts(),
                "classes": result.classes,
            }
        )
    if not as_json:
        _print_evaluation(result)


def _print_evaluation(result: "EvaluateResult") -> None:
    """Print a line for each score, and a table with a row for each class."""
    echo(f"run {result.run_id[:8]} ({result.name}) on the test part")
    wide = max(map(len, ("loss", *result.titles.values())))
    for name, title in result.titles.items():
        echo(f"  {title:<{wide}}  {score(result.values[name])}")
    echo(f"  {'loss':<{wide}}  {loss(result.values['loss'])}")
    if not result.classes:
        return
    first, *numbers = result.classes[0]
    drawn = table(first, right=numbers)
    for row in result.classes:
        name, *values, rows = row.values()
        drawn.add_row(str(name), *map(score, values), f"{rows:,}")
    out().print(drawn)
    never = [
        repr(name)
        for name, precision, *_, rows in map(dict.values, result.classes)
        if rows and precision is None
    ]
    if never:
        more = f" and {len(never) - 8:,} more" if len(never) > 8 else ""
        echo(f"never predicted: {', '.join(never[:8])}{more}; task.class_weights=balanced weighs the labels")


def _train(overrides: Sequence[str], resume: str | None) -> "api.TrainResult":
    with ExitStack() as reading:
        reading.enter_context(telling(READING))

        def begin(run: "RunConfig", corpus: "EncodedCorpus") -> None:
            reading.close()
            _begin(run, corpus)

        return _trained(overrides, resume, begin)


def _trained(
    overrides: Sequence[str], resume: str | None, begin: "Callable[[RunConfig, EncodedCorpus], None]"
) -> "api.TrainResult":
    try:
        return api.train(overrides, resume=resume, on_begin=begin, on_validation=_tell, on_stop=_stopping)
    except api.Interrupted as ended:
        return cast("api.TrainResult", ended.result)
    except UserError:  # before the next line, which imports PyTorch
        raise
    except training.Diverged as error:
        raise UserError(
            f"the training diverged: {error}; the run is recorded as failed."
            " Lower optimizer.lr or optimizer.gradient_clip."
        ) from error


def _begin(run: "RunConfig", corpus: "EncodedCorpus") -> None:
    sizes = ", ".join(f"{rows:,} {part}" for part, rows in corpus.sizes.items())
    err().print(f"{run.architecture} on {corpus.name} ({sizes}), seed {run.seed}")
    print_facts(err(), corpus.facts)


def _tell(seen: "api.Validation") -> None:
    train = "" if seen.train_loss is None else f"train loss {loss(seen.train_loss)}, "
    err().print(
        f"epoch {seen.epoch:<4.3g} {train}validation loss {loss(seen.values['loss'])},"
        f" {seen.score.title} {score(seen.values[seen.score.name])}  {duration(seen.seconds):>8}",
        soft_wrap=True,
    )


def _stopping() -> None:
    err().print(
        "stopping: a checkpoint is written, then the run is sent to MLflow; a second Ctrl-C does not wait",
        soft_wrap=True,
    )


def _conclude(result: "api.TrainResult") -> None:
    console = out()
    ended = {"interrupted": "interrupted after", "early": "stopped early after"}.get(result.stopped or "", "")
    console.print(
        f"{score(result.validation)} best validation {result.score.title}"
        f" ({ended} {count_epochs(result.epochs)}, {count(result.parameters, 'parameter')},"
        f" {duration(result.seconds)})".replace("( ", "(")
    )
    _print_constant(console, result)
    if result.run_id is not None:
        console.print(f"run {result.short_id}  {result.name}")
        if "." in result.short_id:
            console.print("not in the store yet; to send it: rnnsweep sync", style="yellow")
        if result.stopped == "interrupted":
            console.print(f"  resume it   {command_line('train', '--resume', result.short_id)}")
        console.print(f"  test it     {command_line('evaluate', result.short_id)}", style="dim")
        console.print("  browse      rnnsweep ui", style="dim")


def _print_constant(console: "Console", result: "api.TrainResult") -> None:
    """Print what one number for every row scores, and warn where the network is no better.

    Nothing where answers are classes.
    """
    if result.constant is None:
        return
    from rnnsweep.comparison.words import say_constant

    said = f"{say_constant(result.score)} scores {score(result.constant)}"
    turned = result.score.turned
    if turned(result.validation) > turned(result.constant):
        console.print(said, style="dim", soft_wrap=True)
    else:
        console.print(
            f"the network is no better than one number for every row: {said}", style="yellow", soft_wrap=True
        )


def count_epochs(epochs: float) -> str:
    """Write ``1 epoch`` or ``2.5 epochs``."""
    return f"{epochs:.3g} epoch" if epochs == 1 else f"{epochs:.3g} epochs"
