"""Lockers: what carrying the checkpoints of eight trials off their node costs, by each of the three ways."""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnsweep.launchers.agents.controller.home import Home
from rnnsweep.launchers.agents.messages import CHECKPOINTS, Lines, Piece, Stored
from rnnsweep.launchers.agents.node.scratch import CARRY_S, Scratch
from rnnsweep.launchers.agents.store import Store
from rnnsweep.trial import TrialTask

SLOTS, CHECKPOINT, WEIGHTS, TURNS = 8, 6 << 20, 2 << 20, 5


def carried(folder: Path, place: str | None) -> float:
    """Carry the checkpoints of all slots; return the processor seconds of agent and controller together."""
    store = None if place is None else Store(place)
    spent, pairs = [], []
    for slot in range(SLOTS):
        own = folder / "sweeps" / "toy" / "trials" / str(slot)
        task = TrialTask(f"t{slot}", "trial", "rnn", (), own, folder, experiment="toy", name=str(slot))
        home = Home(task, slot, store)
        prepare, *_ = home.prepare()
        pairs.append((Scratch(folder / f"node-{place is None}", prepare, store), home))
    for _ in range(TURNS):
        for scratch, _ in pairs:
            for name, size in zip(CHECKPOINTS, (CHECKPOINT, WEIGHTS), strict=True):
                path = scratch.task.folder / name
                path.parent.mkdir(exist_ok=True)
                aside = path.with_suffix(".new")
                aside.write_bytes(os.urandom(size))
                aside.replace(path)
            scratch._carried_at = -CARRY_S * 2
        began = time.process_time()
        waiting = list(pairs)
        while waiting:
            waiting = [pair for pair in waiting if not _deliver(*pair)]
            time.sleep(0.01)
        spent.append(time.process_time() - began)
    if store is not None:
        store.close()
    return sorted(spent)[TURNS // 2]


def _deliver(scratch: Scratch, home: Home) -> bool:
    """Deliver what is new; return whether a checkpoint was among it."""
    done = False
    for news in scratch.news():
        assert isinstance(news, Lines | Piece | Stored)
        home.take(news)
        done = done or isinstance(news, Piece | Stored)
    return done


def run() -> list[dict]:
    """Measure a folder, a bucket of rclone's server, and pieces in the messages."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from s3_server import account, s3_server

    rows = []
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        (folder / "served" / "bucket").mkdir(parents=True)
        with s3_server(folder / "served") as endpoint:
            account(patch, endpoint)
            places: dict[str, Callable[[], str | None]] = {
                "in pieces": lambda: None,
                "in a folder": lambda: str(folder / "locker"),
                "in a bucket": lambda: "s3://bucket/x",
            }
            for case, place in places.items():
                (folder / case).mkdir()
                rows.append(_row(case, carried(folder / case, place())))
    return rows


def _row(case: str, seconds: float) -> dict:
    share = 100 * seconds / (SLOTS * CARRY_S)
    sizes = f"{CHECKPOINT >> 20} MB and weights of {WEIGHTS >> 20} MB"
    return {
        "case": f"checkpoints of {SLOTS} slots, {sizes}, {case}",
        "ours": share,
        "other": 2.0,
        "other_name": "the most that it may be",
        "ratio": 2.0 / share,
        "unit": "% of the slots' time",
        "note": f"processor time of agent and controller, without the server's; each checkpoint"
        f" is sent once in {CARRY_S:g} s",
    }
