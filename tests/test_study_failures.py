"""Every failure by name, provoked in real trainings, and seen wherever a person looks."""

from pathlib import Path

import launched
import pytest
from benchmarks.chaos import SWEEP, _write_rows

from rnnsweep.cli import main
from rnnsweep.comparison import compare_records
from rnnsweep.engine import run_sweep
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.local.server import PRELOAD
from rnnsweep.state import read_status
from rnnsweep.state.ledger import read_ledger
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tracking import curves, runs, sync

pytestmark = pytest.mark.slow

CAUSES = {
    "gru-1": ("crash", "RuntimeError: it broke"),
    "gru-2": ("lost process", "ended by SIGKILL; perhaps the system ran out of memory"),
    "gru-3": ("out of memory", "OutOfMemoryError: CUDA out of memory"),
    "gru-4": ("out of memory", "RuntimeError: "),
    "gru-5": ("time limit", "it used up its 0.2 s"),
    "gru-6": ("diverged", "the loss is "),
    "gru-7": ("broken corpus", "the corpus changed while the sweep ran"),
    "gru-8": ("configuration", "model.hidden_size"),
    "gru-9": ("full disk", "OSError: [Errno 28] No space left on device"),
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory) -> Path:
    """A project whose sweep has a trial for each way to fail, two that succeed and one that diverges."""
    home = tmp_path_factory.mktemp("failed")
    text = SWEEP.format(trials=len(launched.FATES), rows=_write_rows(home))
    text = text.replace("[bag, gru]", "[gru]").replace("retries: 1000", "retries: 1")
    text = text.replace("replicates: 2", "replicates: 1").replace("name: median, startup: 4", "name: none")
    text = text.replace("trainer.max_epochs=2", "trainer.max_epochs=1\n  - data.limit=600")
    path = home / "chaos.yaml"
    path.write_text(text, encoding="utf-8")
    launcher = LocalLauncher(2, entry=launched.failing, preload=(*PRELOAD, "launched"))
    summary = run_sweep(read_sweep(path), mlruns=home / "mlruns", launcher=launcher)
    assert summary.trials == {"complete": 2, "pruned": 0, "failed": 9, "running": 0, "waiting": 0}
    assert {failure.name for failure in summary.failures} == set(CAUSES)
    assert not sync(home / "mlruns", deadline_s=120).waiting  # a busy machine's shipper may be behind
    return home


def test_status_names_each_failure_with_its_trial_its_cause_and_its_log(failed):
    found = {failure.name: failure for failure in read_status(failed / "mlruns", "chaos").failures}
    for name, (cause, reason) in CAUSES.items():
        assert found[name].cause == cause
        assert found[name].reason.startswith(reason)
        assert found[name].log.is_file()
    said = {name: failure.log.read_text() for name, failure in found.items()}
    assert all("Traceback" in said[name] for name in set(CAUSES) - {"gru-2"})


def test_status_prints_every_failure(failed, monkeypatch, capsys):
    monkeypatch.setenv("RNNSWEEP_HOME", str(failed))
    assert main(["status", "chaos"]) == 0
    printed = "".join(capsys.readouterr())
    for name, (cause, _) in CAUSES.items():
        assert f"{name} failed: {cause}: " in printed
        assert f"{name}/log.txt" in printed.replace("\n", "")


def test_every_run_has_its_end_and_its_reason_in_the_store(failed):
    table = runs(failed / "mlruns", "chaos")
    trials = table[table["role"] == "trial"].set_index("trial")
    assert dict(trials["state"].value_counts()) == {"failed": 9, "complete": 2}
    for name, (cause, _) in CAUSES.items():
        assert trials["reason"][int(name[4:])].startswith(f"{cause}: ")
    assert trials["reason"][6].startswith("diverged: ")
    assert not set(table["state"]) & {"running", "interrupted"}


def test_a_failure_counts_in_the_budget_by_the_work_that_it_did(failed):
    table = runs(failed / "mlruns", "chaos")
    trials = table[table["role"] == "trial"].set_index("trial")
    trained = trials.loc[[1, 3, 4, 5, 6, 9]]
    assert (trained["seconds"] > 0).all()
    assert (trained["epochs"] > 0).all()


def test_the_standings_and_the_audit_count_failures(failed):
    mlruns = failed / "mlruns"
    found = compare_records(
        runs(mlruns, "chaos"), curves(mlruns, "chaos", ["validation/accuracy"]), sweep="chaos"
    )
    (standing,) = found.standings
    assert standing.trials == {"complete": 2, "pruned": 0, "failed": 9}
    assert standing.spent["failed"].epochs > 0
    assert standing.spent["failed"].seconds > 0


def test_a_trial_without_memory_was_tried_in_smaller_pieces_as_the_same_run(failed):
    table = runs(failed / "mlruns", "chaos")
    trials = table[table["role"] == "trial"]
    assert sorted(trials["trial"]) == list(range(11))
    ledger = read_ledger(failed / "mlruns/sweeps/chaos")
    again = [e for e in ledger if e.get("cause") == "out of memory" and e["state"] == "retried"]
    assert sorted(event["name"] for event in again) == ["gru-3", "gru-4"]
