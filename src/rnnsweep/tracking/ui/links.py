"""Where the prepared views of a sweep are: short addresses on the project's own UI, long ones on a server."""

import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote

from rnnsweep.errors import UserError
from rnnsweep.safety.redaction import has_secret
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.store.address import LOCAL, PATIENCE, as_oneself
from rnnsweep.tracking.ui.running import address_of_ui
from rnnsweep.tracking.ui.views import TITLES, page_of

SHORT = "/view/"  # on the project's own UI: /view/SWEEP/VIEW leads to the page
LAST = "/view"  # on it: leads to the sweep that was started last
RUNS = "#/experiments?workflowType=machine_learning"  # where no sweep was started
KNOWS_VIEWS = (3, 15)  # the first version of MLflow that does


def sweep_links(mlruns: Path, sweep: str, key: str) -> dict[str, str]:
    """Return what to open after a sweep, by title, wherever its runs went; `key` is its own run's.

    On the project's own UI these are short. A server that does not know views gives the experiment alone;
    where the store is no server, or has not seen the sweep, there is nothing to open.
    """
    note = read_note(mlruns, key)
    if note.destination == LOCAL and note.experiment_id:
        start = f"{address_of_ui(mlruns)}{SHORT}{quote(sweep)}"
        return {title: f"{start}/{view}" for view, title in TITLES.items()}
    if not note.destination.startswith(("http://", "https://")) or not note.experiment_id:
        return {}
    if has_secret(note.destination):  # noted by a version that took passwords in addresses
        return {}
    base = note.destination.rstrip("/")
    if knows_views(base):
        return {title: f"{base}/{page_of(note.experiment_id, view)}" for view, title in TITLES.items()}
    return {"Experiment": f"{base}/#/experiments/{note.experiment_id}"}


def knows_views(base: str) -> bool:
    """Return whether the server is of a version that knows saved views; one that does not answer is not."""
    try:
        with urllib.request.urlopen(as_oneself(f"{base}/version"), timeout=PATIENCE) as answer:
            words = answer.read(100).decode().split(".")
        return (int(words[0]), int(words[1])) >= KNOWS_VIEWS
    except (OSError, ValueError, IndexError, HTTPException):
        return False


def page_behind(path: str, experiments: dict[str, str]) -> str | None:
    """Return the page behind a short address, or None where there is none.

    Args:
        path: as ``/view/quickstart/standings``, decoded.
        experiments: number of each sweep's experiment.
    """
    sweep, _, view = path.removeprefix(SHORT).rpartition("/")
    if not path.startswith(SHORT) or view not in TITLES or sweep not in experiments:
        return None
    return "/" + page_of(experiments[sweep], view)


def page_of_last(experiment: str | None, *, view: str = "standings") -> str:
    """Return a view of the last sweep, by its experiment; the list of experiments where there is none."""
    return "/" + (page_of(experiment, view) if experiment else RUNS)


def key_of_sweep(mlruns: Path, sweep: str) -> str | None:
    """Return the key of a sweep's own run; None where no such sweep was started here."""
    with suppress(UserError, KeyError):
        return SweepFolder.of(mlruns, sweep).key()
    return None
