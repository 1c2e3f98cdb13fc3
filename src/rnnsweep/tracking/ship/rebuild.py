"""The local store made again from the records of its runs."""

import json
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rnnsweep.files import write_whole
from rnnsweep.tracking.ship.own_files import alone_at_store
from rnnsweep.tracking.ship.shipper import sync
from rnnsweep.tracking.spool.archive import (
    each_once,
    forget_records,
    read_records,
    recorded_keys,
    return_files,
)
from rnnsweep.tracking.spool.note import Note, read_note, write_note
from rnnsweep.tracking.spool.spool import Record, read_all, spool_folder, spooled_keys
from rnnsweep.tracking.spool.stale import owned_keys
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.opened import open_for_reading, refuse_damaged
from rnnsweep.tracking.store.store import database, ensure_store

SEND_S = 600.0  # for all runs


@dataclass(frozen=True)
class Rebuilt:
    """What the store has again."""

    runs: int
    points: int
    deleted: tuple[str, ...] = ()  # keys of runs that were deleted in the UI, and stay so
    elsewhere: tuple[str, ...] = ()  # keys of runs that belong to a server
    waiting: tuple[str, ...] = ()  # keys of runs that the store did not take
    errors: tuple[str, ...] = ()


def rebuild(
    mlruns: Path,
    *,
    wanted: Callable[[str], bool] = lambda key: True,
    tell: Callable[[str], object] = lambda words: None,
) -> Rebuilt:
    """Send the records of all runs, or of those that are wanted, to the local store again.

    A run that the store has keeps its id there, and gets what it lacks; none is there twice.

    Args:
        mlruns: the folder of results.
        wanted: says of a run's key whether it is to be sent.
        tell: called with what is done, before it takes long.

    Raises:
        UserError: the store's database is damaged, or another process sends to it for longer than half a
            minute.
    """
    ensure_store(mlruns)
    refuse_damaged(database(mlruns))
    recorded = recorded_keys(mlruns)
    unsent = [key for key in spooled_keys(mlruns) if key not in set(recorded)]
    owned = owned_keys(mlruns)  # their processes send what they write
    keys = [key for key in (*unsent, *recorded) if wanted(key) and key not in owned]
    elsewhere = [key for key in keys if _destination(mlruns, key) != LOCAL]
    with alone_at_store(mlruns):
        stages = _stages(mlruns)
        deleted = [key for key in keys if stages.get(read_note(mlruns, key).run_id) == "deleted"]
        chosen = [key for key in keys if key not in {*elsewhere, *deleted}]
        for key in chosen:
            _put_back(mlruns, key, stages)
    tell(f"sending what {len(chosen)} {'run' if len(chosen) == 1 else 'runs'} recorded to the store")
    done = sync(mlruns, LOCAL, deadline_s=SEND_S)
    return Rebuilt(
        len(chosen), done.points, tuple(deleted), tuple(elsewhere), tuple(done.waiting), tuple(done.errors)
    )


def _destination(mlruns: Path, key: str) -> str:
    records = chain(read_records(mlruns, key), read_all(spool_folder(mlruns) / f"{key}.jsonl"))
    starts = (record for record in records if record["op"] == "start")
    return str(next(starts, {}).get("uri") or LOCAL)


def _stages(mlruns: Path) -> dict[str, str]:
    """Return {run_id: active | deleted} of the local store."""
    with closing(open_for_reading(database(mlruns))) as connection:
        return dict(connection.execute(tables.STAGES))


def _put_back(mlruns: Path, key: str, stages: dict[str, str]) -> None:
    """Make one spool of all records and what was not yet sent, with a note that nothing was.

    Killed in between, records or spool hold everything, and each record knows its file: none comes twice.
    """
    path = spool_folder(mlruns) / f"{key}.jsonl"
    fresh: Record = {"op": "file", "id": uuid.uuid4().hex}
    records = [fresh, *each_once(chain(read_records(mlruns, key), read_all(path)))]
    write_whole(path, "".join(json.dumps(record) + "\n" for record in records))
    before = read_note(mlruns, key)
    in_store = before.run_id in stages
    note = Note(destination=LOCAL, steps=before.steps)
    if in_store:
        note.run_id, note.experiment_id = before.run_id, before.experiment_id
    write_note(mlruns, key, note)
    return_files(mlruns, key)
    forget_records(mlruns, key)
