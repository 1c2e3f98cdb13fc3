"""A store of the user's own, a tracking server or PostgreSQL: sweeps, models, DDP and resuming."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from test_api import SMALL, SWEEP, colours
from tracking_servers import free_port, mlflow_server, postgres, wait_for
from tracking_store import open_run

from rnnsweep.tracking import Shipper, curves, find_run, runs
from rnnsweep.tracking.store.store import open_client

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.server]


class Project:
    """A project folder whose runs go to `uri`."""

    def __init__(self, place: Path, uri: str) -> None:
        self.place, self.uri, self.mlruns = place, uri, place / "mlruns"
        shutil.copytree(ROOT / "conf", place / "conf")
        (place / "sweeps").mkdir(parents=True)
        (place / "sweeps" / "colours.yaml").write_text(SWEEP)
        colours(place / "colours.csv")

    def start(self, *words: str) -> subprocess.Popen:
        env = {**os.environ, "RNNSWEEP_HOME": str(self.place), "MLFLOW_TRACKING_URI": self.uri}
        env.pop("PYTEST_CURRENT_TEST", None)
        return subprocess.Popen(
            [sys.executable, "-m", "rnnsweep", *words],
            cwd=self.place,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *words: str) -> tuple[str, str]:
        process = self.start(*words)
        said, complaints = process.communicate()
        assert process.returncode == 0, complaints
        return said, complaints


@pytest.fixture(scope="module", params=["server", "postgresql"])
def project(request, tmp_path_factory):
    """A project beside a server on SQLite, or on PostgreSQL itself."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "postgresql":
        with postgres(folder) as uri:
            yield Project(folder / "project", uri)
        return
    port = free_port()
    with mlflow_server(folder / "home", port):
        yield Project(folder / "project", f"http://127.0.0.1:{port}")


def test_an_interrupted_sweep_goes_on_as_the_same_runs_and_its_models_are_registered(project):
    sweep = project.start("sweep", "colours", "--slots", "1")
    wait_for_a_run(project)
    sweep.send_signal(signal.SIGINT)
    sweep.communicate()
    said, beside = project.command("sweep", "colours", "--slots", "1")
    assert "Models: 2, the best is " in said + beside
    table = runs(project.mlruns, "colours", uri=project.uri)
    assert Counter(table["role"]) == {"sweep": 1, "trial": 4, "replicate": 4, "baseline": 3}
    assert set(table["state"]) == {"complete"}
    points = curves(project.mlruns, "colours", ["validation/accuracy"], uri=project.uri)
    assert not points.duplicated(["run_id", "step"]).any()
    assert set(points.groupby("run_id").size()) == {2}


def wait_for_a_run(project: Project) -> None:
    end = time.monotonic() + 120
    while not list(project.mlruns.glob("sweeps/colours/trials/*/outcome.json")):
        assert time.monotonic() < end, "no trial ended"
        time.sleep(0.1)


def test_a_model_is_loaded_from_the_store_and_answers(project):
    for name in ("colours", "colours@gru"):
        said, _ = project.command("predict", "aa red end", "blue", "--model", name, "--json")
        found = json.loads(said)
        assert name == "colours" or found["model"]["architecture"] == "gru"
        labels = [one["label"] for one in found["predictions"]]
        assert len(labels) == 2
        assert set(labels) <= {"red", "green", "blue"}


def test_a_model_of_the_store_is_served(project):
    port = free_port()
    server = project.start("serve", "--model", "colours", "--port", str(port))
    try:
        wait_for(port)
        body = json.dumps({"inputs": ["aa red end", "blue"]}).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            found = json.load(answer)["predictions"]
        assert len(found) == 2
        assert {one["label"] for one in found} <= {"red", "green", "blue"}
    finally:
        server.send_signal(signal.SIGINT)
        said, complaints = server.communicate(timeout=60)
    assert server.returncode == 0, said + complaints


def test_two_processes_of_one_training_are_one_run(project):
    project.command("train", "model=gru", *SMALL, "trainer.devices=2", "tracking.run_name=pair")
    table = runs(project.mlruns, uri=project.uri)
    (row,) = table[table["name"] == "pair"].to_dict("records")
    assert (row["state"], row["epochs"]) == ("complete", 2.0)


def test_a_resumed_run_is_running_again_and_has_each_point_once(project):
    key, client = "again", open_client(project.mlruns, project.uri)
    with Shipper(project.mlruns, project.uri, waits_for=key) as shipper:
        for end, state in ((5, "interrupted"), (9, "complete")):
            record = open_run(
                project.mlruns, key, uri=project.uri, resume=True, tags={"rnnsweep.sweep": "again"}
            )
            assert not shipper.drain(60)
            run_id = find_run(project.mlruns, key, uri=project.uri).run_id
            assert client.get_run(run_id).info.status == "RUNNING"
            for step in range(1, end):
                record.metrics({"m": step}, step=step)
            record.end(state)
        assert not shipper.drain(60)
    table = curves(project.mlruns, "again", ["m"], uri=project.uri)
    assert table["step"].tolist() == list(range(1, 9))
    assert client.get_run(run_id).info.status == "FINISHED"
