"""What lies in a sweep's folder, and that one package knows it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import rnnsweep
from rnnsweep.engine.orphans import end_orphans
from rnnsweep.errors import UserError
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.state.folder import SweepFolder, TaskFolder
from rnnsweep.state.outcome import Outcome
from rnnsweep.state.start import _differences
from rnnsweep.state.tasks import TaskState
from rnnsweep.state.watching.status import _standings

SOURCES = Path(rnnsweep.__file__).parent
NAMES = r'"(trials|inbox|sweeps|[^" ]*(outcome|lease|start|controller)\.json|controller\.lock|log\.txt'
NAMES += r'|(ledger|looks|test_reads)\.jsonl|journal\.log|report\.html|test_predictions\.npz|checkpoints)"'


def test_files_that_know_the_folder_of_a_sweep_are_of_one_package():
    """A path is built with `/`, `glob` or a name for a file; words of a sweep file are others."""
    paths = re.compile(rf"/ {NAMES}|{NAMES} /|glob\(.*(trials|outcome|start\.json)|[A-Z]+ = {NAMES}")
    knows = {path.relative_to(SOURCES) for path in SOURCES.rglob("*.py") if paths.search(path.read_text())}
    questions = {Path("paths.py")}  # the project's sweeps/, which holds files of questions
    assert {path for path in knows - questions if path.parts[0] != "state"} == set()
    assert Path("state/folder.py") in knows


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("lstm-3", ("trial", "lstm", 3)),
        ("lstm-3-r0", ("replicate", "lstm", 3)),
        ("bi-lstm-0.5-12", ("trial", "bi-lstm-0.5", 12)),
        ("gru-r2-1-r10", ("replicate", "gru-r2", 1)),
        ("linear", ("baseline", "linear", None)),
        ("linear-r1", ("baseline", "linear", None)),
    ],
)
def test_a_tasks_name_says_its_role_architecture_and_number(name, parts):
    task = TaskState(name, "complete")
    assert (task.role, task.architecture, task.number) == parts


def test_replicates_of_an_earlier_best_trial_do_not_count_as_done():
    trials = [TaskState(f"bag-{n}", "complete", turned=score) for n, score in enumerate((0.6, 0.5, 0.7))]
    former = [TaskState(f"bag-0-r{n}", "complete") for n in range(15)]
    present = [TaskState("bag-2-r0", "complete"), TaskState("bag-2-r1", "running")]
    plan = {"architectures": ["bag"], "trials": 3, "replicates": 15}
    for own, count in (([*trials[:2], *former], 15), ([*trials, *former, *present], 1), (trials, 0)):
        (standing,) = _standings(plan, own, {}, alive=True)
        assert (standing.replicates, standing.replicates_wanted) == (count, 15)


def test_an_outcome_is_read_back_as_it_was_written(tmp_path):
    outcome = Outcome("pruned", "pruned", "behind", {"validation": 0.5, "epochs": 1.0}, recorded=True)
    outcome.write(tmp_path / "gru-0")
    task = TaskFolder(tmp_path / "gru-0")
    assert (task.outcome(), task.outcome().validation) == (outcome, 0.5)
    task.forget_outcome()
    assert task.outcome() is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"state": "won"}', '{"state": 1}', '{"state": "failed", "reason": 1}', "\xff"]
    + ['{"state": "complete", "scores": []}', '{"state": "complete", "scores": {"validation": "much"}}'],
)
def test_an_outcome_that_nobody_of_ours_wrote_is_none(tmp_path, text):
    (tmp_path / "outcome.json").write_bytes(text.encode("latin-1"))
    assert Outcome.read(tmp_path) is None


SOUND = '{"asked": {}, "identity": "1", "corpus": "", "configuration": "", "code": "", %s}'


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"asked": {}}', '{"asked": [], "identity": "a"}']
    + [SOUND % each for each in ('"accepted": 1', '"accepted": null', '"accepted": [1]', '"model": {}')],
)
def test_a_damaged_start_is_named_with_what_to_do(tmp_path, text):
    folder = SweepFolder.of(tmp_path, "toy")
    folder.make()
    assert folder.start() is None
    (folder.path / "start.json").write_text(text)
    with pytest.raises(UserError, match=r"toy/start\.json: is damaged; put a copy back, or move .*toy away"):
        folder.start()


def test_a_sweep_that_was_never_started_is_named_with_the_nearest(tmp_path):
    for name in ("quick", "slow"):
        folder = SweepFolder.of(tmp_path, name)
        folder.make()
        folder.write_start({"asked": {}, "identity": "1", "corpus": "", "configuration": "", "code": ""})
    assert [one.name for one in SweepFolder.every(tmp_path)] == ["quick", "slow"]
    assert SweepFolder.started(tmp_path, "quick").key("gru-0") == "quick.1.gru-0"
    with pytest.raises(UserError, match=r"known are quick, slow\. Did you mean 'quick'\?"):
        SweepFolder.started(tmp_path, "quik")


def test_a_name_that_leads_out_of_mlruns_is_refused(tmp_path):
    with pytest.raises(UserError, match="must be a short name without / or control characters"):
        SweepFolder.of(tmp_path, "../sweeps")


def test_requests_that_do_not_read_are_removed_and_the_others_kept(tmp_path):
    folder = SweepFolder.of(tmp_path, "toy")
    folder.make()
    folder.post("retry", task=None)
    (folder.path / "inbox" / "0.json").write_text("{")
    (folder.path / "inbox" / "1.json").write_text('{"kind": "retry"}')
    assert [request["kind"] for _, request in folder.requests()] == ["retry"]
    assert len(os.listdir(folder.path / "inbox")) == 1


def test_events_that_are_none_are_left_out(tmp_path):
    folder = SweepFolder.of(tmp_path, "toy")
    folder.make()
    ledger = folder.ledger()
    ledger.write("pause")
    ledger.close()
    with (folder.path / "ledger.jsonl").open("ab") as file:
        file.write(
            b'[]\n{"event": 1, "time": 1}\n{"event": "end"}\n\xff\n{"event": "close", "time": 2}\n{"ev'
        )
    assert [event["event"] for event in folder.events()] == ["pause", "close"]


def test_what_killed_writers_left_is_cleared(tmp_path):
    folder = SweepFolder.of(tmp_path, "toy")
    task = folder.task("gru-0").path
    task.mkdir(parents=True)
    for path in (folder.path / ".start.json.0123456789ab", task / ".outcome.json.0123456789ab"):
        path.write_text("half")
    (folder.path / "conf.part").mkdir()
    folder.clear_parts()
    assert [path.name for path in folder.path.rglob("*")] == ["trials", "gru-0"]


def test_only_a_process_that_works_on_a_task_without_an_outcome_is_ended(tmp_path):
    code = "import time; print(1, flush=True); time.sleep(60)"
    workers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)]
    folder = SweepFolder.of(tmp_path, "toy")
    for worker, name in zip(workers, ("gru-0", "gru-1", "gru-2"), strict=True):
        worker.stdout.readline()
        identity = ProcessIdentity.of(worker.pid).record()
        identity |= {"ticks": identity["ticks"] + 1} if name == "gru-2" else {}  # of an earlier process
        folder.task(name).path.mkdir(parents=True)
        (folder.task(name).path / "lease.json").write_text(json.dumps(identity))
    Outcome("complete").write(folder.task("gru-1").path)
    assert end_orphans(folder, grace_s=0.2) == 1
    assert [psutil.pid_exists(worker.pid) for worker in workers] == [False, True, True]
    for worker in workers:
        worker.kill()
        worker.wait()
        worker.stdout.close()


def test_what_changed_since_the_start_is_named_at_its_own_key():
    before = {
        "space": {"optimizer.lr": {"low": "1e-3", "high": "2e-2"}, "model.pooling": ["mean"]},
        "overrides": ["trainer.max_epochs=3", "data=files"],
        "architectures": ["lstm", "gru"],
    }
    now = {
        "space": {"optimizer.lr": {"low": "1e-3", "high": "3e-2"}, "model.pooling": ["mean", "max"]},
        "overrides": ["trainer.max_epochs=4", "data=files"],
        "architectures": ["gru", "lstm"],
        "seed": 7,
    }
    assert list(_differences("", before, now)) == [
        "architectures: another order",
        "overrides: trainer.max_epochs=3 became trainer.max_epochs=4",
        "seed: not set became 7",
        "space.model.pooling: max added",
        "space.optimizer.lr.high: 2e-2 became 3e-2",
    ]
