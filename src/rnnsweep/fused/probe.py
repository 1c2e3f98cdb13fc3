"""How many runs of one shape to fuse on a GPU: measured there, in seconds, in a process of its own.

The process that asks must not touch the GPU: it forks those that train. So `members_on` starts
``python -m rnnsweep.fused.probe``, which steps made-up texts and prints one line of JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from rnnsweep.config import RunConfig, compose
from rnnsweep.data import EncodedPart, gather
from rnnsweep.fused.rule import bytes_of_member
from rnnsweep.fused.stack.seats import Stacks, Work
from rnnsweep.fused.stack.stack import Lesson
from rnnsweep.interpreter import SAFE_PATH, run_module
from rnnsweep.networks import build
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.training.module import summed_loss

SIZES = (8, 16, 32, 64)
_SECONDS = 20.0  # after which no larger number is tried
_LIMIT_S = 180.0  # for the whole process: libraries are loaded, kernels are compiled
_STEPS, _ROWS, _CLASSES, _MEAN_TOKENS = 32, 2048, 4, 40
_WORTH = 1.1  # a larger number must be so many times as fast as a smaller one
_SHARE = 0.8  # of the free memory


@dataclass(frozen=True)
class Found:
    """How many runs to fuse, and why."""

    members: int
    alone: float  # texts a second of one run by itself
    together: dict[int, float]  # of all members, for each number that was tried

    @property
    def text(self) -> str:
        """Say it in one line."""
        tried = ", ".join(f"{members}: x{speed / self.alone:.1f}" for members, speed in self.together.items())
        what = f"{self.members} runs are fused" if self.members > 1 else "no runs are fused"
        return f"{what}: measured against one by itself, {tried or 'nothing fits into the memory'}"


def made_up_part(run: RunConfig) -> EncodedPart:
    """Make rows of random tokens, of the settings' vocabulary and about the length of news."""
    draw = np.random.default_rng(0)
    most = min(run.data.max_length, 2 * _MEAN_TOKENS)
    lengths_N = draw.integers(max(1, most // 4), most + 1, _ROWS)
    ids = draw.integers(1, run.data.vocabulary, int(lengths_N.sum())).astype(np.int32)
    offsets_N1 = np.concatenate([[0], lengths_N.cumsum()])
    return EncodedPart(ids, offsets_N1, draw.integers(0, _CLASSES, _ROWS))


class Member:
    """A training of made-up texts."""

    def __init__(self, run: RunConfig, part: EncodedPart, device: torch.device, *, seed: int) -> None:
        torch.manual_seed(seed)
        self.network = build(run.model, vocabulary=run.data.vocabulary, classes=_CLASSES).to(device)
        table = self.network.embedding.weight
        others = [weight for weight in self.network.parameters() if weight is not table]
        self.optimizer = Optimizer(run.optimizer, self.network.embedding, others)
        self.part, self.seed, self.run, self.done = part, seed, run, 0
        by_length_N = np.argsort(
            part.lengths_N, kind="stable"
        )  # batches of about one length, as trainings have
        size = run.data.batch_size
        starts = np.random.default_rng(seed).integers(0, max(1, len(part) - size), _STEPS)
        self._rows = [by_length_N[start : start + size] for start in starts]

    def work(self) -> Work:
        """Give a chunk of steps to hand in."""
        lesson, done = Lesson(self._rows, [self.run.optimizer.lr] * _STEPS), self.done
        self.done += _STEPS
        parts = (self.network, self.optimizer, self.part, self.run.data.batch_size, _STEPS, lesson)
        return Work(self, *parts, done=done, seed=self.seed)

    def alone(self) -> None:
        """Do a chunk of steps by itself, as a training does."""
        device = self.network.embedding.weight.device
        for rows_B in self._rows:
            batch = gather(self.part, rows_B)
            self.optimizer.look(batch.tokens_BT.t().to(device))
            logits_BC = self.network.read(self.optimizer.vectors(slice(None)), batch.lengths_B)
            loss = summed_loss(logits_BC, batch.targets_B.to(device))
            torch.autograd.backward(loss / len(rows_B))
            self.optimizer.clip()
            self.optimizer.step(lr=self.run.optimizer.lr)


def speed_alone(run: RunConfig, device: torch.device) -> float:
    """Measure the texts a second of one run by itself."""
    member = Member(run, made_up_part(run), device, seed=0)
    return _STEPS * run.data.batch_size / _seconds(member.alone, device)


def speed_together(run: RunConfig, members: int, device: torch.device, *, stacks: Stacks) -> float:
    """Measure the texts a second of so many runs in a stack."""
    part = made_up_part(run)
    every = [Member(run, part, device, seed=seed) for seed in range(members)]

    def step() -> None:
        works = [member.work() for member in every]
        stacks.learn(stacks.kind(works[0]), works)

    seconds = _seconds(step, device)
    for member in every:
        stacks.leave(member)
    return members * _STEPS * run.data.batch_size / seconds


def _seconds(function: Callable[[], None], device: torch.device) -> float:
    """Time a function, after once to warm up: the best of three."""
    taken = []
    for _ in range(4):
        _wait(device)
        began = time.perf_counter()
        function()
        _wait(device)
        taken.append(time.perf_counter() - began)
    return min(taken[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def probe(
    run: RunConfig,
    device: torch.device,
    *,
    free: float,
    sizes: Sequence[int] = SIZES,
    stacks: Stacks | None = None,
) -> Found:
    """Try larger and larger numbers of members while they pay and fit into `free` bytes."""
    began, place = time.monotonic(), stacks or Stacks()
    alone, together = speed_alone(run, device), dict[int, float]()
    best = (1, alone)
    for members in sizes:
        if members * bytes_of_member(run) > _SHARE * free or time.monotonic() - began > _SECONDS:
            break
        together[members] = speed_together(run, members, device, stacks=place)
        if together[members] < _WORTH * best[1]:
            break
        best = (members, together[members])
    return Found(best[0], alone, together)


def members_on(gpu: str, overrides: Sequence[str], conf: Path) -> tuple[int, str]:
    """Ask a process on that GPU; 1 where it cannot say.

    Returns:
        how many runs to fuse, and a line that says why.
    """
    command = run_module("rnnsweep.fused.probe", str(conf), *overrides)
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **SAFE_PATH, "CUDA_VISIBLE_DEVICES": gpu},
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=True,
        )
        said = json.loads(done.stdout.splitlines()[-1])
        return int(said["members"]), str(said["text"])
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
    except (subprocess.TimeoutExpired, OSError, ValueError, LookupError) as error:
        why = f"{type(error).__name__}"
    return 1, f"no runs are fused: their speed on GPU {gpu} could not be measured ({why})"


def main(conf: str, *overrides: str) -> None:
    """Measure on the first GPU, and print what was found."""
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU")
    device = torch.device("cuda", 0)
    free, _ = torch.cuda.mem_get_info(device)
    found = probe(compose(overrides, conf=Path(conf)), device, free=free)
    print(json.dumps({**asdict(found), "text": found.text}))


if __name__ == "__main__":
    main(*sys.argv[1:])
