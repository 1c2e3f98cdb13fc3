"""What a run carries, item by item, asked of a server over REST: real runs of every kind."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from test_api import SMALL, SWEEP, colours

from rnnsweep.tracking.machine.monitor import NAMES
from rnnsweep.tracking.ui.serve import start_ui

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.server]
SCORES = {f"best/validation_{name}" for name in ("accuracy", "macro_f1", "loss")}
COSTS = {"params_total", "time/seconds", "time/samples_per_second", "work/epochs", "work/steps"}
MEMORY = {"memory/peak_bytes", "memory/activations_bytes"}
CURVES = {f"{part}/{name}" for part in ("train", "validation") for name in ("loss", "accuracy")} | {"epoch"}
ORIGIN = ("git.commit", "versions", "command", "cpu", "cores", "memory_gb", "gpu", "energy")
OF_REPLICATES = {"test_confusion.csv", "test_confusion.png", "test_mistakes.csv", "test_predictions.npz"}


def command(place: Path, *words: str) -> None:
    environment = {**os.environ, "RNNSWEEP_HOME": str(place)}
    done = subprocess.run(
        [sys.executable, "-m", "rnnsweep", *words], cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A UI on a single run and a sweep of which runs of one shape share a process."""
    place = tmp_path_factory.mktemp("carried")
    shutil.copytree(ROOT / "conf", place / "conf")
    (place / "sweeps").mkdir()
    (place / "sweeps" / "colours.yaml").write_text(SWEEP + "launcher: {fuse: 2}\n")
    colours(place / "colours.csv")
    command(place, "train", "model=gru", *SMALL)
    command(place, "sweep", "colours", "--slots", "1")
    server = start_ui(place / "mlruns", port=5800)
    yield server.address
    server.close()


def ask(address: str, what: str, **body: object) -> dict:
    url = f"{address}/api/2.0/mlflow/{what}"
    request = urllib.request.Request(
        url, data=json.dumps(body).encode() if body else None, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def found(address: str, role: str) -> list[dict]:
    """Give the runs of a role, each with its parts as plain mappings."""
    experiments = ask(address, "experiments/search?max_results=50")["experiments"]
    answer = ask(
        address,
        "runs/search",
        experiment_ids=[one["experiment_id"] for one in experiments],
        filter=f"tags.`rnnsweep.role` = '{role}'",
    )
    return [carried(run) for run in answer["runs"]]


def carried(run: dict) -> dict:
    parts = {
        part: {one["key"]: one["value"] for one in run["data"].get(part, [])} for part in ("params", "tags")
    }
    metrics = {one["key"]: one for one in run["data"].get("metrics", [])}
    inputs = {
        (one["tags"][0]["value"], one["dataset"]["digest"])
        for one in run.get("inputs", {}).get("dataset_inputs", [])
    }
    return {"info": run["info"], "metrics": metrics, "inputs": inputs, **parts}


def files(address: str, run: dict) -> set[str]:
    answer = ask(address, f"artifacts/list?run_id={run['info']['run_id']}")
    return {one["path"] for one in answer.get("files", [])}


@pytest.mark.parametrize(("role", "count"), [("single", 1), ("trial", 4), ("replicate", 4)])
def test_a_training_carries_all_that_repeats_explains_and_judges_it(address, role, count):
    runs = found(address, role)
    assert len(runs) == count
    for run in runs:
        tags, metrics = run["tags"], run["metrics"]
        assert run["info"]["status"] == "FINISHED"
        assert set(metrics) >= SCORES | COSTS | MEMORY | CURVES | set(NAMES)
        assert {metrics[name]["step"] for name in SCORES | COSTS | MEMORY} == {0}
        assert metrics["validation/loss"]["step"] == int(metrics["work/steps"]["value"]) > 0
        assert "rnnsweep train" in tags["mlflow.note.content"]
        assert tags["rnnsweep.architecture"] in run["info"]["run_name"]
        assert {f"rnnsweep.{name}" for name in ORIGIN} <= set(tags)
        overrides = json.loads(tags["rnnsweep.overrides"])
        assert "data.train=colours.csv" in overrides
        assert (run["params"]["data.train"], run["params"]["model"]) == (
            "colours.csv",
            tags["rnnsweep.architecture"],
        )
        assert len({part for part, _ in run["inputs"]}) == len({digest for _, digest in run["inputs"]}) == 3
        assert "config.yaml" in files(address, run)
        assert ("curves.png" in files(address, run)) == (role != "trial")


def test_trials_and_replicates_say_whose_they_are(address):
    (sweep,) = found(address, "sweep")
    for role in ("trial", "replicate"):
        for run in found(address, role):
            tags = run["tags"]
            assert tags["mlflow.parentRunId"] == sweep["info"]["run_id"]
            assert (tags["rnnsweep.sweep"], tags["rnnsweep.state"]) == ("colours", "complete")
            assert tags["rnnsweep.study"].endswith(tags["rnnsweep.architecture"])
            assert tags["rnnsweep.trial"].isdigit()
            assert "optimizer.log10_lr" in run["params"]


def test_replicates_have_the_test_part_with_confusion_and_mistakes(address):
    for run in found(address, "replicate"):
        assert {"test/accuracy", "test/macro_f1", "test/loss"} <= set(run["metrics"])
        assert files(address, run) >= OF_REPLICATES
    for run in found(address, "trial"):
        assert not {name for name in run["metrics"] if name.startswith("test/")}


def test_the_baseline_and_the_sweep_are_described(address):
    baselines = found(address, "baseline")
    assert baselines
    assert all("linear baseline" in run["tags"]["mlflow.note.content"] for run in baselines)
    (sweep,) = found(address, "sweep")
    assert sweep["tags"]["mlflow.note.content"].startswith("**Which of two networks tells colours apart")
    assert "sweep.yaml" in files(address, sweep)
