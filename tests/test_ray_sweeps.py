"""Whole commands on a Ray cluster: nodes that come later, and controllers and heads that are killed."""

import json
import os
import platform
import random
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from benchmarks._ray_cluster import ENVIRONMENT, RAY, Cluster

import rnnsweep
from rnnsweep.state.folder import SweepFolder

pytestmark = [pytest.mark.ray, pytest.mark.slow]
SOURCE = Path(__file__).parents[1] / "src"
PATIENCE_S = 300.0  # on a machine that does other work too
SWEEP = """\
# Which is better?
name: small
architectures: [bag, gru]
trials: 3
replicates: 1
baseline: false
sampler: random
overrides: [data=files, data.train={rows}, data.batch_size=4, model.embedding_size=4, trainer.max_epochs=40]
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-1, log: true}}
"""
NAMES = sorted(f"{name}-{number}" for name in ("bag", "gru") for number in range(3))


@pytest.fixture
def start_cluster(monkeypatch):
    """Make clusters without nodes; they are ended at the end."""
    made = []
    for name, value in {**ENVIRONMENT, "RAY_gcs_rpc_server_reconnect_timeout_s": "2"}.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name == "RAY_ADDRESS" or "proxy" in name.lower()]:
        monkeypatch.delenv(name)

    def start(**more):
        made.append(Cluster(SOURCE, **more))
        return made[-1]

    yield start
    for cluster in made:
        cluster.close()


def write_project(home):
    draw, words = random.Random(0), {"a": ("sun", "warm", "sand"), "b": ("snow", "cold", "ice")}
    rows = [f"{label},{' '.join(draw.choices(words[label], k=6))}" for label in "ab" * 200]
    for folder in ("conf/machine", "sweeps"):
        (home / folder).mkdir(parents=True)
    (home / "rows.csv").write_text("\n".join(["label,text", *rows, ""]))
    (home / "sweeps" / "small.yaml").write_text(SWEEP.format(rows=home / "rows.csv"))
    return SweepFolder.of(home / "mlruns", "small")


def write_machine(home, cluster, name="lab", **slots):
    slots = {"each": "cpu:1", "most": 2, **slots}
    text = f"engine: ray\naddress: {cluster.address}\nslots: {json.dumps(slots)}\n"
    path = home / "conf" / "machine" / f"{name}.yaml"
    path.write_text(text)
    return path


def command(home, *words):
    environment = {**os.environ, "RNNSWEEP_HOME": str(home), "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rnnsweep", *words],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process, status=0):
    out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == status, errors
    return out, errors


def outcomes(folder):
    ended = {task.name: task.outcome() for task in folder.tasks()}
    return {name: one for name, one in ended.items() if one is not None}


def wait(process, done):
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.1)


