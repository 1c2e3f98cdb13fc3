"""Agents: what starting a trial and answering a report costs through Ray, and how busy slots are there."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnsweep.launchers import LauncherSpec, LocalLauncher
from rnnsweep.launchers.local import child
from rnnsweep.launchers.local.server import preloads
from rnnsweep.sweepfile import Method
from rnnsweep.trial import Ended, Launcher, Outcome, Report, Reported, Started, TrialTask

TASKS, REPORTS = 30, 20
SLEEP_S, SLEEPERS, NODES = 3.0, 80, 2  # trials of a sweep that sleep, on nodes of two slots
PRELOAD = preloads("benchmarks.agents")  # as for trials: a process imports nothing before it starts
NAME = "benchmark-agents"


def reporting(connection: Any, task: Any, slot: Any) -> None:
    """Be a trial's process that reports and measures how long its answers take."""
    child.main(connection, task, slot, run=_report)


def _report(task: TrialTask, channel: child.PipeChannel) -> Outcome:
    if task.experiment == "slots":
        time.sleep(SLEEP_S)
        return Outcome("complete", scores={"validation": 0.5})
    waits = []
    for rung in range(1, REPORTS + 1):
        began = time.perf_counter()
        channel.report(Report(rung, rung, float(rung), 0.5))
        waits.append(time.perf_counter() - began)
    return Outcome("complete", scores={"validation": 0.5, "waits": waits})


def _make(slots: str | int | None) -> Launcher:
    return LocalLauncher(slots, entry=reporting, preload=PRELOAD)


SPEC = LauncherSpec(_make)  # the launcher NAME, on nodes that find it on their path


def install(folder: Path) -> None:
    """Make the launcher known to processes that have the folder on their path."""
    metadata = folder / "benchmark_agents-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: benchmark-agents\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[rnnsweep.launchers]\n{NAME} = benchmarks.agents:SPEC\n")


def measured(launcher: Launcher, folder: Path) -> tuple[list[float], list[float]]:
    """Run tasks one by one; return the milliseconds from start to Started, and from report to answer."""
    starts: list[float] = []
    waits: list[float] = []
    for number in range(TASKS + 1):
        task = _task(folder, f"task-{number}")
        began, outcome = time.perf_counter(), None
        launcher.start(task, launcher.slots[0])
        while outcome is None:
            for event in launcher.events(1.0):
                if isinstance(event, Started):
                    starts.append(1000 * (time.perf_counter() - began))
                elif isinstance(event, Reported):
                    launcher.answer(event.key, "go on")
                elif isinstance(event, Ended):
                    outcome = event.outcome
        waits += [1000 * seconds for seconds in outcome.scores["waits"]]
    return starts[1:], waits[REPORTS:]  # the first waits for its fork server


def _task(folder: Path, name: str) -> TrialTask:
    place = {"folder": folder / "sweeps" / "toy" / "trials" / name, "mlruns": folder}
    return TrialTask(name, "trial", "rnn", (), experiment="toy", name=name, **place)


@contextmanager
def _cluster(folder: Path, paths: list[str], *, nodes: int, cpus: int) -> Iterator[Launcher]:
    """Yield the launcher of a cluster on loopback."""
    from benchmarks._ray_cluster import Cluster
    from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
    from rnnsweep.launchers.ray.transport import RayTransport
    from rnnsweep.machine import Share

    cluster = Cluster(folder / "path", *paths)
    try:
        for _ in range(nodes):
            cluster.add(cpus=cpus)
        far = AgentLauncher(RayTransport(cluster.address, Share(), place="benchmark"), launcher=Method(NAME))
        yield far
        far.close()
    finally:
        cluster.close()


def run() -> list[dict]:
    """Measure on clusters on loopback."""
    import pytest

    from benchmarks import slots
    from benchmarks._ray_cluster import ENVIRONMENT

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        install(folder / "path")
        patch.syspath_prepend(str(folder / "path"))
        for key, value in ENVIRONMENT.items():
            patch.setenv(key, value)
        paths = [os.getcwd(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        here = _make(1)
        local = measured(here, folder / "here")
        here.close()
        with _cluster(folder, paths, nodes=1, cpus=1) as far:
            ray = measured(far, folder / "far")
        with _cluster(folder, paths, nodes=NODES, cpus=2) as far:
            share = slots.busy(far, folder, trials=SLEEPERS, seconds=SLEEPERS * SLEEP_S)
    return [
        _row("agent on Ray, start to Started", ray[0], local[0]),
        _row("agent on Ray, report to answer", ray[1], local[1]),
        {
            "case": f"slots busy on Ray, {NODES} nodes of 2 slots, {SLEEPERS} trials of {SLEEP_S:g} s",
            "ours": 100 * share,
            "other": 90,
            "other_name": "the least that it may be",
            "ratio": share / 0.9,
            "unit": "% of slot time in trials",
            "note": "from the first start to the last end; trials sleep",
        },
    ]


def _row(case: str, ours: list[float], other: list[float]) -> dict:
    middle, beside = statistics.median(ours), statistics.median(other)
    late = statistics.quantiles(ours, n=20)[-1]
    return {
        "case": case,
        "ours": middle,
        "other": beside,
        "unit": "ms",
        "ratio": beside / middle,
        "other_name": "a process of this machine",
        "note": f"95 % within {late:.3g} ms; loopback, so without the network's own time",
    }
