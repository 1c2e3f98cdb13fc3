"""Sweeps that are one search with several seeds: what whole studies a claim can rest on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnsweep.state.folder import SweepFolder

_SAME = ("corpus", "configuration", "model")  # what must be the same where two searches are to be one kind


def further_studies(mlruns: Path, name: str) -> list[str]:
    """Name the finished sweeps that asked the same as this one with another seed, one for each seed.

    They were made by ``rnnsweep sweep NAME --studies``, or by hand from a copy of the file.
    """
    own = SweepFolder.of(mlruns, name)
    seeds = dict(_studies(mlruns, own))
    return sorted(other for seed, other in seeds.items() if seed != _seed(own))


def _studies(mlruns: Path, own: SweepFolder) -> Iterator[tuple[int, str]]:
    kind = _kind(own)
    if kind is None:
        return
    for other in SweepFolder.every(mlruns):
        # half a search is no whole study
        if other != own and _kind(other) == kind and other.last_state() == "finished":
            yield _seed(other), other.name


def _kind(folder: SweepFolder) -> dict[str, Any] | None:
    """Return what two studies of one search have in common: all but seed, name and budget."""
    start = folder.start()
    if start is None:
        return None
    settings = {key: value for key, value in start["asked"].items() if key != "seed"}
    return {"asked": settings, **{key: start.get(key) for key in _SAME}}


def _seed(folder: SweepFolder) -> int:
    start = folder.start()
    return int(start["asked"].get("seed", 0)) if start else 0
