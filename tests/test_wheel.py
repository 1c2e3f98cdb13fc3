"""An installed wheel works without a clone: its own configuration files and its quick sweep travel in it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built without fetching anything."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; it is in the group dev")
    out = tmp_path_factory.mktemp("dist")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(out), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with the wheel's content, found before the clone."""
    folder = tmp_path_factory.mktemp("site")
    install = ["install", "--no-deps", "--quiet", "--target", str(folder), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    return folder


def run(installed: Path, place: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        k: v for k, v in os.environ.items() if k not in ("RNNSWEEP_HOME", "RNNSWEEP_COMPILE_AHEAD")
    }
    return subprocess.run(
        [sys.executable, "-m", "rnnsweep", *arguments],
        cwd=place,
        env={**environment, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_configuration_sweep_types_and_templates_travel_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {f"rnnsweep/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")}
    assert len(files) > 15
    templates = {f"rnnsweep/{p.relative_to(ROOT / 'src/rnnsweep')}" for p in ROOT.glob("src/**/*.j2")}
    assert files | templates | {"rnnsweep/sweeps/quickstart.yaml", "rnnsweep/py.typed"} <= names


def test_from_an_empty_folder_the_packaged_configuration_is_used(installed, tmp_path):
    done = run(installed, tmp_path, "config", "model=gru", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["model.cell"]["value"] == "gru"
    assert found["data.sample"]["origin"].startswith(str(installed / "rnnsweep" / "conf"))
    version = json.loads(run(installed, tmp_path, "version", "--json").stdout)
    assert version["conf"] == str(installed / "rnnsweep" / "conf")
    assert version["mlruns"] == str(tmp_path / "mlruns")
    assert list(tmp_path.iterdir()) == []


def test_own_files_of_conf_add_to_the_packaged_ones(installed, tmp_path):
    own = tmp_path / "conf" / "model" / "mine.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("cell: gru\nhidden_size: 5\n")
    found = json.loads(run(installed, tmp_path, "config", "model=mine", "--json").stdout)
    assert found["model.hidden_size"] == {"value": 5, "origin": "conf/model/mine.yaml, line 2"}
    own.write_text("cell: gru\nhiden_size: 5\n")
    done = run(installed, tmp_path, "config", "model=mine")
    assert done.returncode == 2
    assert done.stderr.startswith("error: model.hiden_size=5 (conf/model/mine.yaml, line 2): no such key.")


def test_a_sweep_finds_the_packaged_question_by_its_name(installed, tmp_path):
    done = run(installed, tmp_path, "sweep", "quikstart")
    assert done.returncode == 2
    assert "there is quickstart. Did you mean 'quickstart'?" in done.stderr
    assert not (tmp_path / "mlruns").exists()


def test_a_run_of_own_files_trains_and_is_recorded_in_the_folder(installed, tmp_path):
    rows = [f"{word} {word} end,{word}" for word in ("red", "blue") for _ in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *(f"{i} {r}" for i, r in enumerate(rows))]))
    small = ["data=files", "data.train=own.csv", "model=bag", "trainer.max_epochs=1", "--json"]
    done = run(installed, tmp_path, "train", *small)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["run_id"]) == 32
    assert (tmp_path / "mlruns" / "mlflow.db").is_file()


def test_the_smoke_test_of_a_release_passes(installed, tmp_path):
    command = tmp_path / "rnnsweep"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{installed}" exec "{sys.executable}" -m rnnsweep "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", str(ROOT / ".ci" / "smoke"), str(command)], capture_output=True, text=True, check=False
    )
    assert "smoke: passed" in done.stdout, done.stdout + done.stderr


def test_after_init_the_loops_are_compiled_in_the_background_and_doctor_waits_until_they_are(wheel, tmp_path):
    fresh = tmp_path / "site"
    install = ["install", "--no-deps", "--quiet", "--no-compile", "--target", str(fresh), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    made = run(fresh, tmp_path, "init", "project")  # returns, though its pipes are read to their end
    assert made.returncode == 0, made.stderr
    assert not list(fresh.rglob("rnnsweep-ahead.*.py*"))
    first = run(fresh, tmp_path, "doctor", "--json")
    assert [line for line in first.stderr.splitlines() if "compiling" in line] == [
        "compiling the loops of all cells for this processor: once, some seconds"
    ]
    (code,) = (one for one in json.loads(first.stdout) if one["check"] == "machine code")
    assert code["ok"]
    assert code["found"].startswith("the loops of all cells are compiled now (")
    assert len(list(fresh.rglob("rnnsweep-ahead.*.py*"))) == 1
    rows = [f"{word} {word} end {i},{word}" for word in ("red", "blue") for i in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *rows]))
    for line in (["doctor", "--json"], ["train", "data.train=own.csv", "trainer.max_epochs=1"]):
        assert "compiling" not in run(fresh, tmp_path, *line).stderr
