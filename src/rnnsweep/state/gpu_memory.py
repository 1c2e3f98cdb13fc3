"""What a sweep learnt of the memory of GPUs: what its largest networks take, and where trials met its end."""

import json
from collections.abc import Mapping

from rnnsweep.files import read_json, write_whole
from rnnsweep.state.folder import SweepFolder

NEEDS = "gpu_memory.json"  # in a sweep's folder: digest of what decides -> bytes of PyTorch, other bytes


def read_needs(folder: SweepFolder) -> dict[str, tuple[int, int]]:
    """Read what was measured; an entry that does not read is measured again."""
    values = read_json(folder.path / NEEDS) or {}
    return {digest: (pair[0], pair[1]) for digest, pair in values.items() if _is_pair(pair)}


def keep_needs(folder: SweepFolder, needs: Mapping[str, tuple[int, int]]) -> None:
    """Keep what was measured, for the next start of the sweep."""
    folder.make()
    write_whole(folder.path / NEEDS, json.dumps({digest: list(pair) for digest, pair in needs.items()}))


def fewest_slots(folder: SweepFolder) -> dict[str, int]:
    """Return how many slots a GPU still had after trials of the sweep ran out of memory there."""
    fewest: dict[str, int] = {}
    for event in folder.events():
        if event["event"] == "fewer":
            fewest[event["gpu"]] = max(1, min(event["slots"], fewest.get(event["gpu"], event["slots"])))
    return fewest


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(type(one) is int and one >= 0 for one in pair)
