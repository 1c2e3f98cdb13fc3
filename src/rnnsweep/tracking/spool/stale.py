"""Runs whose process died without a word: found, and closed as interrupted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.state.outcome import EndState
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.tracking.spool.spool import read_all, spooled_keys

REASON = "its process died"


def close_stale(mlruns: Path) -> list[str]:
    """Close the runs that nobody owns any more; give their keys. The next sync tells the store.

    A run is owned while its own process lives, or that of its parent (a sweep's controller knows what
    became of its trials), or while either is on another host, where nobody here can look.
    """
    closed = stale_keys(mlruns)
    for key in closed:
        RunRecord.attach(mlruns, key).end(EndState.INTERRUPTED, REASON)
    return closed


def stale_keys(mlruns: Path) -> list[str]:
    """Return the keys of the runs that have not ended and that nobody owns any more."""
    open_runs = _open_runs(mlruns)
    return [key for key in open_runs if not _is_owned(key, open_runs)]


def owned_keys(mlruns: Path) -> set[str]:
    """Return the keys of the runs that a process may still write to."""
    open_runs = _open_runs(mlruns)
    return {key for key in open_runs if _is_owned(key, open_runs)}


def _open_runs(mlruns: Path) -> dict[str, Mapping[str, Any]]:
    """Return the last start line of each run that has started and not ended."""
    open_runs = {}
    for key in spooled_keys(mlruns):
        start: Mapping[str, Any] | None = None
        for record in read_all(mlruns / "spool" / f"{key}.jsonl"):
            if record["op"] == "start":
                start = record
            elif record["op"] == "end":
                start = None
        if start is not None:
            open_runs[key] = start
    return open_runs


def _is_owned(key: str, open_runs: Mapping[str, Mapping[str, Any]]) -> bool:
    start = open_runs[key]
    parent = open_runs.get(str(start.get("parent")), {})
    return _lives(start.get("owner")) or _lives(parent.get("owner"))


def _lives(owner: Mapping[str, Any] | None) -> bool:
    identity = ProcessIdentity.read(owner)
    return identity is not None and identity.may_live()
