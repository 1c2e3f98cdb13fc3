"""A sweep on Slurm whose controller loses its disk goes on from its copy in PostgreSQL."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slurm_two_nodes import Slurm, skip_where_it_cannot_run
from tracking_servers import postgres

from rnnsweep.state.folder import SweepFolder

pytestmark = [pytest.mark.server, pytest.mark.slow]
PATIENCE_S = 300.0  # on a machine that does other work too
MACHINE = """\
engine: slurm
slots: {{each: cpu:1, most: 2}}
studies: {address}
slurm: {{folder: {jobs}, time: 30}}
"""
SWEEP = """\
# Which is better?
name: small
architectures: [bag, gru]
trials: 3
replicates: 1
baseline: false
overrides: [data=files, data.train={rows}, data.batch_size=8, model.embedding_size=4, trainer.max_epochs=2]
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-1, log: true}}
"""


@pytest.fixture
def cluster():
    skip_where_it_cannot_run()
    cluster = Slurm()
    yield cluster
    cluster.close()


def write_rows(folder):
    draw, words = random.Random(0), {"a": ("sun", "warm", "sand"), "b": ("snow", "cold", "ice")}
    rows = [f"{label},{' '.join(draw.choices(words[label], k=6))}" for label in "ab" * 60]
    path = folder / "rows.csv"
    path.write_text("\n".join(["label,text", *rows, ""]))
    return path


def write_project(home, address):
    for folder in ("conf/machine", "sweeps"):
        (home / folder).mkdir(parents=True)
    text = MACHINE.format(address=address, jobs=home / "jobs")
    (home / "conf" / "machine" / "lab.yaml").write_text(text)
    (home / "sweeps" / "small.yaml").write_text(SWEEP.format(rows=write_rows(home)))


def outcomes(folder):
    return {task.name: task.outcome() for task in folder.tasks() if task.outcome() is not None}


def wait(done):
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_sweep_on_slurm_goes_on_from_its_copy_where_the_folder_of_a_killed_controller_is_lost(
    cluster, tmp_path
):
    source = Path(__file__).parents[1] / "src"
    environment = {**os.environ, "SLURM_CONF": str(cluster.conf), "PYTHONPATH": str(source)}
    environment["RNNSWEEP_HOME"] = str(tmp_path)
    command = [sys.executable, "-m", "rnnsweep", "sweep", "small", "--on", "lab"]
    folder = SweepFolder.of(tmp_path / "mlruns", "small")
    with postgres(tmp_path) as address:
        write_project(tmp_path, address)
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as controller:
            wait(lambda: len(outcomes(folder)) > 2 or controller.poll() is not None)
            assert controller.poll() is None, controller.stderr.read().decode()
            controller.send_signal(signal.SIGKILL)
        before, identity = outcomes(folder), folder.start()["identity"]
        wait(lambda: not cluster.jobs())
        shutil.rmtree(folder.path)
        ended = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert "the sweep continues from its copy in postgresql://me@127.0.0.1" in ended.stderr
    assert folder.start()["identity"] == identity
    assert folder.machine() == "lab"
    after = outcomes(folder)
    assert sorted(name for name in after if "-r" not in name) == [
        f"{name}-{k}" for name in ("bag", "gru") for k in range(3)
    ]
    assert {one.state for one in after.values()} <= {"complete", "pruned"}
    kept = [name for name in before if after[name] == before[name]]
    assert len(kept) >= len(before) - 2  # two slots: what ended last may not be in the copy
