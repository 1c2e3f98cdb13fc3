"""What one trial records, as its process writes it: the lines of its spool, for trials that are simulated."""

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from rnnsweep.trial import TrialTask

VALIDATION = {"train/loss": 0.6931, "validation/loss": 0.6123, "validation/accuracy": 0.8123}
RESULTS = {
    "best/validation_accuracy": 0.8123,
    "params_total": 1_300_000,
    "memory/activations_bytes": 12_000_000,
    "time/seconds": 88.25,
    "time/samples_per_second": 5120.5,
    "work/epochs": 5.0,
    "work/steps": 3750,
    "memory/peak_bytes": 640_000_000,
}
LOG = b"".join(b"epoch %d: validation accuracy 0.8123, loss 0.6123 (18 s)\n" % epoch for epoch in range(1, 6))


def record(task: TrialTask, mlruns: Path, *, reports: int, samples: int) -> None:
    """Record a trial for real: its settings, validations, samples of the machine, results and end.

    Args:
        task: of the trial, with its configuration.
        mlruns: the folder of results.
        reports: validations.
        samples: of the machine.
    """
    from rnnsweep.tracking.machine.monitor import NAMES
    from rnnsweep.trial.record import open_record

    assert task.run is not None
    opened = open_record(replace(task, mlruns=mlruns), task.run, None)
    for step in range(1, reports + 1):
        opened.metrics({**VALIDATION, "epoch": float(step), "optimizer/lr": 0.0123}, step=750 * step)
        opened.flush()
    for step in range(samples):
        opened.metrics(dict.fromkeys(NAMES, 1234.5), step=step)
        opened.flush()
    opened.summary(RESULTS)
    opened.end("complete")


@dataclass(frozen=True)
class RecordedTrial:
    """The lines of one trial; those of another one differ in its key."""

    key: str
    artifact_name: str  # of config.yaml, as it travels
    artifact: bytes
    start: bytes
    validation: bytes
    sample: bytes
    end: bytes
    log: bytes = LOG

    @classmethod
    def of(cls, task: TrialTask) -> "RecordedTrial":
        """Record a trial with the settings of a task, and read its lines."""
        from rnnsweep.tracking.spool.spool import spool_folder

        with tempfile.TemporaryDirectory() as name:
            record(task, Path(name), reports=1, samples=1)
            spool = spool_folder(Path(name)) / f"{task.key}.jsonl"
            lines = spool.read_bytes().splitlines(keepends=True)[1:]  # the first is the file's identity
            ops = [json.loads(line) for line in lines]
            first = next(place for place, each in enumerate(ops) if each["op"] == "metrics")
            (file,) = (each["file"] for each in ops if each["op"] == "artifact")
            artifact = (spool.parent / f"{task.key}.files" / file).read_bytes()
        return cls(
            task.key,
            file,
            artifact,
            b"".join(lines[:first]),
            lines[first],
            lines[first + 1],
            b"".join(lines[first + 2 :]),
        )

    def begin(self, key: str) -> tuple[bytes, bytes]:
        """Return config.yaml and the first lines of another trial."""
        return self.artifact, self.start.replace(self.key.encode(), key.encode())
