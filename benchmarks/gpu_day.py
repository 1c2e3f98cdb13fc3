"""What is to be known of a GPU, in one call of at most 8 minutes that needs no network.

    python -m benchmarks.gpu_day OUT                   # where PyTorch finds a GPU
    python -m benchmarks.gpu_day OUT --cpu             # the same parts on the CPU, smaller: whether they run
    python -m benchmarks.gpu_day --wheels FOLDER       # which wheels are missing there, and whether they fit

Each part is a process with a time limit of its own. Its rows go into ``OUT/results.jsonl`` as they are
measured, so that a part that fails or is ended loses nothing of the others.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WHOLE_S = 480  # seconds of all parts
CPU = 4  # times as long as on a GPU a part may take on the CPU
# the parts in their order, and the seconds that each may take
PARTS = {"machine": 30, "cells": 120, "sweep": 90, "cudnn": 40, "fused": 90, "vmap": 50, "processes": 100}
LARGEST = 60 << 20  # bytes of wheels that travel with a checkout
ON_THE_MACHINE = ("torch", "numpy")  # what a machine with a GPU has: its PyTorch is built for its CUDA
RESULTS = "results.jsonl"
MEASURED_S = 4.0  # seconds in which processes side by side count their steps

SWEEP = """\
# Do two trials at a time work on one GPU?
name: gpu_day
architectures: [gru, lstm]
trials: 4
replicates: 2
baseline: false
pruner: none
overrides: [data.train={rows}, trainer.max_epochs=2]
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-2, log: true}}
"""

Row = dict[str, Any]


def wheels(folder: Path) -> int:
    """Print which of the project's dependencies have no wheel in a folder, and the size of those there.

    Returns:
        0 where all are there and fit.
    """
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {re.split(r"[^\w.-]", one, maxsplit=1)[0].lower().replace("_", "-") for one in listed}
    files = sorted(folder.glob("*.whl"))
    there = {file.name.partition("-")[0].lower().replace("_", "-") for file in files}
    missing = sorted(names - there - set(ON_THE_MACHINE))
    size = sum(file.stat().st_size for file in files)
    print(f"{len(files)} wheels, {size / 2**20:.1f} MiB of at most {LARGEST / 2**20:.0f}")
    if missing:
        print(f"missing: {', '.join(missing)}")
    return int(bool(missing) or size > LARGEST)


def run_parts(out: Path, *, cpu: bool) -> int:
    """Run all parts; return 0 where each was done in its time."""
    out.mkdir(parents=True, exist_ok=True)
    began, faults, longer = time.monotonic(), 0, CPU if cpu else 1
    for part, limit in PARTS.items():
        left = WHOLE_S * longer - (time.monotonic() - began)
        found = (
            _run_part(part, out, cpu=cpu, limit=min(limit * longer, left))
            if left > 1
            else {"state": "no time left"}
        )
        faults += found["state"] != "done"
        _write(out, {"part": part, **found})
    return int(faults > 0)


def _run_part(part: str, out: Path, *, cpu: bool, limit: float) -> Row:
    words = [
        sys.executable,
        "-m",
        "benchmarks.gpu_day",
        str(out),
        "--part",
        part,
        *(["--cpu"] if cpu else []),
    ]
    began = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as errors,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, "RNNSWEEP_HOME": home, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": ""},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        ) as process,
    ):
        try:
            state = "done" if process.wait(limit) == 0 else "failed"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            state = f"out of time after {limit:.0f} s"
        errors.seek(0)
        lines = [line for line in errors.read().splitlines() if line.strip()]
    why = {"error": lines[-1][:300]} if state == "failed" and lines else {}
    return {"state": state, "seconds": round(time.monotonic() - began, 1), **why}


def _write(out: Path, row: Row) -> None:
    with (out / RESULTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())
    print(json.dumps(row), flush=True)


def machine(cpu: bool) -> Iterator[Row]:
    """Say what the machine is, and what its GPU can do at most."""
    import torch

    from benchmarks import gpu
    from benchmarks.__main__ import hardware, versions

    yield {"hardware": hardware(), "versions": versions(), "cuda": torch.version.cuda}
    if not cpu:
        device = torch.device("cuda", 0)
        yield {"operations_s": gpu.arithmetic(device), "bytes_s": gpu.bandwidth(device)}


def cells(cpu: bool) -> Iterator[Row]:
    """Train each cell once in single and in half precision, and once on the CPU: the scores must agree."""
    import rnnsweep
    from rnnsweep.networks.cells import cell_names

    rows = _labelled_rows(400 if cpu else 4000)
    common = [f"data.train={rows}", "trainer.max_epochs=3", "tracking.enabled=false"]
    common += ["data.batch_size=16", "optimizer.lr=0.01"]
    for cell in cell_names():
        scores: dict[str, float] = {}
        speeds: dict[str, float] = {}
        for name, accelerator, precision in (
            ("cpu", "cpu", "32-true"),
            ("32-true", "cpu" if cpu else "gpu", "32-true"),
            ("bf16-mixed", "cpu" if cpu else "gpu", "bf16-mixed"),
        ):
            how = [f"trainer.accelerator={accelerator}", f"trainer.precision={precision}"]
            done = rnnsweep.train([*common, f"model={cell}", *how])
            scores[name], speeds[name] = done.validation, done.samples_per_second
        apart = max(abs(score - scores["cpu"]) for score in scores.values())
        yield {"cell": cell, "scores": scores, "texts_s": speeds, "agree_within": round(apart, 4)}


def _labelled_rows(count: int) -> Path:
    """Write rows whose label is the half of the words that most of theirs are from."""
    import numpy as np

    draw = np.random.default_rng(0)
    path = Path(os.environ["RNNSWEEP_HOME"]) / "rows.csv"
    lines = ["text,label"]
    for row in range(count):
        length = int(draw.integers(5, 40))
        words = draw.integers(0, 100, length) + 100 * (draw.random(length) < (0.3, 0.7)[row % 2])
        lines.append(f"{' '.join(f'w{word}' for word in words)},{('low', 'high')[row % 2]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def sweep(cpu: bool) -> Iterator[Row]:
    """Run a small sweep with two trials at a time on one GPU."""
    import rnnsweep

    rows = _labelled_rows(400 if cpu else 2000)
    file = Path(os.environ["RNNSWEEP_HOME"]) / "sweeps" / "gpu_day.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(SWEEP.format(rows=rows), encoding="utf-8")
    done = rnnsweep.sweep(file, slots="2" if cpu else "gpu:0,gpu:0", models=False)
    yield {
        "state": done.state,
        "trials": dict(done.trials),
        "failures": len(done.failures),
        "slots_busy": done.slots_busy,
        "seconds": round(done.seconds, 1),
    }


def _shapes(cpu: bool) -> list[tuple[str, int, int, bool]]:
    return [("lstm", 16, 16, False)] if cpu else [("lstm", 64, 32, False), ("gru", 64, 32, False)]


def _settings(shape: tuple[str, int, int, bool], cpu: bool) -> Any:
    from benchmarks import gpu

    run = gpu.settings(*shape)
    return replace(run, data=replace(run.data, vocabulary=500, max_length=20)) if cpu else run


def _device(cpu: bool) -> Any:
    import torch

    return torch.device("cpu") if cpu else torch.device("cuda", 0)


def cudnn(cpu: bool) -> Iterator[Row]:
    """Measure one run of ours beside PyTorch's packed layer (cuDNN's on a GPU) and its fused Adam."""
    import torch
    import torch.nn.functional as F

    from benchmarks._stacked import _seconds, made_up_part, speed_alone
    from benchmarks._well_written import Net, optimizers
    from rnnsweep.data import gather

    device = _device(cpu)
    for shape in _shapes(cpu):
        settings = _settings(shape, cpu)
        part = made_up_part(settings)
        net = Net(settings, settings.data.vocabulary, 4, sparse=False).to(device)
        (one,) = optimizers(settings, net, sparse=False)
        size = settings.data.batch_size
        order = (-part.lengths_N).argsort(kind="stable")
        batches = [gather(part, order[at : at + size]) for at in range(0, len(part) - size, size)]

        def train(net: Any = net, one: Any = one, batches: Any = batches) -> None:
            for batch in batches:
                one.zero_grad()
                outputs = net(batch.tokens_BT.to(device), batch.lengths_B)
                F.cross_entropy(outputs, batch.targets_B.to(device)).backward()
                one.step()

        theirs = len(batches) * size / _seconds(train, device)
        ours = speed_alone(settings, device)
        name = "cuDNN" if torch.backends.cudnn.is_available() and not cpu else "PyTorch"
        yield {"shape": shape, "ours": ours, "packed": theirs, "of": name, "ratio": ours / theirs}


def fused(cpu: bool) -> Iterator[Row]:
    """Measure fused runs beside one eager run."""
    from benchmarks._stacked import speed_alone, speed_together
    from rnnsweep.launchers.fused.stack.stacks import Stacks

    device, turns = _device(cpu), 1 if cpu else 3
    for shape in _shapes(cpu):
        settings, place = _settings(shape, cpu), Stacks()
        alone = statistics.median(speed_alone(settings, device) for _ in range(turns))
        for members in (2,) if cpu else (32, 64):
            every = [speed_together(settings, members, device, stacks=place) for _ in range(turns)]
            together = statistics.median(every)
            yield {"shape": shape, "members": members, "texts_s": together, "to_one_eager": together / alone}


def vmap(cpu: bool) -> Iterator[Row]:
    """Measure as many networks by `torch.func` and `vmap`, with a cell of matrix products."""
    import torch
    import torch.nn.functional as F
    from torch import Tensor
    from torch.func import grad, vmap as over

    from benchmarks._stacked import _seconds

    device, (members, texts, steps) = _device(cpu), (4, 16, 10) if cpu else (32, 64, 40)
    _, inputs, units, _ = _shapes(cpu)[0]
    weights = {
        "table": torch.randn(members, 20000 if not cpu else 500, inputs, device=device) * 0.1,
        "into": torch.randn(members, inputs + units, 4 * units, device=device) * 0.1,
        "out": torch.randn(members, units, 4, device=device) * 0.1,
    }

    def loss(own: dict[str, Tensor], tokens_BT: Tensor, targets_B: Tensor) -> Tensor:
        hidden = cell = torch.zeros(texts, units, device=device)
        for tokens_B in tokens_BT.unbind(1):
            both = torch.cat([F.embedding(tokens_B, own["table"]), hidden], 1) @ own["into"]
            first, forget, new, shown = both.chunk(4, 1)
            cell = forget.sigmoid() * cell + first.sigmoid() * new.tanh()
            hidden = shown.sigmoid() * cell.tanh()
        return F.cross_entropy(hidden @ own["out"], targets_B)

    tokens = torch.randint(1, weights["table"].shape[1], (members, texts, steps), device=device)
    targets = torch.randint(0, 4, (members, texts), device=device)
    step = over(grad(loss))

    def train() -> None:
        for _ in range(4):
            for name, gradient in step(weights, tokens, targets).items():
                weights[name].sub_(gradient, alpha=1e-3)

    seconds = _seconds(train, device)
    yield {"members": members, "texts_s": 4 * members * texts / seconds, "shape": ("lstm", inputs, units)}


def processes(cpu: bool) -> Iterator[Row]:
    """Measure as many processes of one eager run each, without MPS and with it."""
    count = 2 if cpu else min(32, 2 * (os.cpu_count() or 1))
    yield {"processes": count, "mps": False, "texts_s": _side_by_side(count, cpu)}
    if not cpu and shutil.which("nvidia-cuda-mps-control"):
        with _mps():
            yield {"processes": count, "mps": True, "texts_s": _side_by_side(count, cpu)}
    else:
        yield {"processes": count, "mps": True, "texts_s": None, "why": "no MPS here"}


def _side_by_side(count: int, cpu: bool) -> float:
    words = [sys.executable, "-m", "benchmarks.gpu_day", "-", "--part", "one", *(["--cpu"] if cpu else [])]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    every = [subprocess.Popen(words, cwd=ROOT, **pipes) for _ in range(count)]  # type: ignore[call-overload]
    try:
        for one in every:
            one.stdout.readline()  # it has taken its first steps
        for one in every:
            one.stdin.write("\n")
            one.stdin.flush()
        return sum(float(one.stdout.readline()) for one in every)
    finally:
        for one in every:
            one.kill()
            one.wait()


def _one(cpu: bool) -> None:
    """Train until a line comes in, then count texts for some seconds: a process beside others."""
    from benchmarks._stacked import Member, made_up_part

    device, settings = _device(cpu), _settings(_shapes(cpu)[0], cpu)
    member = Member(settings, made_up_part(settings), device, seed=os.getpid())
    member.alone()
    print("ready", flush=True)
    sys.stdin.readline()
    began, chunks = time.perf_counter(), 0
    while time.perf_counter() < began + (1.0 if cpu else MEASURED_S):
        member.alone()
        chunks += 1
    texts = chunks * len(member._rows) * settings.data.batch_size
    print(texts / (time.perf_counter() - began), flush=True)


@contextmanager
def _mps() -> Iterator[None]:
    """Run NVIDIA's server that lets processes share a GPU, in folders of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        os.environ.update(own)
        subprocess.run(["nvidia-cuda-mps-control", "-d"], check=True)
        try:
            yield
        finally:
            subprocess.run(["nvidia-cuda-mps-control"], input="quit\n", text=True, check=False)
            for name in own:
                del os.environ[name]


def main(arguments: list[str]) -> int:
    """Take the arguments of the page above."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_day", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER")
    parser.add_argument("--part", choices=[*PARTS, "one"], help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.wheels:
        return wheels(asked.wheels)
    if asked.out is None:
        parser.error("name a folder for the results")
    if asked.part == "one":
        _one(asked.cpu)
        return 0
    if asked.part is None:
        return run_parts(asked.out.resolve(), cpu=asked.cpu)
    part: Callable[[bool], Iterator[Row]] = globals()[asked.part]
    for row in part(asked.cpu):
        _write(asked.out, {"part": asked.part, **row})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
