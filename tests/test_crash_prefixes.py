"""A sweep that is cut off after any of its writes, or within one, is resumed: nothing is lost or doubled.

A small sweep is run once while every change of its mlruns/ is recorded: the engine's ledger and Optuna's
journal, leases, outcomes, checkpoints, spools and their notes, and MLflow's database. Then the same sweep is
resumed from what each prefix of that record leaves on the disk, the last write whole or torn. Training is
replaced by made-up numbers; everything that writes is real.
"""

import itertools
import os
import random
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import optuna
import pytest
import torch
from recorded_changes import Changes, recorded, restore
from simulation import without_waiting, write_sweep

from rnnsweep import tracking
from rnnsweep.engine import recording, run_sweep
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.search.journal import read_journal
from rnnsweep.state import read_status
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Slot, Sweep
from rnnsweep.tracking.ship import attachment
from rnnsweep.tracking.ship.beside import ShippingProcess
from rnnsweep.tracking.ship.shipping import Shipping
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.training import checkpoint
from rnnsweep.training.scores import Scores
from rnnsweep.trial import Ended, Report, Reported, Started, TrialTask, run as trial_run

RUNGS, STEPS = 3, 10  # validations of a training, optimiser steps between two
CURVES = ("train/loss", "validation/accuracy")
TEXT = """\
name: toy
architectures: [gru]
trials: 2
replicates: 1
pruner: none
baseline: true
space:
  optimizer.lr: {type: float, low: 1e-4, high: 1e-1, log: true}
"""


def scripted_training(run, *, logger, callbacks, folder, resume, **more) -> Scores:
    """Train nothing: write the points and checkpoints of a training, and go on from its last checkpoint."""
    (reporter,) = callbacks
    last = folder / checkpoint.LAST
    begin = int(checkpoint.read(last)["rung"]) if resume and last.is_file() else 0
    weights = {"weights": {"w": torch.arange(8.0)}}
    for rung in range(begin + 1, RUNGS + 1):
        logger.log_metrics({"train/loss": 1 / rung}, step=rung * STEPS - 5)
        logger.log_metrics(
            {"train/loss": 1 / (rung + 0.5), "validation/accuracy": score(rung)}, step=rung * STEPS
        )
        assert reporter._held() == 0
        reporter._channel.report(Report(rung, rung * STEPS, float(rung), score(rung)))
        checkpoint.write(weights, folder / checkpoint.BEST)
        checkpoint.write({**weights, "rung": rung}, last)
    return Scores(
        score=run.score,
        values={"accuracy": score(RUNGS), "macro_f1": 0.5, "loss": 0.7},
        parameters=8,
        seconds=3.0,
        samples_per_second=100.0,
        epochs=float(RUNGS),
        steps=RUNGS * STEPS,
        checkpoint=folder / checkpoint.BEST,
    )


def score(rung: int) -> float:
    return rung / (RUNGS + 1)


@dataclass
class InProcess:
    """Runs trials as the real child does, in threads that alternate with the controller; ships in between."""

    ship: Shipping
    slots: tuple[Slot, ...] = (Slot(0),)
    _todo: list[TrialTask] = field(default_factory=list)
    _said: SimpleQueue = field(default_factory=SimpleQueue)
    _answers: SimpleQueue = field(default_factory=SimpleQueue)
    _turns: Iterator[int] = field(default_factory=itertools.count)

    def start(self, task: TrialTask, slot: Slot) -> None:
        self._todo.append(task)

    def events(self, timeout: float) -> list:
        if next(self._turns) % 3 == 0:
            self.ship.round()
        if self._todo:
            threading.Thread(target=self._run, args=(self._todo.pop(),)).start()
        return [self._said.get()]

    def _run(self, task: TrialTask) -> None:
        self._task = task
        task.folder.mkdir(parents=True, exist_ok=True)
        task.files.write_lease()
        self._said.put(Started(task.key))
        outcome = trial_run.run_trial(task, self, train=scripted_training)
        if outcome.state in ("complete", "pruned"):
            outcome.write(task.folder)
        self._said.put(Ended(task.key, outcome))

    def report(self, report: Report) -> str:
        self._said.put(Reported(self._task.key, report))
        return self._answers.get()

    def interrupted(self) -> bool:
        return False

    def answer(self, key: str, word: str) -> None:
        self._answers.put(word)

    def stop(self, key: str) -> None:
        raise AssertionError("nobody stops it")

    kill = stop

    def close(self) -> None:
        pass


