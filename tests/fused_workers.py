"""What the members of a worker do in the tests of the launcher: small programs instead of trainings."""

import os
import signal
import sys
import time

from rnnsweep.launchers.fused import worker
from rnnsweep.trial import Outcome, Report


def main(connection, log, slot):
    """Run the programs that the tasks' first overrides name, on the real worker's side of the line."""
    worker.main(connection, log, slot, run=program)


def program(task, channel, member):
    return PROGRAMS[task.overrides[0]](task, channel, member)


class Yield:
    """A turn handed on: what a training's step does."""

    def __init__(self, member):
        self.member = member

    def __call__(self):
        self.member.__exit__(None, None, None)
        time.sleep(0.01)
        self.member.__enter__()


def reports(task, channel, member):
    pause = Yield(member)
    words = []
    for rung in (1, 2):
        words.append(channel.report(Report(rung, rung, rung / 2, 0.5)))
        print(f"{task.name} at {rung}")
        pause()
    return Outcome("complete", reason=",".join(words), scores={"pid": os.getpid(), "validation": 0.5})


def raises(task, channel, member):
    raise KeyError(task.name)


def dies(task, channel, member):
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def waits(task, channel, member):
    print("waiting", flush=True)
    pause = Yield(member)
    while not channel.interrupted():
        pause()
    return Outcome("interrupted", scores={"pid": os.getpid()})


def ignores(task, channel, member):
    print("waiting", file=sys.stderr, flush=True)
    pause = Yield(member)
    for _ in range(6000):
        pause()
    return Outcome("complete")


PROGRAMS = {program.__name__: program for program in (reports, raises, dies, waits, ignores)}
