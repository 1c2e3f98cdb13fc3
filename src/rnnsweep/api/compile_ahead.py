"""``python -P -m rnnsweep.api.compile_ahead``: compile the loops of all cells, so that no training waits.

A tiny training of each cell compiles what real ones of the default settings run, and nothing is recorded.
"""

import tempfile
from pathlib import Path

_ROWS = 96
_SETTINGS = (
    "data=files",
    "data.vocabulary=200",
    "model.embedding_size=64",
    "model.hidden_size=8",
    "trainer.max_epochs=1",
    "trainer.threads=1",
    "tracking.enabled=false",
)


def compile_ahead() -> None:
    """Compile what is not compiled yet; one to two minutes of one core, nothing where all of it is there."""
    from rnnsweep.api.training import train
    from rnnsweep.networks.cells import cell_names, find_cell

    with tempfile.TemporaryDirectory() as name:
        rows = Path(name) / "rows.csv"
        texts = (f"{'word' if row % 2 else 'other'} w{row % 50} w{row % 7},{row % 2}" for row in range(_ROWS))
        rows.write_text("\n".join(["text,category", *texts]), encoding="utf-8")
        for cell in cell_names():
            if find_cell(cell).loops is not None:
                train([*_SETTINGS, f"model.cell={cell}", f"data.train={rows}"])


if __name__ == "__main__":
    import sys

    from rnnsweep.errors import UserError
    from rnnsweep.safety.interpreter import leave_out_working_directory
    from rnnsweep.spared_imports import spare_imports

    leave_out_working_directory()
    spare_imports()
    try:
        compile_ahead()
    except UserError as error:
        sys.exit(f"error: {error}")
