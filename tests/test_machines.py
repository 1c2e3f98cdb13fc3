"""`rnnsweep machines NAME`: each point of a machine's file is tried, and what fails has a remedy."""

import json
import subprocess
import sys
from pathlib import Path
from socket import gethostname

import pytest
import torch
from test_machine_files import written

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.hardware import gpus
from rnnsweep.launchers import LauncherSpec, registry
from rnnsweep.launchers.probe.empty_trial import NodeFacts, try_slot
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Ended, Outcome, Started

__all__ = ["written"]


def test_a_machine_that_works_passes_each_check_and_leaves_nothing(written, home, tmp_path, capsys):
    written(f"engine: local\nslots: 2\nlocker: {tmp_path}/locker\n")
    assert main(["machines", "box", "--json"]) == 0
    streams = capsys.readouterr()
    checks = json.loads(streams.out)
    assert all(one["ok"] is True and one["remedy"] == "" for one in checks)
    assert [one["check"] for one in checks] == [
        *("versions", "locker", "reach", "slots", "slot 0", "slot 1", "memory")
    ]
    assert f"useslocker{tmp_path}/locker" in "".join(
        streams.err.split()
    )  # its lines are as wide as a terminal
    assert list((tmp_path / "locker").rglob("*")) == []
    assert not (home / "mlruns").exists()


SWEEP_AFTER = """
import rnnsweep
from rnnsweep.launchers.local.server import in_fresh_process

assert all(check.ok for check in rnnsweep.machines("box"))
print(in_fresh_process(eval, "'pytorch_lightning' in __import__('sys').modules"))
"""


def test_trials_start_from_what_is_imported_after_a_machine_was_tried_in_the_same_process(written, home):
    written("engine: local\nslots: 1\n")
    after = [sys.executable, "-c", SWEEP_AFTER]
    assert subprocess.run(after, check=True, capture_output=True, text=True, cwd=home).stdout == "True\n"


class Broken:
    """A launcher whose tasks end as told, or never."""

    slots = (Slot(0),)

    def __init__(self, outcome: Outcome | None, *, starts: bool = True) -> None:
        self.outcome, self.starts, self.started = outcome, starts, []

    def start(self, task, slot) -> None:
        self.started.append(task.key)

    def events(self, timeout: float) -> list:
        if self.outcome is None:
            return [Started(key) for key in self.started if self.starts]
        return [Ended(key, self.outcome) for key in self.started]

    def close(self) -> None:
        pass


@pytest.fixture
def broken(written, monkeypatch):
    """Machines whose trials end as told."""

    def use(outcome: Outcome | None, text: str = "slots: 1\n", *, starts: bool = True) -> Path:
        made = Broken(outcome, starts=starts)
        spec = LauncherSpec(lambda slots: made, on=lambda machine, sweep, slots: made)
        monkeypatch.setattr(registry, "_find", lambda name: spec)
        return written(text)

    return use


