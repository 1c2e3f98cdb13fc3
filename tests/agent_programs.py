"""What trials of agents do in the tests: they record, checkpoint and resume as trainings do, but at once."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

from rnnsweep.hardware import memory_in_use
from rnnsweep.launchers import LauncherSpec, LocalLauncher
from rnnsweep.launchers.agents.node import scratch
from rnnsweep.launchers.local import child
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.trial import Outcome, Report

RUNGS = 4
STANDS_STILL_AT = 200  # steps, or at the next moment at which a training may stop
STANDS_STILL_S = 300.0  # then the training continues, and whoever was to end it did not
PRELOAD = ("rnnsweep.launchers.local.child", "rnnsweep.tracking.spool.record", "rnnsweep.trial.reads")


def main(connection, task, slot):
    """Run `trial` on the real trial's side of the line."""
    child.main(connection, task, slot, run=trial)


def score_of(overrides):
    """A score that its configuration decides alone."""
    digest = hashlib.sha256(json.dumps(sorted(overrides)).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def trial(task, channel):
    """Record and report a few validations, go on from a checkpoint, hear what the controller wants."""
    seconds = float(os.environ.get("AGENT_PROGRAM_S", "0"))
    score, last = score_of(task.overrides), task.files.checkpoints / "last.ckpt"
    last.parent.mkdir(exist_ok=True)
    done = int(last.read_text()) if task.resume and last.exists() else 0
    record = RunRecord.open(
        task.mlruns, experiment="toy", name=task.name, key=task.key, tags=task.tags, resume=True
    )
    print(f"pid {os.getpid()} begins at {done}", flush=True)
    for rung in range(done + 1, RUNGS + 1):
        time.sleep(seconds / RUNGS)
        record.metrics({"validation/score": score * rung / RUNGS}, step=rung)
        record.flush()
        (last.parent / "part").write_text(str(rung))
        (last.parent / "part").replace(last)
        answer = channel.report(Report(rung, rung, float(rung), score * rung / RUNGS))
        scores = {"validation": score * rung / RUNGS, "epochs": float(rung), "seconds": 1.0, "from": done}
        if channel.interrupted():
            record.end("interrupted")
            return Outcome("interrupted", scores=scores, recorded=True)
        if answer == "stop" and rung < RUNGS:
            record.end("pruned")
            last.unlink()
            return Outcome("pruned", "pruned", scores=scores, recorded=True)
    record.artifact(f"made by {task.name}", "made.txt")
    (last.parent / "best.ckpt").write_text(f"best of {task.name}")
    last.unlink()
    record.end("complete")
    return Outcome("complete", scores=scores, recorded=True)


def dies_once(connection, task, slot):
    """Like `main`; but the first process of each task is killed after its second validation."""
    child.main(connection, task, slot, run=_dying)


def slowly(connection, task, slot):
    """Like `main`, but two seconds pass before each validation."""
    os.environ["AGENT_PROGRAM_S"] = str(2.0 * RUNGS)
    child.main(connection, task, slot, run=trial)


class _Killed:
    def __init__(self, channel):
        self._channel = channel

    def report(self, report):
        if report.rung == 2:
            time.sleep(0.6)  # until its record is home
            os.kill(os.getpid(), signal.SIGKILL)
        return self._channel.report(report)

    def interrupted(self):
        return self._channel.interrupted()


def _dying(task, channel):
    return trial(task, channel if task.resume else _Killed(channel))


def waits(connection, task, slot):
    """Work until someone says that it is enough; then report once more, as a stale attempt would."""
    child.main(connection, task, slot, run=_waiting)


def _waiting(task, channel):
    record = RunRecord.open(task.mlruns, experiment="toy", name=task.name, key=task.key, resume=True)
    record.metrics({"validation/score": 0.25}, step=1)
    record.flush()
    last = task.files.checkpoints / "last.ckpt"
    last.parent.mkdir(exist_ok=True)
    last.write_text("1")
    print(f"waiting in {task.mlruns}", flush=True)
    while not channel.interrupted():
        time.sleep(0.02)
    record.metrics({"validation/score": 99.0}, step=2)
    last.write_text("2")
    record.end("interrupted")
    return Outcome("interrupted", scores={"validation": 99.0}, recorded=True)


def grows(connection, task, slot):
    """Like `main`; but one task takes all memory of its node, unless it is cut into smaller pieces."""
    child.main(connection, task, slot, run=_growing)


def _growing(task, channel):
    if task.name == "gru-0" and "trainer.accumulate=2" not in task.overrides:
        held, step = [], 4 << 20
        while True:  # at once to near the limit; then so slowly that nobody misses it
            held.append(b"x" * step)
            if memory_in_use() > 0.9:
                time.sleep(0.5)
    return trial(task, channel)


def swells(connection, task, slot):
    """Like `main`; but one task takes memory steadily, unless it is cut into smaller pieces."""
    child.main(connection, task, slot, run=_swelling)


def _swelling(task, channel):
    held = []
    while task.name == "gru-0" and "trainer.accumulate=2" not in task.overrides:
        held.append(b"x" * (1 << 20))
        time.sleep(0.02)
    return trial(task, channel)


def trains(connection, task, slot):
    """Train for real, with the cache that a tag of the task names: that of its node."""
    os.environ["RNNSWEEP_CACHE"] = task.tags["cache"]
    child.main(connection, task, slot)


def trains_here(connection, task, slot):
    """Train for real."""
    child.main(connection, task, slot)


def trains_until_it_is_ended(connection, task, slot):
    """Train for real; but the first attempt of a trial stands still half-way until it is to end."""
    child.main(connection, task, slot, run=_training_until_it_is_ended)


def _training_until_it_is_ended(task, channel):
    import pytorch_lightning as pl

    from rnnsweep.training import train
    from rnnsweep.trial.run import run_trial

    class StandsStill(pl.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if pl_module.position.step < STANDS_STILL_AT:
                return
            gives_up = time.monotonic() + STANDS_STILL_S
            while not channel.interrupted() and time.monotonic() < gives_up:
                time.sleep(0.05)

    def until_it_is_ended(run, *, callbacks, **more):
        return train(run, callbacks=[StandsStill(), *callbacks], **more)

    is_first = task.role == "trial" and not task.resume
    return run_trial(task, channel, train=until_it_is_ended if is_first else train)


def reads_test(connection, task, slot):
    """Look at the test part once it is noted."""
    child.main(connection, task, slot, run=_reading)


def _reading(task, channel):
    from rnnsweep.trial.reads import note_test_read

    note_test_read(task, channel)
    noted = Path(task.overrides[0])  # on the controller's machine, which is this one
    return Outcome("complete", scores={"validation": 0.5, "noted": noted.read_text().count("\n")})


def _make(slots, *, entry="main", carry_s=None):
    if carry_s is not None:  # of the agent in whose process this is
        scratch.CARRY_S = carry_s
    return LocalLauncher(slots, entry=globals()[entry], preload=PRELOAD, grace_s=2.0)


SPEC = LauncherSpec(
    _make, {"entry": str, "carry_s": float}
)  # the launcher `programs` of nodes that have this folder on their path


def install(folder):
    """Make `programs` a launcher for processes that have the folder on their path."""
    metadata = folder / "agent_programs-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: agent-programs\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[rnnsweep.launchers]\nprograms = agent_programs:SPEC\n")
