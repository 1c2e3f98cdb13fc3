"""`vectors`: how many of a corpus's words a file of vectors has."""

from collections.abc import Sequence

import click

from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import overrides_argument
from rnnsweep.cli.output import one_json_object, out


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
        from rnnsweep.api import vectors

        coverage, width = vectors(file, overrides)
        emit({"file": file, "width": width, **vars(coverage)})
    if not as_json:
        for name, value in [("numbers of a vector", str(width)), *coverage.table]:
            out().print(f"{name:<30} {value}", soft_wrap=True)
