"""`predict`, `serve` and `export-model`: what came out, put to use."""

from dataclasses import asdict
from pathlib import Path

import click

from rnnsweep import api, models
from rnnsweep.api.prediction_files import TextsToAnswer, check_file, read_asked, write_answers
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.output import echo, err, one_json_object, out, telling
from rnnsweep.cli.words import count
from rnnsweep.safety.shell import command_line

WHICH = "Sweep, SWEEP@ARCHITECTURE, run or folder. [default: the last sweep's champion]"
SHOWN = 60  # characters of a text in a line


@command(
    "predict",
    ("rnnsweep predict 'Oil prices fall again'", "ask the champion of the last sweep"),
    ("rnnsweep predict --model quickstart@gru 'Return the sum'", "the best GRU of a sweep"),
    (
        "rnnsweep predict --file reviews.csv --to answers.csv",
        "many texts: CSV, TSV, JSON Lines, Parquet, lines",
    ),
    ("rnnsweep predict 'Not bad' --json | jq .predictions", "one JSON object, for programs"),
)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "-f", help="Read texts from a file, or - for lines on standard input.")
@click.option(
    "--column", help="Column of the texts in FILE. [default: data.text of the model, or found by name]"
)
@click.option("--model", "-m", help=WHICH)
@click.option("--to", type=click.Path(path_type=Path), help="Write the answers to a .csv or .jsonl file.")
@json_option
def predict_command(
    texts: tuple[str, ...],
    file: str | None,
    column: str | None,
    model: str | None,
    to: Path | None,
    as_json: bool,
) -> None:
    """Predict the class or the number of texts.

    The model is a sweep's champion (the architecture that is ahead in its standings), another of its
    architectures, any run, or a model's folder. No code of the folder is run.
    """
    if bool(texts) == (file is not None):
        raise click.UsageError(
            "Give texts, or --file." if not texts else "Texts and --file exclude each other."
        )
    if column is not None and file is None:
        raise click.UsageError("--column needs --file.")
    from rnnsweep.api.trained_on import say_trained_on

    with one_json_object(as_json) as emit:
        if file not in (None, "-"):
            check_file(file)  # before a model is loaded for nothing
        loaded = api.load_model(model)
        asked = TextsToAnswer(texts) if file is None else read_asked(file, column=column, model=loaded)
        trained_on = say_trained_on(file, loaded) if file is not None else ""
        for note in (*asked.notes, *filter(None, [trained_on])):
            err().print(note, style="dim")
        answers = loaded.predict(asked)
        if to is not None:
            write_answers(asked, answers, to)
        emit({"model": loaded.facts, "predictions": [asdict(answer) for answer in answers]})
    if not as_json:
        _show(loaded, asked, answers, to)


@command(
    "serve",
    ("rnnsweep serve", "the champion of the last sweep, on 127.0.0.1"),
    ("rnnsweep serve --model quickstart@gru --port 8080", "another model, another port"),
)
@click.option("--model", "-m", help=WHICH)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=5001, show_default=True, help="First one tried."
)
def serve_command(model: str | None, port: int) -> None:
    """Serve a model with MLflow's scoring server on 127.0.0.1.

    POST {"inputs": ["a text"]} to /invocations. Ctrl-C ends it.
    """
    from rnnsweep.models.scoring import serve

    serve(api.load_model(model), port=port, say=echo)


@command(
    "export-model",
    ("rnnsweep export-model champion.onnx", "the champion of the last sweep"),
    ("rnnsweep export-model gru.onnx --model quickstart@gru", "the best GRU of a sweep"),
)
@click.argument("to", type=click.Path(path_type=Path))
@click.option("--model", "-m", help=WHICH)
@click.option("--overwrite", is_flag=True, help="Write over a file that is there.")
def export_model_command(to: Path, model: str | None, overwrite: bool) -> None:
    """Write a model as an ONNX file for texts of any length.

    Token ids go in; logits and probabilities come out.

    It is compared with the original on texts of many lengths before it is left on disk. Vocabulary, classes
    and the way of cutting texts are in its metadata. Needs the extra: pip install 'rnnsweep[onnx]'.
    """
    path = api.export_model(to, model=model, overwrite=overwrite)
    echo(f"{path} ({path.stat().st_size / 1e6:,.1f} MB), checked against the original")


def keep_models(result: "api.SweepResult") -> None:
    """Log a finished sweep's models after its standings; a fault here costs the sweep nothing."""
    from rnnsweep.api.find_sweep import resume_command
    from rnnsweep.api.models import log_models_of

    console = err()
    with telling() as tell:
        done, fault = log_models_of(result, tell=tell)
    if fault:
        console.print(f"models were not logged: {fault}", style="yellow")
        again = resume_command(result.sweep)
        console.print(f"  to try again: {again}", style="dim", soft_wrap=True)
    if done is None:
        return
    for architecture, why in done.missing.items():
        console.print(f"no model of {architecture}: {why}", style="yellow")
    if done.models:
        ask = command_line("predict", "--model", done.name, "a text")
        words = f"Models: {len(done.models)}, the best is {done.champion}; to ask it: {ask}"
        console.print(words, style="dim", soft_wrap=True)


def _show(
    model: "models.TextModel", asked: "TextsToAnswer", answers: "list[models.Answer]", to: Path | None
) -> None:
    err().print(f"{model.facts.get('architecture')} on {_corpus(model)}", style="dim")
    if to is None and len(answers) == 1:
        _show_one(answers[0])
        return
    if to is not None:
        out().print(f"{to}: {count(len(answers), 'answer')}", soft_wrap=True)
    else:
        for text, answer in zip(asked, answers, strict=True):
            cut = " ".join(text[: 2 * SHOWN].split())[:SHOWN]
            out().print(f"{answer.short}  {cut}", soft_wrap=True)
    unknown = [number for number, answer in enumerate(answers, 1) if answer.known == 0]
    if unknown:
        where = "" if to is None else f" Their column known is 0 in {to}."
        err().print(
            f"The model knows no word of {len(unknown)} of {count(len(answers), 'text')} (the first is text "
            f"{unknown[0]}): those answers mean nothing.{where}",
            style="yellow",
        )


def _show_one(answer: "models.Answer") -> None:
    for line in answer.lines:
        out().print(line)
    if answer.known == 0:
        err().print("The model knows no word of this text: its answer means nothing.", style="yellow")
    else:
        err().print(f"{answer.known} of {count(answer.tokens, 'token')} known", style="dim")


def _corpus(model: "models.TextModel") -> str:
    corpus = model.facts.get("corpus")
    return str(corpus.get("name")) if isinstance(corpus, dict) else "a corpus"
