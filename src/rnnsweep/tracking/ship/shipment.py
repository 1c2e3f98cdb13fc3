"""Sending one spool to the store: each line once, in order, as much in a call as it takes.

Sending a line again is harmless: a point is identified by key, timestamp, step and value, a run by its tag
`rnnsweep.key`. So the note of how far we are is written after the store has answered, never before.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.files import PRIVATE_FOLDER, open_append, own_folder
from rnnsweep.state.outcome import EndState
from rnnsweep.tracking.ship import attachment
from rnnsweep.tracking.ship.attachment import CURVES_PICTURE, MOST_POINTS, Outside, Waiting, file_of
from rnnsweep.tracking.ship.batch import FEW, PointBatch, dataset_inputs, is_deleted, is_for_ever
from rnnsweep.tracking.ship.lines import check_start, check_texts, is_plain_tag
from rnnsweep.tracking.spool.archive import keep_if_sent
from rnnsweep.tracking.spool.note import raise_steps, read_note, write_note
from rnnsweep.tracking.spool.spool import Record, identity_of, read_spool, spool_folder
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.places import why_refused
from rnnsweep.tracking.store.store import artifact_folder, artifact_root, ensure_experiment
from rnnsweep.tracking.tags import Tag
from rnnsweep.tracking.ui.views import EXPERIMENT

if TYPE_CHECKING:
    from mlflow.entities import Run

    from rnnsweep.tracking.store.bulk import StoreClient

STATUS = {EndState.COMPLETE: "FINISHED", EndState.FAILED: "FAILED"}  # MLflow has no word for the others


class WaitsForParent(Exception):
    """The run that this one is nested under is still to be made."""


@dataclass
class Shipment:
    """One run's spool on its way."""

    mlruns: Path
    key: str
    client: "StoreClient"
    experiments: dict[str, str] = field(default_factory=dict)  # name -> id, of this round over the spools
    _batch: PointBatch = field(default_factory=PointBatch)  # read, and not sent yet

    def __post_init__(self) -> None:
        self.note = read_note(self.mlruns, self.key)  # from where the last one stopped

    @property
    def path(self) -> Path:
        """The spool file."""
        return spool_folder(self.mlruns) / f"{self.key}.jsonl"

    def ship(self) -> None:
        """Send what is new, without pictures; `note.points` counts the points.

        Raises:
            WaitsForParent: the parent's run is not made yet.
            Exception: whatever the store raises; nothing is lost, call again.
        """
        while self._ship_chunk():
            pass
        self.attach_waiting(pictures=False)

    def attach_waiting(self, *, pictures: bool) -> None:
        """Send the files that wait, or draw and send the pictures, in their order.

        Raises:
            Exception: the store's, of the first that it refuses; call again.
        """
        send = attachment.draw if pictures else attachment.attach
        checked = False  # of this run, once a shipment
        for waiting in [one for one in self.note.files if attachment.is_picture(one) == pictures]:
            left = None  # a picture of the file
            try:
                if not checked:
                    self._refuse_foreign_folder()
                checked = True
                left = send(self.client, self.note.run_id, waiting, self.path.with_suffix(".files"))
            except Outside as error:  # a note that somebody else wrote
                self._refuse({"op": "artifact", **waiting}, str(error))
            place = self.note.files.index(waiting)
            self.note.files[place : place + 1] = [left] if left else []
            write_note(self.mlruns, self.key, self.note)
        if not self.note.files and self.note.state != "running" and self.note.file and self.note.run_id:
            keep_if_sent(self.mlruns, self.key, offset=self.note.offset)  # the note stays, for `attach`

    def _refuse_foreign_folder(self) -> None:
        """Refuse a run that the store sends elsewhere: outside mlruns/artifacts/, or to another server."""
        address = self.client.get_run(self.note.run_id).info.artifact_uri
        if reason := why_refused(self.mlruns, self.note.destination or LOCAL, address):
            raise Outside(f"its files would go to {address}, {reason}")

    def _ship_chunk(self) -> bool:
        try:
            self._recognise()
            records, end = read_spool(self.path, start=self.note.offset)
        except FileNotFoundError:
            return False
        if end == self.note.offset:
            return False
        self._send(records)
        self.note.offset = end
        write_note(self.mlruns, self.key, self.note)
        return True

    def _recognise(self) -> None:
        """Start at byte 0 where the file is another one than the note speaks of."""
        identity = identity_of(self.path)
        if identity != self.note.file:
            self.note.file, self.note.offset = identity, 0

    def _send(self, records: Sequence[Record]) -> None:
        for record in records:
            self._send_one(record)
        self._send_batch()

    def _send_one(self, record: Record) -> None:
        handlers: dict[str, Callable[[Record], None]] = {
            "start": self._start,
            "metrics": self._points,
            "params": lambda r: self._params(r["values"]),
            "tags": lambda r: self._tags(r["values"]),
            "experiment": lambda r: self._experiment_tags(r["values"]),
            "artifact": self._artifact,
            "end": self._end,
            "file": lambda r: None,
        }
        handler = handlers.get(record["op"])
        if handler is None:
            self._refuse(record, "no such line")
            return
        try:
            handler(record)
        except (KeyError, TypeError, AttributeError, ValueError) as error:  # written by somebody else
            self._refuse(record, f"{type(error).__name__}: {error}")
        except Exception as error:
            if not is_for_ever(error):
                raise
            self._refuse(record, str(error))

    def _start(self, record: Record) -> None:
        check_start(record)
        self._send_batch()
        made_with: dict[str, str] = {}
        if run_id := self._find():
            self.note.run_id = run_id
        else:
            self.note.run_id, made_with = self._create(record)
        self.note.state, self.note.role = "running", record["tags"].get(Tag.ROLE, "")
        write_note(self.mlruns, self.key, self.note)
        if record.get("resumed"):
            self.client.update_run(self.note.run_id, status="RUNNING")
        self._experiment_tags(record.get("experiment_tags", {}))
        self._tags({k: v for k, v in self._tags_of(record).items() if made_with.get(k) != v})
        self._params(record["params"])
        self._inputs(record["datasets"])

    def _tags_of(self, record: Record) -> dict[str, str]:
        number = self.note.experiment_id
        return {name: value.replace(EXPERIMENT, number) for name, value in record["tags"].items()}

    def _experiment_tags(self, values: dict[str, str]) -> None:
        number = self.note.experiment_id
        for name, value in values.items():
            self.client.set_experiment_tag(number, name, value.replace(EXPERIMENT, number))

    def _find(self) -> str | None:
        """Find the run by its key: whoever made it may have died before it could note the id."""
        if self.note.run_id:
            return self.note.run_id
        if not self.note.experiment_id:
            return None
        return self.client.run_of_key(self.note.experiment_id, self.key)

    def _create(self, record: Record) -> tuple[str, dict[str, str]]:
        """Make the run; return its id and the tags that it was made with."""
        parent = self._parent_id(record.get("parent"))
        location = None
        if not self.note.destination.startswith(("http://", "https://")):
            # else MLflow takes the folder that this process happens to be in
            location = f"{artifact_root(self.mlruns)}/{artifact_folder(record['experiment'])}"
        name = record["experiment"]
        if name not in self.experiments:
            self.experiments[name] = ensure_experiment(self.client, name, location=location)
        self.note.experiment_id = self.experiments[name]
        write_note(self.mlruns, self.key, self.note)
        if found := self._find():
            return found, {}
        own = {Tag.KEY: self.key} | ({"mlflow.parentRunId": parent} if parent else {})
        plain = {k: v for k, v in self._tags_of(record).items() if is_plain_tag(k, v)}
        tags = plain | own if len(plain) <= FEW else own
        try:
            run = self._make(record, tags)
        except Exception as error:
            if not is_for_ever(error):
                raise
            # the experiment was deleted since this round asked for it, or the store refuses a tag
            self.experiments[name] = ensure_experiment(self.client, name, location=location)
            self.note.experiment_id, tags = self.experiments[name], own
            run = self._make(record, tags)
        return str(run.info.run_id), tags

    def _make(self, record: Record, tags: dict[str, str]) -> "Run":
        return self.client.create_run(
            self.note.experiment_id, start_time=record["time"], run_name=record["name"], tags=tags
        )

    def _parent_id(self, parent: str | None) -> str | None:
        if not parent:
            return None
        run_id = read_note(self.mlruns, parent).run_id
        if not run_id and (spool_folder(self.mlruns) / f"{parent}.jsonl").exists():
            raise WaitsForParent(parent)
        return run_id or None

    def _inputs(self, parts: Sequence[dict[str, Any]]) -> None:
        if inputs := dataset_inputs(parts):
            self.client.log_inputs(self.note.run_id, inputs)

    def _params(self, values: dict[str, str]) -> None:
        check_texts("params", values)
        if self._batch.contradicts(values):  # a parameter does not change: the store refuses the second
            self._send_batch()
        self._batch.params.update(values)

    def _tags(self, values: Mapping[str, str]) -> None:
        check_texts("tags", values)
        self._batch.tags.update(values)

    def _points(self, record: Record) -> None:
        self._batch.add_points(record)
        raise_steps(self.note.steps, record)

    def _send_batch(self) -> None:
        """Send what was read so far; put aside what the store will never take."""
        self._batch.send(self.client, self.note.run_id, self._refuse)
        self.note.points += len(self._batch.points)
        self._batch = PointBatch()

    def _artifact(self, record: Record) -> None:
        self._wait(file_of(record, self.path.with_suffix(".files")))

    def _wait(self, file: Waiting) -> None:
        if file not in self.note.files:  # a chunk that is sent again brings it again
            self.note.files.append(file)

    def _end(self, record: Record) -> None:
        state = record["state"]
        status = STATUS.get(EndState(state), "KILLED")
        reason = {Tag.REASON: record["reason"]} if record.get("reason") else {}
        self._tags({Tag.STATE: state, **reason})
        self._send_batch()
        is_there = self._terminate(status, record["time"])
        self.note.state = state
        # trials of a search are many: the view "Learning curves" shows theirs
        if is_there and self.note.points <= MOST_POINTS and self.note.role != "trial":
            self._wait(CURVES_PICTURE)

    def _terminate(self, status: str, time_ms: int) -> bool:
        """Set the run's status in the store; return False where there is no run, or a person deleted it."""
        if not self.note.run_id:  # the spool's first line was refused
            return False
        try:
            self.client.set_terminated(self.note.run_id, status=status, end_time=time_ms)
        except Exception as error:
            if is_for_ever(error) and is_deleted(self.client, self.note.run_id):
                return False
            raise
        return True

    def _refuse(self, record: Record, why: str) -> None:
        """Keep a line that the store will never take where a person can look at it, and go on."""
        folder = own_folder(spool_folder(self.mlruns), "refused", make=True, mode=PRIVATE_FOLDER)
        with os.fdopen(open_append(folder / f"{self.key}.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps({"why": why[:500], **record}, default=str) + "\n")
        self.note.refused += 1
