"""Look inside a recorded run while it reads a text, and keep the pictures on the run."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.api.single_runs.evaluation import checkpoint_of, recorded_run
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    from rnnsweep.inspection import Inspection

SHOWN = 80  # characters of a text in a title


@dataclass(frozen=True)
class InspectResult:
    """What a run did with a text, and where it is drawn."""

    run_id: str
    name: str
    inspection: "Inspection"
    page: Path
    picture: Path


def inspect(run: str, text: str, *, uri: str | None = None) -> InspectResult:
    """Look at gates, states, classes and saliency of a run token by token; HTML and PNG are kept on the run.

    Args:
        run: its id, a prefix of it that no other has, its key or its name.
        text: any text; what the network cuts off is not shown.
        uri: the store, as setting `tracking.uri`.

    Raises:
        UserError: no such run, several of them, its checkpoint is gone, or the text has no token.
    """
    from rnnsweep.data import prepare
    from rnnsweep.inspection import draw, read, write_page
    from rnnsweep.tracking import RunRecord, find_run, sync
    from rnnsweep.training.initial import restore

    mlruns = find_paths().mlruns
    row = find_run(mlruns, run, uri=uri)
    config = recorded_run(row, mlruns)
    if config.spec.targets != "classes":
        raise UserError(
            f"run {row.run_id[:8]}: classes are shown token by token, task={config.spec.name} has none"
        )
    weights = checkpoint_of(row, mlruns)
    corpus = prepare(config.data)
    inspection = read(restore(config, corpus, weights), corpus, text)
    title = f"{row.name}: {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}"
    image = draw(inspection, title=title)
    page, picture = weights.parent / "inspection.html", weights.parent / "inspection.png"
    write_page(inspection, page, title=title, picture=image)
    picture.write_bytes(image)
    record = RunRecord.attach(mlruns, row.tags[Tag.KEY])
    record.artifact(page, f"inspection/{_slug(text)}.html")
    record.artifact(picture, f"inspection/{_slug(text)}.png")
    record.flush(5.0)
    sync(mlruns, uri)
    return InspectResult(row.run_id, row.name, inspection, page, picture)


def _slug(text: str) -> str:
    words = "".join(c.lower() if c.isalnum() and c.isascii() else "-" for c in text[:60]).split("-")
    return "-".join(word for word in words if word) or "text"
