"""``python -P -m rnnsweep.api.compile_ahead``: compile the loops of all cells, so that no training waits.

A tiny training of each cell compiles what real ones of the default settings run, and nothing is recorded.
Those with a wide embedding have one that is large enough for lazy rows, as all but the smallest corpora have.
"""

import tempfile
from pathlib import Path

_ROWS = 96
_WORDS = 50  # at least, in the vocabulary of the rows
_SETTINGS = (
    "data=files",
    "data.vocabulary=200",
    "model.hidden_size=8",
    "trainer.max_epochs=1",
    "trainer.threads=1",
    "tracking.enabled=false",
)


def compile_ahead() -> None:
    """Compile what is not compiled yet; one to two minutes of one core, nothing where all of it is there."""
    from rnnsweep.api.single_runs.training import train
    from rnnsweep.networks.cells import cell_names, find_cell
    from rnnsweep.optim.optimizer import WORTH_IT

    with tempfile.TemporaryDirectory() as name:
        rows = Path(name) / "rows.csv"
        texts = (f"{'word' if row % 2 else 'other'} w{row % 50} w{row % 7},{row % 2}" for row in range(_ROWS))
        wide = WORTH_IT // _WORDS + 1
        rows.write_text("\n".join(["text,category", *texts]), encoding="utf-8")
        for cell in cell_names():
            sizes = (64, wide) if find_cell(cell).loops is not None else (wide,)
            for size in sizes:
                train(
                    [*_SETTINGS, f"model.cell={cell}", f"model.embedding_size={size}", f"data.train={rows}"]
                )


if __name__ == "__main__":
    import sys

    from rnnsweep.errors import UserError
    from rnnsweep.runtime.spared_imports import spare_imports
    from rnnsweep.safety.interpreter import leave_out_working_directory

    leave_out_working_directory()
    spare_imports()
    try:
        compile_ahead()
    except UserError as error:
        sys.exit(f"error: {error}")
