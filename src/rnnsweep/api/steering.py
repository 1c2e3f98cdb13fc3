"""Steer a sweep from outside: stop it, propose trials, try failed ones again, take its trials away."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep import engine
from rnnsweep.api.find_sweep import find_name, find_started, started
from rnnsweep.config.overrides import read_overrides
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.safety.spreadsheet import no_formula
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep

if TYPE_CHECKING:
    import pandas

FILES = (".csv", ".parquet")


@dataclass(frozen=True)
class Exported:
    """A sweep's trials, where they were written, and where Optuna keeps them."""

    trials: "pandas.DataFrame"
    file: Path | None
    storage: Path  # Optuna's journal; `optuna-dashboard FILE` opens it


def stop(name: str | Path) -> int:
    """Ask the process that runs a sweep to stop after its trials wrote checkpoints; return its process id.

    Raises:
        UserError: no process runs it, or one on another host does.
    """
    places = find_paths()
    return engine.stop(places.mlruns, find_name(name, places))


def enqueue(name: str | Path, architecture: str, values: Sequence[str]) -> None:
    """Propose a trial of a sweep, as ``["optimizer.lr=0.01"]``; keys left out are drawn by the sampler.

    It is tried next, and counts in the budget.

    Raises:
        UserError: an unknown architecture or key, a value outside the space, a sweep that was not started.
    """
    settings = {one.key: one.value for one in read_overrides(values)}
    engine.enqueue(_started(name), architecture, settings, mlruns=find_paths().mlruns)


def retry(name: str | Path, task: str | None = None) -> int:
    """Let the failed trials of a sweep, or one of them, be tried again; return how many these are.

    Args:
        task: its name as `status` shows it, as ``lstm-3``; None: all that failed
            except diverged ones, which would diverge again.

    Raises:
        UserError: a sweep that was not started; a trial that did not fail.
    """
    return engine.retry(_started(name), mlruns=find_paths().mlruns, task=task)


def export(name: str | Path, to: str | Path | None = None) -> Exported:
    """Return all trials of a sweep, failed and running ones too, and write them to a CSV or Parquet file.

    Raises:
        UserError: the sweep was not started, or the file cannot be written.
    """
    places = find_paths()
    name = find_started(name, places).name
    file = None if to is None else Path(to)
    if file is not None and file.suffix not in FILES:
        raise UserError(f"{file}: must end in {' or '.join(FILES)}")
    table = engine.export(places.mlruns, name)
    if file is not None:
        _write(table, file)
    return Exported(table, file, SweepFolder.of(places.mlruns, name).journal)


def _write(table: "pandas.DataFrame", file: Path) -> None:
    try:
        if file.suffix == ".csv":
            table.map(no_formula).to_csv(file, index=False)
        else:
            table.to_parquet(file, index=False)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror or error}") from error


def _started(name: str | Path) -> Sweep:
    """Read a sweep as it was when it started."""
    places = find_paths()
    folder = find_started(name, places)
    sweep = started(folder.name, places)
    if sweep is None:
        raise UserError(f"{folder.question}: is missing, so what the sweep asked is not known")
    return sweep