def test_a_locker_that_cannot_be_used_fails_with_its_remedy_and_the_engine_is_tried_without(
    broken, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("x")
    broken(Outcome("failed", "crash", "it broke"), f"slots: 1\nlocker: {tmp_path}/file/inside\n")
    tried, find = [], registry._find

    def on(machine, sweep, slots):
        tried.append(machine.locker)
        return find("x").on(machine, sweep, slots)

    monkeypatch.setattr(registry, "_find", lambda name: LauncherSpec(lambda slots: None, on=on))
    assert main(["machines", "box"]) == 2
    assert tried == [None]
    shown = capsys.readouterr().out
    assert f"wrong locker       locker {tmp_path}/file/inside: Not a directory" in shown
    assert "do: it must be a folder that this machine and all nodes may write to" in shown


def test_a_database_that_does_not_answer_fails_with_its_remedy(broken, capsys):
    pytest.importorskip("psycopg")
    broken(Outcome("failed", "crash", "it broke"), "slots: 1\nstudies: postgresql://me@127.0.0.1:1/x\n")
    assert main(["machines", "box", "--json"]) == 2
    checks = {check["check"]: check for check in json.loads(capsys.readouterr().out)}
    assert not checks["studies"]["ok"]
    assert "studies='postgresql://me@127.0.0.1:1/x' does not answer (" in checks["studies"]["found"]
    assert checks["studies"]["remedy"] == "start the server, or correct the address"


@pytest.mark.parametrize(
    ("engine", "outcome", "found", "remedy"),
    [
        ("", Outcome("failed", "crash", "it broke"), "ended as failed: it broke", "this machine"),
        (
            "engine: slurm\n",
            Outcome("failed", "crash", "it broke"),
            "ended as failed: it broke",
            "a node (srun rnnsweep doctor)",
        ),
        (
            "engine: ray\naddress: auto\n",
            None,
            "did not end within 0.1 s",
            "that node, or wait longer: rnnsweep machines box --wait 600",
        ),
    ],
)
def test_an_empty_trial_that_fails_or_never_ends_is_named(broken, engine, outcome, found, remedy):
    broken(outcome, f"{engine}slots: {{most: 1}}\n")
    checks = {one.check: one for one in rnnsweep.machines("box", patience_s=0.1)}
    assert not checks["slot 0"].ok
    assert checks["slot 0"].found == f"cpu: an empty trial {found}"
    assert checks["slot 0"].remedy == f"see what rnnsweep doctor prints on {remedy}"


def test_a_gpu_that_a_node_names_and_pytorch_cannot_use_fails_with_the_node(written, monkeypatch):
    monkeypatch.setattr(gpus, "count_visible", lambda: 1)
    monkeypatch.setenv(gpus.VISIBLE, "none")  # PyTorch finds none, on a machine with GPUs too
    written("slots: gpu:0\n")
    (slot,) = [one for one in rnnsweep.machines("box") if one.check == "slot 0"]
    assert not slot.ok
    assert f"gpu:0: an empty trial ended as failed: PyTorch cannot use a GPU of {gethostname()}" in slot.found
    assert slot.remedy == "see what rnnsweep doctor prints on this machine"


@pytest.mark.parametrize("visible", [None, ""])
def test_an_empty_trial_of_a_gpu_needs_one_whatever_the_environment_of_its_process(monkeypatch, visible):
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    if visible is not None:
        monkeypatch.setenv(gpus.VISIBLE, visible)
    monkeypatch.setattr(torch, "zeros", no_gpu)
    with pytest.raises(UserError, match="^PyTorch cannot use a GPU of .*: Found no driver$"):
        try_slot(None, None, slot=Slot(0, gpu="MIG-7"))
    assert NodeFacts.of(try_slot(None, None, slot=Slot(0))).gpu is None


def no_gpu(*sizes, device):
    raise RuntimeError("Found no driver\nInstall one")


def test_what_an_engine_refuses_is_shown_apart_from_its_remedy(broken, monkeypatch):
    broken(None)
    refused = UserError("node n1: torch is 1.0 there and 2.0 here", remedy="install the same on all nodes")

    def events(launcher, timeout):
        raise refused

    monkeypatch.setattr(Broken, "events", events)
    checks = {one.check: one for one in rnnsweep.machines("box", patience_s=0.1)}
    assert (checks["slot 0"].found, checks["slot 0"].remedy) == (refused.problem, refused.remedy)
    assert str(refused) == f"{refused.problem}; {refused.remedy}"


@pytest.mark.parametrize(
    ("engine", "shows"),
    [
        ("", ""),
        ("engine: slurm\n", "squeue --me shows what it waits for; "),
        ("engine: ray\naddress: auto\n", "ray status shows what it waits for; "),
    ],
)
def test_an_empty_trial_that_waits_in_a_queue_is_told_from_one_that_does_not_end(
    broken, capsys, engine, shows
):
    broken(None, f"{engine}slots: {{most: 1}}\n", starts=False)
    assert main(["machines", "box", "--wait", "0.1", "--json"]) == 2
    (slot,) = [one for one in json.loads(capsys.readouterr().out) if one["check"] == "slot 0"]
    assert slot["found"] == "cpu: no empty trial started within 0.1 s"
    assert slot["remedy"] == f"{shows}wait longer: rnnsweep machines box --wait 600"


def test_a_file_that_is_refused_is_contacted_in_no_way(written, capsys):
    path = written("engine: ray\naddress: box:1\nlocker: elsewhere\n")
    assert main(["machines", "box", "--json"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.splitlines()[-1].startswith(f"error: {path}: locker: 'elsewhere': must be")
