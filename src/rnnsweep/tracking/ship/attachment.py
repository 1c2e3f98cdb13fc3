"""Files of a run on their way to the store: one that the store refuses is kept, and holds up no point.

A tracking server may take points and no files: its bucket is gone, its credentials are not here, its disk
is full. So a file that does not go through waits in the run's note, and every later shipment tries it again.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.drawing.palette import colour
from rnnsweep.tasks import score_named
from rnnsweep.tasks.answers import CONFUSION
from rnnsweep.tasks.names import SCORE_TAG, TASK_TAG
from rnnsweep.tracking.ship.picture import Points, curves_of, draw_confusion, draw_curves
from rnnsweep.tracking.tags import RUN_COLOUR, Tag

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

MOST_POINTS = 200_000  # of a run whose curves are still drawn
PICTURES = {CONFUSION: draw_confusion}
# What waits in a note for its picture, which nobody has to wait for: the curves, and a table that was sent.
CURVES_PICTURE = {"curves": "curves.png"}
SENT = "sent"

Waiting = dict[str, str]


class Outside(ValueError):
    """A file that is not the run's own."""


def is_picture(waiting: Waiting) -> bool:
    """Return whether a picture waits to be drawn, not a file to be sent."""
    return waiting == CURVES_PICTURE or SENT in waiting


def attach(client: "MlflowClient", run_id: str, waiting: Waiting, folder: Path) -> Waiting | None:
    """Send one file.

    Args:
        client: of the store.
        run_id: the run's in the store.
        waiting: as `file_of` checked it.
        folder: of the spool's files.

    Returns:
        The picture of it that waits now, where one belongs to it.

    Raises:
        Outside: what waits is no file of the run.
        Exception: whatever the store raises; call again.
    """
    waiting = file_of(waiting, folder)
    file = folder / waiting["file"]
    if not file.is_file():  # sent before; the note of it was not written
        return None
    parent = Path(waiting["name"]).parent.as_posix()
    client.log_artifact(run_id, str(file), None if parent == "." else parent)
    return {**waiting, SENT: "yes"} if waiting.get("picture", "") in PICTURES else None


def draw(client: "MlflowClient", run_id: str, waiting: Waiting, folder: Path) -> Waiting | None:
    """Draw and send the curves of a run, or the picture of a table.

    Args:
        client: of the store.
        run_id: the run's in the store.
        waiting: CURVES_PICTURE, or what `attach` returned.
        folder: of the spool's files.

    Returns:
        None: nothing waits after it.

    Raises:
        Outside: what waits is no file of the run.
        Exception: whatever the store raises; call again.
    """
    if waiting == CURVES_PICTURE:
        picture, name = _curves(client, run_id), waiting["curves"]
    else:
        waiting = file_of(waiting, folder)
        picture = _of_table(folder / waiting["file"], waiting.get("picture", ""))
        name = str(Path(waiting["name"]).with_suffix(".png"))
    if picture:
        _send_bytes(client, run_id, picture, name)
    return None


def _of_table(file: Path, kind: str) -> bytes | None:
    """Draw a table; None where it has too many classes, is no table, or is gone: it was drawn before."""
    try:
        return PICTURES[kind](file.read_text(encoding="utf-8"))
    except (KeyError, ValueError, ArithmeticError, FileNotFoundError):
        return None


def file_of(record: Mapping[str, Any], folder: Path) -> Waiting:
    """Read a line about a file.

    Raises:
        Outside: a file or a name outside of the run's own folder.
    """
    waiting = {key: str(record[key]) for key in ("file", "name", "picture") if key in record}
    if not {"file", "name"} <= set(waiting):
        raise Outside("an artifact without a file or a name")
    own = folder.parent.resolve() / folder.name  # not where a link in its place leads
    inside = (folder / waiting["file"]).resolve().is_relative_to(own)
    name = Path(waiting["name"])
    if not inside or ".." in name.parts or name.is_absolute():
        raise Outside("an artifact outside the folder of its run")
    return waiting


def _send_bytes(client: "MlflowClient", run_id: str, content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="rnnsweep-") as folder:
        file = Path(folder) / Path(name).name
        file.write_bytes(content)
        parent = Path(name).parent.as_posix()
        client.log_artifact(run_id, str(file), None if parent == "." else parent)


def _curves(client: "MlflowClient", run_id: str) -> bytes | None:
    """Draw a run's curves as the store has them, parts before a resume included; None where it has none."""
    run = client.get_run(run_id)
    curves: dict[str, Points] = {}
    score = score_named(run.data.tags.get(TASK_TAG), run.data.tags.get(SCORE_TAG))
    for name in (name for panel in curves_of(score).values() for name in panel):
        if name in run.data.metrics:
            points = client.get_metric_history(run_id, name)
            curves[name] = sorted((point.step, point.value) for point in points)
    if not curves:
        return None
    shade = run.data.tags.get(RUN_COLOUR) or colour(run.data.tags.get(Tag.ARCHITECTURE, ""))
    return draw_curves(curves, title=run.info.run_name or "", colour=shade, score=score)
