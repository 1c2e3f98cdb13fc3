"""The folder of one task of a sweep, `trials/NAME/`: how it ended, who works there, what it printed."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from rnnsweep.files import JsonLines, own_folder, read_json, write_whole
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.state.outcome import OUTCOME, Outcome

CHECKPOINTS = "checkpoints"  # in the task's folder
LAST, BEST = "last.ckpt", "best.ckpt"  # in a folder of checkpoints: to resume from, and the best validation's
PREDICTIONS = "test_predictions.npz"  # in the task's folder
TEST_READS = "test_reads.jsonl"  # in the sweep's folder


@dataclass(frozen=True)
class TaskFolder:
    """The folder of one trial, replicate or baseline."""

    path: Path

    @property
    def name(self) -> str:
        """The task's name, as ``lstm-3`` or ``lstm-3-r0``."""
        return self.path.name

    @property
    def log(self) -> Path:
        """What the task printed."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints.

        Raises:
            UserError: there is a link in its place.
        """
        return own_folder(self.path, CHECKPOINTS)

    @property
    def predictions(self) -> Path:
        """What a replicate predicted on the test part."""
        return self.path / PREDICTIONS

    def outcome(self) -> Outcome | None:
        """Read how it ended; None where it has not."""
        return Outcome.read(self.path)

    def forget_outcome(self) -> None:
        """Remove how it ended, so that it is resumed."""
        (self.path / OUTCOME).unlink(missing_ok=True)

    def write_lease(self) -> None:
        """Note that this process works here."""
        holder = {**ProcessIdentity.current().record(), "at": time.time()}
        write_whole(self.path / "lease.json", json.dumps(holder), durable=False)

    def worker(self) -> ProcessIdentity | None:
        """Return the process that works here, or worked here last."""
        return ProcessIdentity.read(read_json(self.path / "lease.json"))

    def note_test_read(self) -> None:
        """Note that the task is about to read the test part; safe for many processes."""
        sweep = self.path.parents[1]
        sweep.mkdir(parents=True, exist_ok=True)
        read = {"run": self.name, "at": round(time.time(), 3), "pid": os.getpid()}
        JsonLines(sweep / TEST_READS).append(read)
