"""Real trainings as jobs of a real Slurm that ends them: each resumes where it was, and scores the same."""

import threading

import pytest
from agent_programs import STANDS_STILL_S
from benchmarks._no_records import NoRecords
from test_slurm import machine, slurm, wait
from test_slurm_studies import write_rows

from rnnsweep.engine import run_sweep
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.slurm.transport import SlurmTransport
from rnnsweep.machine import Share
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Method, read_sweep
from rnnsweep.tracking.spool.spool import read_all
from rnnsweep.training import checkpoint
from rnnsweep.trial import Ended, Outcome

pytestmark = [pytest.mark.server, pytest.mark.slow]
__all__ = ["slurm"]
BY_THE_CLOCK = ("seconds", "samples", "memory", "activations")
EPOCHS, STEPS = 30, 390  # 390 batches of 8 rows in all
SWEEP = """\
# Does it resume?
name: small
architectures: [gru]
trials: 1
replicates: 1
baseline: false
retries: 0
overrides: [data=files, data.train={rows}, data.batch_size=8, trainer.max_epochs={epochs}]
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-2, log: true}}
"""


def trained(folder, launcher):
    """Train a small sweep; return its scores without what the clock decides."""
    folder.mkdir()
    path = folder / "small.yaml"
    path.write_text(SWEEP.format(rows=write_rows(folder), epochs=EPOCHS))
    summary = run_sweep(read_sweep(path), mlruns=folder / "mlruns", launcher=launcher, records=NoRecords())
    assert summary.state == "finished"  # "interrupted" where these tests themselves got SIGTERM
    return {
        one.name: {
            name: value
            for name, value in Outcome.read(one.path).scores.items()
            if not name.startswith(BY_THE_CLOCK)
        }
        for one in SweepFolder(summary.folder).tasks()
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The scores of the same sweep in a local slot."""
    return trained(tmp_path_factory.mktemp("here") / "sweep", LocalLauncher(1))


def cancel(slurm, job):
    slurm.command("scancel", job)


def preempt(slurm, job):
    slurm.command("sbatch", "--partition=urgent", "--nodes=2", "--output=/dev/null", "--wrap=sleep 1")


def let_its_time_end(slurm, job):
    slurm.command("scontrol", "update", f"JobId={job}", "TimeLimit=2")  # Slurm looks every 30 s


def validated(mlruns, key):
    """The steps at which a task recorded a validation."""
    lines = read_all(mlruns / "spool" / f"{key}.jsonl")
    return [line["step"] for line in lines if line["op"] == "metrics" and "validation/loss" in line["values"]]


@pytest.mark.parametrize("end", [cancel, preempt, let_its_time_end])
def test_a_training_that_slurm_ends_resumes_at_the_step_where_it_was_and_scores_as_in_a_local_slot(
    slurm, tmp_path, undisturbed, end
):
    wait(lambda: not slurm.jobs())  # those of the test before end a few seconds after their sweep
    transport = SlurmTransport(machine(tmp_path / "jobs"), Share(most=1))
    program = Method("programs", {"entry": "trains_until_it_is_ended"})
    launcher = AgentLauncher(transport, launcher=program, machine="lab", grace_s=20.0)
    mlruns, seen = tmp_path / "far" / "mlruns", []
    hear = launcher.events

    def events(timeout):
        """Look at what the trial that was ended left, before it is started again."""
        heard = hear(timeout)
        for event in heard:
            if isinstance(event, Ended) and event.outcome.cause == "preempted":
                (task,) = SweepFolder.of(mlruns, "small").tasks()
                saved = checkpoint.read(task.checkpoints / checkpoint.LAST)
                seen.append((event, saved["training"]["position"]["step"], validated(mlruns, event.key)))
        return heard

    launcher.events = events

    def disturb():
        spools = (mlruns / "spool").glob
        wait(lambda: any(validated(mlruns, p.stem)[2:] for p in spools("*.jsonl")), seconds=STANDS_STILL_S)
        (job,) = slurm.jobs()
        end(slurm, job)

    disturbs = threading.Thread(target=disturb, daemon=True)
    disturbs.start()
    scores = trained(tmp_path / "far", launcher)
    disturbs.join()
    ((event, step, before),) = seen
    assert "Slurm ends its job" in event.outcome.reason
    assert (
        step == event.outcome.scores["steps"]
    )  # the checkpoint is of the moment at which the training ended
    assert 0 < before[-1] <= step < STEPS
    assert validated(mlruns, event.key) == list(range(STEPS // EPOCHS, STEPS + 1, STEPS // EPOCHS))
    assert scores == undisturbed
