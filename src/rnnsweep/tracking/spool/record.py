"""One run as its own process sees it: lines appended to a spool, microseconds each, without MLflow."""

import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rnnsweep.drawing.palette import colour
from rnnsweep.files import own_folder
from rnnsweep.runtime.process import RANK, ProcessIdentity
from rnnsweep.state.outcome import EndState
from rnnsweep.tracking.naming import as_text, with_log_companions
from rnnsweep.tracking.spool.note import highest_steps, read_note
from rnnsweep.tracking.spool.spool import SpoolWriter, check_key, spool_folder
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.tags import RUN_COLOUR, Tag

# what of the origin MLflow's pages show in columns of their own
SHOWN = {"git.commit": "mlflow.source.git.commit", "command": "mlflow.source.name", "user": "mlflow.user"}
REASON = 1000  # characters of a reason that are kept


@dataclass(frozen=True)
class DatasetPart:
    """One part of a corpus as MLflow shows it; `digest` is the sha256 of the part."""

    name: str
    digest: str
    context: str  # train | validation | test
    rows: int | None = None
    source: str = ""


def dataset_parts(
    name: str, part_digests: Mapping[str, str], *, sizes: Mapping[str, int] | None = None, source: str = ""
) -> list[DatasetPart]:
    """Return a description of each part of a corpus.

    Args:
        name: of the corpus.
        part_digests: ``{"train": digest, "validation": digest, "test": digest}``.
        sizes: rows of each part.
        source: where the rows are from.
    """
    rows = sizes or {}
    return [
        DatasetPart(name=name, digest=digest, context=part, rows=rows.get(part), source=source)
        for part, digest in part_digests.items()
    ]


