"""What launched processes do in the tests of the launcher: small programs instead of trainings."""

import os
import signal
import sys
import time

from rnnsweep.launchers import child
from rnnsweep.trial import Outcome, Report


def main(connection, task, slot):
    """Run the program that the task's first override names, on the real trial's side of the line."""
    child.run_trial = PROGRAMS[task.overrides[0]]
    child.main(connection, task, slot)


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
