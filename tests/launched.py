"""What launched processes do in the tests of the launcher: small programs instead of trainings."""

import errno
import os
import signal
import sys
import time
from dataclasses import replace
from functools import partial

from rnnsweep.launchers.local import child
from rnnsweep.trial import Outcome, Report


def main(connection, task, slot):
    """Run the program that the task's first override names, on the real trial's side of the line."""
    child.main(connection, task, slot, run=PROGRAMS[task.overrides[0]])


def failing(connection, task, slot):
    """Train for real, in the way that the trial's number says: each of them fails by another cause."""
    from rnnsweep.config import compose
    from rnnsweep.training import train
    from rnnsweep.trial.run import run_trial

    fate = FATES[task.number] if task.role == "trial" else "nothing"
    more = {
        "time limit": {"time_limit": 0.2},
        "corpus": {"corpora": dict.fromkeys(task.corpora, "0123456789abcdef")},
    }
    if fate == "diverged":
        settings = (*task.overrides, "optimizer=sgd", "optimizer.lr=1e38", *UNCLIPPED)
        more[fate] = {"overrides": settings, "run": compose(settings, conf=task.conf)}
    run = partial(run_trial, train=partial(_sabotaged, train, fate))
    child.main(connection, replace(task, **more.get(fate, {})), slot, run=run)


FATES = (
    *("nothing", "crash", "kill", "gpu memory", "host memory", "time limit", "diverged", "corpus"),
    *("configuration", "disk", "nothing"),
)
UNCLIPPED = ("optimizer.gradient_clip=null",)


def _sabotaged(train, fate, run, *, callbacks, **more):
    import pytorch_lightning as pl

    from rnnsweep.config import compose

    if fate == "configuration":
        compose(["model.hidden_size=-1"])  # raises what names the key

    class Fails(pl.Callback):
        def on_validation_end(self, trainer, pl_module):
            _fail(fate)

    return train(run, callbacks=[*callbacks, Fails()], **more)


def _fail(fate):
    import torch

    match fate:
        case "crash":
            raise RuntimeError("it broke")
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "gpu memory":  # as PyTorch says it; no GPU is needed
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        case "host memory":
            torch.empty(1 << 60)
        case "disk":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "time limit":
            time.sleep(0.3)


def reports(task, channel):
    words = [channel.report(Report(rung, rung, rung / 2, 0.5)) for rung in (1, 2)]
    return Outcome("complete", reason=",".join(words), scores={"validation": 0.5})


def prints(task, channel):
    print("to standard output")
    os.write(2, b"to standard error\n")
    return Outcome("complete", scores={"gpus": os.environ["CUDA_VISIBLE_DEVICES"]})


def raises(task, channel):
    raise KeyError("no such thing")


def dies(task, channel):
    os.kill(os.getpid(), signal.SIGKILL)


def breaks(task, channel):
    os.kill(os.getpid(), signal.SIGSEGV)


def leaves(task, channel):
    sys.stdout.flush()
    os._exit(3)


def waits(task, channel):
    print("waiting", flush=True)
    while not channel.interrupted():
        time.sleep(0.01)
    return Outcome("interrupted")


def ignores(task, channel):
    print("waiting", flush=True)
    time.sleep(60)


def counts(task, channel):
    import threading

    import torch

    threads = len(os.listdir("/proc/self/task")) - 1  # less the one that listens to the controller
    return Outcome(
        "complete",
        scores={
            "imported": "pytorch_lightning" in sys.modules,
            "threads": threads,
            "python threads": threading.active_count() - 1,
            "cuda": torch.cuda.is_initialized(),
            "main": hasattr(sys.modules["__main__"], "__file__"),
        },
    )


PROGRAMS = {
    program.__name__: program
    for program in (reports, prints, raises, dies, breaks, leaves, waits, ignores, counts)
}
