"""What a release needs: one version, a dated list of changes, workflows and hooks that name what is there."""

import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
notes = runpy.run_path(str(ROOT / ".ci" / "release.py"))["notes"]


def project(folder: Path, *, version: str = "1.2.0", heading: str = "1.2.0 (2031-04-05)") -> Path:
    (folder / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## {heading}\n\n* New.\n\n## 1.1.0 (2030-01-01)\n\n* Old.\n"
    )
    return folder


def test_the_notes_of_a_release_are_the_changes_of_its_version(tmp_path):
    assert notes("v1.2.0", root=project(tmp_path)) == "* New."


@pytest.mark.parametrize(
    ("tag", "heading", "said"),
    [
        ("v1.3.0", "1.2.0 (2031-04-05)", "tag v1.3.0: pyproject.toml has version 1.2.0"),
        ("v1.2.0", "1.2.0 (unreleased)", r"1.2.0 \(unreleased\): put the date"),
        ("v1.2.0", "1.1.9 (2031-04-05)", "has no heading '## 1.2.0"),
    ],
)
def test_a_release_whose_parts_disagree_is_refused(tmp_path, tag, heading, said):
    with pytest.raises(ValueError, match=said):
        notes(tag, root=project(tmp_path, heading=heading))


def test_the_projects_own_changelog_has_a_heading_for_its_version():
    try:
        notes_text = notes("v" + _version())
    except ValueError as error:
        assert "put the date of the release there" in str(error)  # noqa: PT017 - the only fault that may be
    else:
        assert notes_text


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda p: p.name)
def test_the_scripts_that_a_workflow_runs_are_there(path):
    jobs = yaml.safe_load(path.read_text())["jobs"]
    commands = " ".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    scripts = {word for word in commands.split() if word.startswith(".ci/")}
    assert scripts
    assert [name for name in scripts if not (ROOT / name).is_file()] == []


def test_the_hooks_of_a_commit_run_what_make_check_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    checked = (ROOT / "Makefile").read_text()
    for hook in hooks:
        tool = hook["entry"].removeprefix(".venv/bin/").split()[0]
        assert f"$(BIN)/{tool}" in checked


@pytest.fixture
def make(tmp_path):
    """A function that runs `make` with a Python that installs nothing, and returns what it prints."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "slow").write_text("#!/bin/sh\nsleep 0.5\necho Collecting torch\necho Downloading torch\n")
    (tmp_path / "python").write_text("#!/bin/sh\nmkdir -p .venv/bin\ncp slow .venv/bin/python\n")
    for script in ("slow", "python"):
        (tmp_path / script).chmod(0o755)

    def run(*goals: str) -> list[str]:
        command = ["make", "--no-print-directory", *goals, "PYTHON=./python", "EVERY=0.1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.splitlines()

    return run


def test_make_says_every_few_seconds_what_an_installation_does(make):
    lines = make(".venv/ready")
    assert lines[0].startswith("installing rnnsweep into .venv")
    assert (lines.count("Collecting torch"), lines.count("Downloading torch")) == (3, 2)  # one is filtered
    assert sum(line.startswith("  ... 0 s, ") and line.endswith(" MB in .venv") for line in lines) >= 3


@pytest.mark.parametrize(("goals", "said"), [([], 1), ([".venv/ready"], 1), (["sweep"], 0)])
def test_make_names_the_next_command_where_the_installation_was_asked_for_alone(make, tmp_path, goals, said):
    (tmp_path / "slow").write_text("#!/bin/sh\ncp slow .venv/bin/rnnsweep\n")
    assert sum(line.startswith("done; next: make sweep") for line in make(*goals)) == said