class ShipsHere:
    """The shipper's process, in this one: what another process writes would not be recorded in its order."""

    def __init__(self, ship: Shipping) -> None:
        self._ship = ship

    def start(self) -> "ShipsHere":
        return self

    def close(self, *, tell: object, pictures: bool) -> None:
        done = self._ship.round()
        assert not done.errors, done.errors


@dataclass
class Place:
    """Where one sweep is run: its files, its store, its rows."""

    home: Path
    conf: Path

    @property
    def mlruns(self) -> Path:
        return self.home / "mlruns"

    def run(self, sweep: Sweep):
        """Run the sweep to its end, or go on with it, as one command does."""
        ship = Shipping(self.mlruns, LOCAL, say=lambda done: None)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(recording, "Shipper", lambda *values, **named: ShipsHere(ship))
                records = recording.Recording(self.mlruns)
                return run_sweep(
                    sweep, mlruns=self.mlruns, launcher=InProcess(ship), records=records, conf=self.conf
                )
        finally:
            tracking_closed(self.mlruns)


def no_other_process(*values: object, **named: object) -> None:
    raise AssertionError("a process that ships was started beside the one that is recorded")


def tracking_closed(mlruns: Path) -> None:
    """Close MLflow's connections to a store, which it keeps for ever."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for uri in [uri for uri in SqlAlchemyStore._engine_map if str(mlruns) in uri]:
        SqlAlchemyStore._engine_map.pop(uri).dispose()


@pytest.fixture(scope="module", autouse=True)
def scripted():
    """Replace what trains, and what asks this machine and its repository where a run comes from."""
    import numpy as np

    import rnnsweep.training
    from rnnsweep.training import Evaluation

    rows = np.arange(4) % 2
    answers = {"predictions_N": rows[::-1].copy(), "confidence_N": np.full(4, 0.9)}
    evaluation = Evaluation({"accuracy": 0.5, "macro_f1": 0.5, "loss": 0.7}, [], rows, answers)
    with without_waiting(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(rnnsweep.training, "evaluate", lambda *values, **named: evaluation)
        patch.setattr(attachment, "draw_curves", lambda *values, **named: b"a picture")
        patch.setitem(attachment.PICTURES, "confusion", lambda table: b"a picture")
        patch.setattr(recording, "provenance", lambda **named: {"git.commit": "0" * 40, "git.diff": "+1\n"})
        # a lease of this process would have it ended as an orphan of the controller that was cut off
        ended = ProcessIdentity("here", 1, "an earlier boot", 1)
        patch.setattr(ProcessIdentity, "current", lambda: ended)
        patch.setattr(ShippingProcess, "__init__", no_other_process)
        yield


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, short_rows) -> Sweep:
    overrides = f"[data=files, 'data.train={short_rows}', model.embedding_size=4]"
    return write_sweep(tmp_path_factory.mktemp("sweep"), TEXT, overrides=overrides)


@pytest.fixture(scope="module")
def conf(tmp_path_factory, root) -> Path:
    """The configuration files that the sweep needs: their copying is recorded, too."""
    folder = tmp_path_factory.mktemp("conf")
    chosen = {"data": ("files",), "model": ("gru",), "optimizer": ("adam",), "experiment": ()}
    for path in (root / "conf").glob("**/*.yaml"):
        place = path.relative_to(root / "conf")
        if path.stem in chosen.get(place.parts[0], (path.stem,)):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def changes(tmp_path_factory, template, sweep, conf) -> Changes:
    """Everything that the sweep changes in a mlruns/ that has a store, from its first file to its last."""
    place = Place(tmp_path_factory.mktemp("recorded"), conf)
    shutil.copytree(template, place.mlruns)
    with recorded(place.mlruns) as changes:
        summary = place.run(sweep)
    assert summary.state == "finished"
    check(place, sweep)
    return changes


def check(place: Place, sweep: Sweep) -> None:
    """See that every trial, run, point and outcome is there once."""
    check_search(place, sweep)
    check_runs(place, sweep)


def check_search(place: Place, sweep: Sweep) -> None:
    status = read_status(place.mlruns, sweep.name)
    wanted = {"complete": 2, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    assert (status.state, status.trials) == ("finished", wanted)
    assert [(s.replicates, s.best) for s in status.standings] == [(1, score(RUNGS))]
    folder = SweepFolder.of(place.mlruns, sweep.name)
    for name in sweep.architectures:
        trials = optuna.load_study(study_name=f"toy/{name}", storage=read_journal(folder)).trials
        assert [t.state.name for t in trials] == ["COMPLETE"] * 2
        assert all(t.intermediate_values == {r: score(r) for r in range(1, RUNGS + 1)} for t in trials)
    outcomes = [task.outcome() for task in folder.tasks()]
    assert {outcome.state for outcome in outcomes} == {"complete"}
    names = {task.name for task in folder.tasks() if not task.name.startswith("linear")}
    assert len(names) == 3  # two trials and a replicate
    assert [path for path in folder.path.rglob("*") if path.name.endswith(".part")] == []
    assert set(folder.count_test_reads()) == {task.name for task in folder.tasks() if "-r" in task.name}


def check_runs(place: Place, sweep: Sweep) -> None:
    table = tracking.runs(place.mlruns, sweep.name)
    roles = Counter(table["role"])
    baselines = sum(task.name.startswith("linear") for task in SweepFolder.of(place.mlruns, "toy").tasks())
    assert roles == {"sweep": 1, "trial": 2, "replicate": 1, "baseline": baselines}
    assert set(table["state"]) == {"complete"}
    assert not table["key"].duplicated().any()
    curves = tracking.curves(place.mlruns, sweep.name, CURVES)
    steps = {"train/loss": [s for r in range(1, RUNGS + 1) for s in (r * STEPS - 5, r * STEPS)]}
    steps["validation/accuracy"] = [r * STEPS for r in range(1, RUNGS + 1)]
    trained = table[table["role"].isin(["trial", "replicate"])]
    for run, key in itertools.product(trained["run_id"], CURVES):
        points = curves[(curves["run_id"] == run) & (curves["key"] == key)]
        assert sorted(points["step"]) == steps[key], (run, key)


def prefixes(changes: Changes) -> list[tuple[int, bool]]:
    """List all places where the machine may stop: after each change, and in the middle of each write."""
    whole = [(count, False) for count in range(len(changes.every))]
    # the first change is what was there before, the empty store
    torn = [(count, True) for count, change in enumerate(changes.every) if count and change.tears]
    return sorted(whole + torn)


def goes_on(changes: Changes, stop: tuple[int, bool], sweep: Sweep, conf: Path, home: Path) -> None:
    """Go on from a prefix and check what came out."""
    count, torn = stop
    place = Place(home, conf)
    restore(changes.state(count, torn=torn), place.mlruns)
    change = changes.every[count]
    where = f"after {count} of {len(changes.every)} changes{' and half of' if torn else ', before'} "
    where += f"{change.call} of {sorted({*change.before, *change.after})}"
    try:
        assert place.run(sweep).state == "finished"
        check(place, sweep)
    except BaseException as error:
        error.add_note(where)
        raise


def go_on_from(stops: list[tuple[int, bool]], changes: Changes, sweep: Sweep, conf: Path, home: Path) -> None:
    for number, stop in enumerate(stops):
        goes_on(changes, stop, sweep, conf, home / str(number))
        shutil.rmtree(home / str(number))
    every = len(prefixes(changes))
    print(f"went on from {len(stops)} of {every} prefixes of a record of {len(changes.every)} changes")


def test_a_sample_of_the_places_where_a_sweep_may_stop(changes, sweep, conf, tmp_path):
    """The record in so many parts of one length, and a place drawn from each; PREFIXES sets how many."""
    every, count = prefixes(changes), int(os.environ.get("PREFIXES", "4"))
    draw = random.Random(count)
    sample = [every[int((part + draw.random()) / count * len(every))] for part in range(count)]
    go_on_from(sample, changes, sweep, conf, tmp_path)


PARTS = 24  # of all prefixes: as many tests, for processes side by side
QUICK = 6  # of them are among the slow tests: a quarter of an hour is too long for all


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", [pytest.param(n, marks=[] if n < QUICK else pytest.mark.exhaustive) for n in range(PARTS)]
)
def test_all_places_where_a_sweep_may_stop(part, changes, sweep, conf, tmp_path):
    go_on_from(prefixes(changes)[part::PARTS], changes, sweep, conf, tmp_path)
