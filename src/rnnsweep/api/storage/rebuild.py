"""The local store: made again from what the runs recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.api.find_sweep import find_name
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder

if TYPE_CHECKING:
    from rnnsweep.tracking.ship.rebuild import Rebuilt


def rebuild_store(
    sweep: str | Path | None = None, *, tell: Callable[[str], object] = lambda words: None
) -> "Rebuilt":
    """Make MLflow's side of a sweep again, or that of all runs: runs, points, parameters, artifacts.

    Runs that the store has keep their ids and get what they lack. Registered models are not among it:
    `log_models` makes them from the checkpoints.

    Args:
        sweep: a name or a file; None: all sweeps and single runs.
        tell: called with what is done, before it takes long.

    Raises:
        UserError: there is no such sweep, it is running, or nothing was recorded.
    """
    from rnnsweep.tracking.ship.rebuild import rebuild

    places = find_paths()
    folder = None if sweep is None else SweepFolder.started(places.mlruns, find_name(sweep, places))
    for one in [folder] if folder else SweepFolder.every(places.mlruns):
        if one.is_running():
            raise UserError(f"sweep {one.name!r} is running: wait for it or stop it first")
    own = folder.key() if folder else None
    done = rebuild(
        places.mlruns,
        wanted=lambda key: own is None or key == own or key.startswith(f"{own}."),
        tell=tell,
    )
    if not (done.runs or done.deleted or done.elsewhere):
        what = f"of sweep {folder.name!r}" if folder else f"in {places.mlruns}"
        raise UserError(
            f"no records {what}: runs of versions that kept none in mlruns/records/ are in mlruns/mlflow.db"
            " alone; put a copy of it back"
        )
    return done