def found(home, folder, monkeypatch):
    """Return the score of each task; each trial is there once, and each point of each run."""
    ended = outcomes(folder)
    assert sorted(name for name in ended if "-r" not in name) == NAMES
    assert {one.state for one in ended.values()} <= {"complete", "pruned"}
    monkeypatch.setenv("RNNSWEEP_HOME", str(home))
    curves = rnnsweep.curves("small")
    assert not curves.duplicated(["run_id", "key", "step"]).any()
    runs = rnnsweep.runs("small")
    keys = runs[runs["role"] == "trial"]["key"]
    assert sorted(key.rpartition(".")[2] for key in keys) == NAMES
    return {name: one.scores["validation"] for name, one in ended.items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The scores of the same sweep in local slots."""
    home = tmp_path_factory.mktemp("here")
    folder = write_project(home)
    finish(command(home, "sweep", "small", "--slots", "2"))
    return {name: one.scores["validation"] for name, one in outcomes(folder).items()}


def test_a_sweep_waits_for_nodes_and_goes_on_after_its_controller_was_killed(
    start_cluster, tmp_path, monkeypatch, undisturbed
):
    folder, cluster = write_project(tmp_path), start_cluster()
    write_machine(tmp_path, cluster, together=2, autoscale=True)
    controller = command(tmp_path, "sweep", "small", "--on", "lab")
    wait(controller, lambda: folder.is_started)
    assert not outcomes(folder)
    cluster.add(cpus=2)
    wait(controller, lambda: len(outcomes(folder)) > 1)
    controller.send_signal(signal.SIGKILL)
    controller.communicate()
    before = outcomes(folder)
    assert len(before) < len(NAMES)
    finish(command(tmp_path, "sweep", "small", "--on", "lab"))
    assert found(tmp_path, folder, monkeypatch) == undisturbed
    assert {name: outcomes(folder)[name] for name in before} == before


def test_a_sweep_goes_on_in_another_cluster_after_the_head_of_its_own_was_killed(
    start_cluster, tmp_path, monkeypatch, undisturbed
):
    folder, cluster = write_project(tmp_path), start_cluster()
    cluster.add(cpus=2)
    write_machine(tmp_path, cluster)
    controller = command(tmp_path, "sweep", "small", "--on", "lab")
    wait(controller, lambda: len(outcomes(folder)) > 1)
    cluster.child(cluster.head, "gcs_server").kill()
    _, errors = finish(controller, status=2)
    assert "the head of the Ray cluster is gone; the same command resumes the sweep" in errors
    cluster.close()
    other = start_cluster()
    other.add(cpus=2)
    write_machine(tmp_path, other)
    finish(command(tmp_path, "sweep", "small", "--on", "lab"))
    assert found(tmp_path, folder, monkeypatch) == undisturbed


def test_the_points_of_a_machine_are_tried_on_a_cluster_and_what_fails_has_its_remedy(
    start_cluster, tmp_path
):
    write_project(tmp_path)
    cluster = start_cluster()
    cluster.add(cpus=2)
    path = write_machine(tmp_path, cluster)
    out, _ = finish(command(tmp_path, "machines", "lab", "--json"))
    rows = json.loads(out)
    assert {row["check"] for row in rows if not row["ok"]} == set()
    assert len(rows) > 4
    path.write_text(path.read_text() + "locker: /proc/locker\n")
    out, _ = finish(command(tmp_path, "machines", "lab", "--json"), status=2)
    (wrong,) = [row for row in json.loads(out) if not row["ok"]]
    assert wrong["check"].startswith("locker")
    assert wrong["remedy"]
    cluster.add(gpus=1)  # it says so, and has none
    write_machine(tmp_path, cluster, each="gpu:1", most=1)
    out, _ = finish(command(tmp_path, "machines", "lab", "--json"), status=2)
    (wrong,) = [row for row in json.loads(out) if not row["ok"]]
    assert wrong["found"].startswith(
        "machine lab: node 127.0.0.4: no agent starts there: slots='gpu:0': this machine has no GPU that"
    )
    assert wrong["remedy"] == "see what `rnnsweep doctor` prints on that node"


OTHER_HEAD = """
import ray._private.utils as utils
ray, python = utils.compute_version_info()
utils.compute_version_info = lambda: {}
{}
"""


@pytest.mark.parametrize(
    ("versions", "there"),
    [('("2.9.0", python)', "Ray 2.9.0 on Python {python}"), ('(ray, "3.8.1")', "Ray {ray} on Python 3.8.1")],
)
def test_a_sweep_on_a_cluster_with_another_ray_or_python_ends_in_one_line_that_names_both(
    start_cluster, tmp_path, versions, there
):
    # Ray compares them with those of the head, for nodes too: one that differs cannot join
    folder, cluster = write_project(tmp_path), start_cluster(head=OTHER_HEAD.format(versions, RAY))
    path = write_machine(tmp_path, cluster)
    _, errors = finish(command(tmp_path, "sweep", "small", "--on", "lab"), status=2)
    here = {"ray": version("ray"), "python": platform.python_version()}
    assert errors.splitlines()[-1] == (
        f"error: {path}: address={cluster.address!r}: Ray does not connect: its head has"
        f" {there.format(**here)}, and this machine Ray {here['ray']} on {here['python']};"
        " install the same on all nodes"
    )
    assert not folder.path.exists()


def test_a_sweep_on_a_cluster_with_a_node_of_another_numba_ends_in_one_line_that_names_it(
    start_cluster, tmp_path, monkeypatch
):
    folder, cluster = write_project(tmp_path), start_cluster()
    cluster.add(cpus=1)
    metadata = tmp_path / "other" / "numba-9.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: numba\nVersion: 9.9\n")
    cluster.environment["PYTHONPATH"] = os.pathsep.join(map(str, (metadata.parents[1], SOURCE)))
    cluster.add(cpus=1)
    path = write_machine(tmp_path, cluster)
    _, errors = finish(command(tmp_path, "sweep", "small", "--on", "lab"), status=2)
    assert errors.splitlines()[-1] == (
        f"error: {path}: node 127.0.0.4: numba is 9.9 there and {version('numba')} here;"
        " install the same on all nodes"
    )
    assert not outcomes(folder)
