"""Sweeps that are one search with several seeds: what whole studies a claim can rest on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnsweep.state.ledger import read_ledger
from rnnsweep.state.start import read_start

_SAME = ("corpus", "configuration", "model")  # what must be the same where two searches are to be one kind


def further_studies(mlruns: Path, name: str) -> list[str]:
    """Name the finished sweeps that asked the same as this one with another seed, one for each seed.

    They were made by ``rnnsweep sweep NAME --studies``, or by hand from a copy of the file.
    """
    seeds = dict(_studies(mlruns / "sweeps", name))
    own = _seed(mlruns / "sweeps" / name)
    return sorted(found for seed, found in seeds.items() if seed != own)


def _studies(folder: Path, name: str) -> Iterator[tuple[int, str]]:
    asked = _kind(folder / name)
    if asked is None:
        return
    for other in sorted(folder.iterdir()):
        same = other.name != name and _kind(other) == asked
        if same and _finished(other):
            yield _seed(other), other.name


def _kind(folder: Path) -> dict[str, Any] | None:
    """What two studies of one search have in common: all but seed, name and budget."""
    start = read_start(folder)
    if start is None:
        return None
    asked = {key: value for key, value in start["asked"].items() if key != "seed"}
    return {"asked": asked, **{key: start.get(key) for key in _SAME}}


def _finished(folder: Path) -> bool:
    """Say whether the last controller came to its end: half a search is no whole study."""
    events = [event for event in read_ledger(folder) if event["event"] in ("open", "close")]
    return bool(events) and events[-1].get("state") == "finished"


def _seed(folder: Path) -> int:
    start = read_start(folder)
    return int(start["asked"].get("seed", 0)) if start else 0