class RunRecord:
    """The record of one run: open it, log to it, end it. Silent in all processes of a run but the first."""

    def __init__(self, mlruns: Path, key: str, *, silent: bool = False) -> None:
        self.mlruns = mlruns
        self.key = check_key(key)
        self.ended: str | None = None
        self.missing = 0  # artifacts that a full disk refused
        self._writer = None if silent else SpoolWriter(mlruns, key)
        self._seen: dict[str, int] = {}  # metric -> highest step recorded before this process

    @classmethod
    def open(
        cls,
        mlruns: Path,
        *,
        experiment: str,
        name: str,
        key: str,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        parent_key: str | None = None,
        datasets: Sequence[DatasetPart] = (),
        config_yaml: str | None = None,
        uri: str | None = None,
        description: str | None = None,
        log_scaled: Sequence[str] = (),
        experiment_tags: Mapping[str, str] | None = None,
        provenance: Mapping[str, str] | None = None,
        resume: bool = False,
    ) -> "RunRecord":
        """Start the record of a run, or go on with it.

        Args:
            mlruns: the folder of results.
            experiment: name of the MLflow experiment.
            name: what people read, as `run_name` gives it.
            key: unique name of the run for ever; tag `rnnsweep.key`.
            tags: values that are no text are written as JSON.
            params: settings under the names of their overrides.
            parent_key: key of the run that this one is nested under.
            datasets: parts of the corpus, as `dataset_parts` gives them.
            config_yaml: the whole configuration, kept as `config.yaml`.
            uri: destination, as `destination()` resolves it; None is the local store.
            description: Markdown shown on the run's page.
            log_scaled: parameters that get a `log10` companion beside them.
            experiment_tags: tags of the experiment: description, saved views.
            provenance: what `provenance()` gives; the diff in it becomes an artifact.
            resume: go on with the run of this key; points that it has already are not recorded again.

        Returns:
            The record; used as a context, it ends with it.

        Raises:
            ValueError: a key that is in use, without `resume`, or that is no file name.
        """
        record = cls(mlruns, key, silent=_is_follower())
        if record._writer is None:
            return record
        if resume:
            record._seen = highest_steps(mlruns, key)
        elif record._writer.path.exists() or read_note(mlruns, key).run_id:
            raise ValueError(f"the run {key!r} is there already")
        record._write(
            "start",
            uri=uri or LOCAL,
            experiment=experiment,
            experiment_tags=dict(experiment_tags or {}),
            name=name,
            parent=parent_key,
            tags=_start_tags(key, tags or {}, description),
            params={
                k: as_text(v) for k, v in with_log_companions(params or {}, log_scaled=log_scaled).items()
            },
            datasets=[asdict(part) for part in datasets],
            owner=ProcessIdentity.current().record(),
            resumed=resume,
        )
        record._tell_origin(config_yaml, provenance or {})
        return record

    @classmethod
    def attach(cls, mlruns: Path, key: str) -> "RunRecord":
        """Add to a run that another process recorded: a score of the test part, a report, an end state.

        Raises:
            ValueError: no run of that key was recorded here.
        """
        spool = spool_folder(mlruns) / f"{check_key(key)}.jsonl"
        if not spool.exists() and not read_note(mlruns, key).run_id:
            raise ValueError(f"no run {key!r} was recorded in {mlruns}")
        return cls(mlruns, key, silent=_is_follower())

    @property
    def silent(self) -> bool:
        """Nothing is recorded here: this is another process than the first of a distributed run."""
        return self._writer is None

    def highest_step(self, metric: str) -> int:
        """Return the highest step of a metric recorded before this process; -1 where there is none."""
        return self._seen.get(metric, -1)

    def metrics(self, values: Mapping[str, Any], *, step: int) -> None:
        """Record points of curves at one optimiser step; those recorded before a resume are left out.

        Points that come close upon each other are written together, within a tenth of a second.
        """
        recorded = self._seen
        fresh = {name: float(v) for name, v in values.items() if recorded.get(name, -1) < step}
        if fresh and self._writer is not None:
            self._writer.hold({"op": "metrics", "time": _now_ms(), "step": int(step), "values": fresh})

    def summary(self, values: Mapping[str, Any]) -> None:
        """Record one-number results; at step 0, which the UI draws as bars. None is left out."""
        known = {name: float(v) for name, v in values.items() if v is not None}
        if known:
            self._write("metrics", step=0, values=known)

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags; values that are no text are written as JSON."""
        self._write("tags", values={k: _tag(v) for k, v in values.items()})

    def experiment_tags(self, values: Mapping[str, str]) -> None:
        """Set tags of the experiment that the run is in."""
        self._write("experiment", values=dict(values))

    def artifact(self, content: Path | str, name: str, *, picture: str | None = None) -> None:
        """Keep a copy of a file, or a text, as artifact `name` (``folder/file`` is possible).

        Args:
            content: the file, or the text.
            name: in the store.
            picture: ``confusion`` draws the table of that name beside it, as PNG.

        Raises:
            ValueError: a name that leaves the folder of the artifacts.
        """
        if self._writer is None:
            return
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            raise ValueError(f"{name!r} is no name of an artifact")
        try:
            names = (f"{self.key}.files", uuid.uuid4().hex[:12])
            folder = own_folder(spool_folder(self.mlruns), *names, make=True)
            target = folder / parts[-1]
            if isinstance(content, Path):
                shutil.copyfile(content, target)
            else:
                target.write_text(content)
        except OSError as error:  # the disk is full: a picture is not worth a training
            self.missing += 1
            self.tags({Tag.MISSING_ARTIFACT: f"{name}: {error.strerror}"})
            return
        drawn = {"picture": picture} if picture else {}
        self._write("artifact", file=f"{folder.name}/{target.name}", name=name, **drawn)

    def end(self, state: str, reason: str | None = None) -> None:
        """Record the run's end state, once; wait for lines that a full disk still refuses.

        Raises:
            ValueError: no state of `EndState`.
        """
        if self.ended or self._writer is None:
            return
        self.ended = EndState(state)
        self._write("end", state=self.ended, reason=(reason or "")[:REASON] or None)
        self._writer.flush(5.0)
        self._writer.close()

    def flush(self, deadline_s: float = 0.0) -> int:
        """Write what a full disk refused; give the number of lines that still wait in memory."""
        return self._writer.flush(deadline_s) if self._writer else 0

    def __enter__(self) -> "RunRecord":
        """Use the record as a context: leaving it ends the run truthfully."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End as complete, interrupted (Ctrl-C, SystemExit) or failed with the error as reason."""
        if error is None:
            self.end(EndState.COMPLETE)
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            self.end(EndState.INTERRUPTED, type(error).__name__)
        else:
            self.end(EndState.FAILED, f"{type(error).__name__}: {error}")

    def _tell_origin(self, config_yaml: str | None, provenance: Mapping[str, str]) -> None:
        origin = dict(provenance)
        diff = origin.pop("git.diff", None)
        if origin:
            shown = {tag: origin[name] for name, tag in SHOWN.items() if name in origin}
            self.tags({f"rnnsweep.{name}": value for name, value in origin.items()} | shown)
        if config_yaml is not None:
            self.artifact(config_yaml, "config.yaml")
        if diff:
            self.artifact(diff, "uncommitted.diff")

    def _write(self, op: str, **values: Any) -> None:
        if self._writer is not None:
            self._writer.append({"op": op, "time": _now_ms(), **values})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _start_tags(key: str, tags: Mapping[str, Any], description: str | None) -> dict[str, str]:
    texts = {name: _tag(value) for name, value in tags.items() if value is not None}
    own = {Tag.KEY: key, Tag.STATE: "running"}
    note = {"mlflow.note.content": description} if description else {}
    architecture = texts.get(Tag.ARCHITECTURE)
    paint = {RUN_COLOUR: colour(architecture)} if architecture else {}
    return paint | texts | note | own


def _tag(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _is_follower() -> bool:
    """Return whether this is another process than the first of a distributed run."""
    return os.environ.get(RANK, "0") != "0"
