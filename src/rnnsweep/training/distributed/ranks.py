"""One run in several processes: each learns from its share of every batch, gradients are added up.

The process that calls `train` is rank 0 and starts the others itself (``python -P -m`` with this module),
from any program: nothing is started over, and only rank 0 has the logger, the callbacks and the checkpoints'
files. Lightning brings up the process group; its DistributedDataParallel wrapper is not used, since it
wants one backward pass for each Lightning batch, and ours are chunks of many.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import torch
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.rank_zero import rank_zero_only  # type: ignore[attr-defined]

from rnnsweep.config import RunConfig
from rnnsweep.data.corpora import expected
from rnnsweep.runtime.compiled import load_kept
from rnnsweep.runtime.process import RANK, environment, foreign_ranks, is_companion
from rnnsweep.safety.interpreter import SAFE_PATH, run_module

_LIGHTNING: Any = rank_zero_only  # what it takes this process for is an attribute of a function
READY = "ready\n"
PATIENCE = timedelta(minutes=10)  # for a process that does not answer: one that is stopped, a machine gone
WATCH_S = 0.5  # between two looks for the process that is rank 0


class LostProcess(RuntimeError):
    """One of the processes of a run is gone."""


class AddedUp(DDPStrategy):
    """Processes that add their gradients up themselves; the network is not wrapped."""

    def __init__(self) -> None:
        super().__init__(timeout=PATIENCE)

    def configure_ddp(self) -> None:
        """Leave the network as it is."""


@contextmanager
def without_foreign_ranks() -> Iterator[None]:
    """Hide within what a scheduler or launcher around this process says of processes of its own.

    Lightning also noted it when it was imported: a process with another rank than 0 would log nothing.
    """
    noted = _LIGHTNING.rank
    with environment(dict.fromkeys(foreign_ranks())):
        if not is_companion():
            _LIGHTNING.rank = 0
        try:
            yield
        finally:
            _LIGHTNING.rank = noted


@contextmanager
def companions(run: RunConfig, *, folder: Path | None, resume: bool) -> Iterator[None]:
    """Start the other processes of a run and make this one rank 0; end them in any case.

    Raises:
        LostProcess: one of them failed; the message has its last lines.
    """
    if run.trainer.devices == 1 or is_companion():
        yield
        return
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0"}
    places |= {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    values = {"run": asdict(run), "folder": folder and str(folder), "resume": resume, "carried": expected}
    task = json.dumps(values)
    with tempfile.TemporaryFile("w+") as log, environment({**places, **_numbered(0)}):
        ranks = range(1, run.trainer.devices)
        others = [_start(task, {**os.environ, **SAFE_PATH, **_numbered(rank)}, log) for rank in ranks]
        try:
            load_kept()  # while the others import; they load it before they are ready
            _wait_until_ready(others, log)
            yield
        except Exception as error:
            _name_the_lost(others, log, error)
            raise
        finally:
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
            _end(others)


def _numbered(rank: int) -> dict[str, str]:
    """Return the variables that give a process its rank, for Lightning and for this package."""
    return {"LOCAL_RANK": str(rank), RANK: str(rank)}


def _start(task: str, environment: dict[str, str], log: IO[str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        run_module("rnnsweep.training.distributed.companion"),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        # Ctrl-C goes to rank 0, which tells the others; in a sweep rank 0 has a session of its own, and who
        # ends that one ends all of them
        start_new_session=os.getsid(0) != os.getpid(),
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin:  # gone already: noticed when it does not get ready
        process.stdin.write(task)
    return process


def _wait_until_ready(others: "list[subprocess.Popen[str]]", log: IO[str]) -> None:
    for process in others:
        assert process.stdout is not None
        if process.stdout.readline() != READY:
            process.wait()
            raise LostProcess(f"a process of the run did not start: {_last_lines(log)}")


def _name_the_lost(others: "list[subprocess.Popen[str]]", log: IO[str], error: Exception) -> None:
    """Raise LostProcess where a broken connection has a dead process behind it."""
    if isinstance(error, LostProcess) or not isinstance(error, RuntimeError):
        return
    for rank, process in enumerate(others, start=1):
        try:
            status = process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            continue
        if status:
            raise LostProcess(f"process {rank} of the run ended with {status}: {_last_lines(log)}") from error
    if "imed out" in str(error):
        raise LostProcess(f"a process of the run did not answer for {PATIENCE}") from error


def _end(others: "list[subprocess.Popen[str]]") -> None:
    for process in others:
        try:
            process.wait(timeout=10 if sys.exc_info()[0] is None else 1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _last_lines(log: IO[str]) -> str:
    log.seek(0)
    return " | ".join(line.strip() for line in log.readlines()[-3:]) or "it said nothing"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
