"""`inspect` and `vectors`: what a network does with a text, and what is known of a corpus's words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from rnnsweep import api
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import overrides_argument
from rnnsweep.cli.output import one_json_object, out

if TYPE_CHECKING:
    from rich.table import Table

    from rnnsweep.inspection import Inspection

SHADES = " ░▒▓█"


@command(
    "inspect",
    ("rnnsweep inspect 3f9a1c 'Oil prices fall again'", "a run by the beginning of its id"),
    ("rnnsweep inspect 'row 5, LSTM 32, packed, last state' 'Not bad'", "the newest run of that name"),
)
@click.argument("run")
@click.argument("text")
@json_option
def inspect_command(run: str, text: str, as_json: bool) -> None:
    """Show gates, states and classes of RUN while it reads TEXT.

    Prints a line for each token; draws every unit of every layer as HTML and PNG, and keeps both on the run.
    """
    with one_json_object(as_json) as emit:
        result = api.inspect(run, text)
        inspection = result.inspection
        emit(
            {
                "run_id": result.run_id,
                "answer": inspection.answer,
                "labels": inspection.labels,
                "tokens": inspection.tokens,
                "known": inspection.known,
                "probabilities": inspection.probabilities_TC,
                "saliency": inspection.saliency_T,
                "page": result.page,
                "picture": result.picture,
            }
        )
    if not as_json:
        console = out()
        console.print(_table(inspection))
        console.print(f"answer   {inspection.answer} ({inspection.confidence:.3f})")
        console.print("gates    mean over the units of layer 1: blank shut, full open", style="dim")
        if not all(inspection.known):
            console.print("[word]   not in the vocabulary", style="dim")
        console.print(f"page     {result.page}", style="dim", soft_wrap=True)
        console.print(f"picture  {result.picture}", style="dim", soft_wrap=True)


def _table(inspection: "Inspection") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from rnnsweep.inspection.trace import gate_names, shown_token

    gates = gate_names(inspection.layers)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("token", "saliency", "class so far", ""):
        table.add_column(name, no_wrap=True)
    for gate in gates:
        table.add_column(gate, no_wrap=True)
    for step, token in enumerate(inspection.tokens):
        shares_C = inspection.probabilities_TC[step]
        best = int(shares_C.argmax())
        shown = shown_token(token)[:24]
        table.add_row(
            Text(shown if inspection.known[step] else f"[{shown}]"),
            bar(float(inspection.saliency_T[step]), 8),
            Text(inspection.labels[best][:16]),
            f"{shares_C[best]:.2f}",
            *(shade(float(inspection.layers[0].gates[gate][step].mean())) for gate in gates),
        )
    return table


def bar(share: float, width: int) -> str:
    """Draw a share of one as a bar of `width` cells."""
    return "█" * round(share * width)


def shade(share: float) -> str:
    """Draw a share of one as a shaded cell and a number."""
    return f"{SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)] * 2} {share:.2f}"


@command(
    "vectors",
    ("rnnsweep vectors glove.6B.50d.txt data=ag_news", "how many words of the corpus the file has"),
    (
        "rnnsweep vectors own data=files data.train=reviews.csv",
        "vectors computed from the corpus's own texts",
    ),
)
@click.argument("file")
@overrides_argument
@json_option
def vectors_command(file: str, overrides: Sequence[str], as_json: bool) -> None:
    """Count how many words of a corpus a FILE of word vectors has.

    A run starts from the vectors with data.vectors=FILE and model.embedding_size=NUMBER, the length of a
    vector; model.freeze_embedding=true does not train them.
    """
    with one_json_object(as_json) as emit:
        coverage, width = api.vectors(file, overrides)
        emit({"file": file, "width": width, **vars(coverage)})
    if not as_json:
        for name, value in [("numbers of a vector", str(width)), *coverage.table]:
            out().print(f"{name:<30} {value}", soft_wrap=True)
