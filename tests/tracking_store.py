"""What the tests of tracking share: a real store made once, real runs in it, and real ways of going wrong."""

import base64
import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from rnnsweep.tracking.ship.shipping import draw_all, ship_all
from rnnsweep.tracking.ship.waiting import Changes
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.tracking.store.store import open_client
from rnnsweep.tracking.ui.saved_view import PACKED


def fresh_store(template: Path, target: Path) -> Path:
    """Copy the store that was made once; opening it mends its paths."""
    shutil.copytree(template, target)
    return target


def open_run(mlruns: Path, key: str = "a", **values: Any) -> RunRecord:
    """Open a run with as little as a run needs."""
    return RunRecord.open(mlruns, **({"experiment": "exp", "name": key, "key": key} | values))


def ship(mlruns: Path, target: str = "local", client: Any = None) -> Any:
    """Ship everything once, pictures too, in this process."""
    keys, client = Changes(mlruns, target).find(), client or open_client(mlruns, target)
    done = ship_all(mlruns, keys, target, client)
    draw_all(mlruns, keys, client, until=lambda: False)
    return done


def points(mlruns: Path, key: str, metric: str = "m") -> list[tuple[int, float]]:
    """Read a curve straight from the database, doubles and all."""
    run_id = read_note(mlruns, key).run_id
    query = "SELECT step, value FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY step, timestamp"
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        return list(connection.execute(query, (run_id, metric)))


def unpack(text: str) -> tuple[str, dict[str, Any]]:
    """Read the name and the state of a saved view."""
    values = json.loads(text)
    begin, packed = values["state"][: len(PACKED)], values["state"][len(PACKED) :]
    assert begin == PACKED
    return values["name"], json.loads(zlib.decompress(base64.b64decode(packed)))


class Flaky:
    """A real client whose calls fail when `fails` says so, before or after they reached the store."""

    def __init__(self, client: Any, fails: Callable[[], str]) -> None:
        self.client = client
        self.fails = fails

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.client, name)

        def attempt(*values: Any, **named: Any) -> Any:
            how = self.fails()
            if how == "before":
                raise ConnectionError("the store does not answer")
            result = call(*values, **named)
            if how == "after":
                raise ConnectionError("the answer was lost")
            return result

        return attempt
