"""Constraints, objectives and early ends of studies, in the engine with scripts in place of trainings."""

import json
from collections import Counter

import optuna
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from simulation import FakeClock, FakeLauncher, PowerCut, Script, run_simulated, without_waiting, write_sweep
from test_study import hash_of, plain, score_of

from rnnsweep.errors import UserError
from rnnsweep.search import study as search
from rnnsweep.search.journal import open_journal
from rnnsweep.search.objectives import Improvement, reaches, turned
from rnnsweep.state import read_status
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.ledger import read_ledger
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Outcome


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


def run(sweep, folder, fake, **more):
    return run_simulated(
        sweep,
        folder,
        fake,
        sizes=lambda run: (100, 4),
        **more,
    )


def launcher(script=plain, **more):
    return FakeLauncher(FakeClock(), script, **more)


def studies(folder, sweep):
    storage = open_journal(SweepFolder.of(folder / "mlruns", sweep.name))
    return {
        name: optuna.load_study(study_name=f"{sweep.name}/{name}", storage=storage).trials
        for name in sweep.architectures
    }


def width_of(task):
    return int(next(o for o in task.overrides if o.startswith("model.hidden_size=")).partition("=")[2])


class Heard:
    """Keeps the messages."""

    def __init__(self):
        self.messages = []

    def update(self, snapshot):
        pass

    def message(self, text):
        self.messages.append(text)


# constraints


def test_what_is_known_to_be_too_large_is_never_trained_and_costs_no_budget(tmp_path):
    sweep = write_sweep(tmp_path, constraints="{parameters: 18000}", sampler="random", trials=6)
    fake = launcher()
    summary = run(sweep, tmp_path, fake)
    counts = summary.trials
    rejected = counts.pop("rejected")
    assert counts == {"complete": 12, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    trained = [task for task in fake.started if task.role == "trial"]
    assert len(trained) == 12
    assert all(width_of(task) < 64 for task in trained)
    found = [t for trials in studies(tmp_path, sweep).values() for t in trials if "rejected" in t.user_attrs]
    assert len(found) == rejected > 0
    for trial in found:
        assert trial.state.name == "PRUNED"
        assert trial.constraints["parameters"] > 0
        assert trial.user_attrs["reason"].endswith(" > 18,000")
    status = read_status(tmp_path / "mlruns", "toy")
    assert status.trials["rejected"] == rejected
    assert status.trials["waiting"] == 0


def test_a_sampler_learns_from_what_was_rejected(tmp_path):
    sweep = write_sweep(
        tmp_path, constraints="{parameters: 9500}", trials=14, architectures="[lstm]", replicates=0
    )
    run(sweep, tmp_path, launcher())
    trials = studies(tmp_path, sweep)["lstm"]
    early, late = trials[:10], trials[-10:]
    share = [sum("rejected" in t.user_attrs for t in part) for part in (early, late)]
    assert share[1] < share[0]


def test_a_study_whose_proposals_are_all_too_large_gives_up_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "MOST_REJECTED", 12)
    text = """\
name: toy
architectures: [lstm]
trials: 4
sampler: random
pruner: none
baseline: false
constraints: {parameters: 7000}
space:
  model.hidden_size: {type: int, low: 1, high: 60000}
"""
    heard = Heard()
    summary = run(write_sweep(tmp_path, text), tmp_path, launcher(), listener=heard)
    (standing,) = summary.standings
    assert standing.stopped == "12 proposals in a row were infeasible"
    assert (standing.rejected, standing.waiting, summary.state) == (12, 0, "finished")
    assert heard.messages == ["lstm: its search ends early: 12 proposals in a row were infeasible"]
    again = run(write_sweep(tmp_path, text), tmp_path, launcher())
    assert (again.ran, again.trials["rejected"]) == (0, 12)


def slow_is_good(task, life):
    return Script((score_of(task),), seconds=100 * score_of(task))


def test_a_trial_above_a_limit_is_complete_infeasible_and_never_the_winner(tmp_path):
    sweep = write_sweep(tmp_path, constraints="{seconds: 60}", trials=8)
    fake = launcher(slow_is_good)
    summary = run(sweep, tmp_path, fake)
    over = [t for t in fake.started if t.role == "trial" and 100 * score_of(t) > 60]
    assert over
    assert summary.trials["infeasible"] == len(over)
    assert summary.trials["complete"] == 16 - len(over)
    for name in sweep.architectures:
        within = [
            t for t in fake.started if t.architecture == name and t.role == "trial" and score_of(t) <= 0.6
        ]
        best = max(within, key=score_of)
        repeats = [t for t in fake.started if t.architecture == name and t.role == "replicate"]
        assert {t.number for t in repeats} == {best.number}
        (standing,) = [s for s in summary.standings if s.architecture == name]
        assert standing.best == score_of(best)
    trials = [t for trials in studies(tmp_path, sweep).values() for t in trials]
    named = {t.user_attrs.get("reason") for t in trials if t.user_attrs.get("cause") == "infeasible"}
    assert len(named) == len(over)
    assert all(reason.startswith("seconds ") and reason.endswith(" > 60") for reason in named)
    assert all(t.state.name == "COMPLETE" for t in trials)


def test_status_and_the_controller_count_infeasible_trials_alike_also_after_a_restart(tmp_path):
    sweep = write_sweep(tmp_path, constraints="{seconds: 60, parameters: 18000}", trials=8, sampler="random")
    summary = run(sweep, tmp_path, launcher(slow_is_good))
    status = read_status(tmp_path / "mlruns", "toy")
    again = run(sweep, tmp_path, launcher(slow_is_good))
    assert summary.trials == status.trials == again.trials
    assert [s.best for s in summary.standings] == [s.best for s in again.standings]
    assert read_status(tmp_path / "mlruns", "toy").trials == status.trials


def test_without_a_feasible_trial_nothing_is_repeated(tmp_path):
    fake = launcher(lambda task, life: Script((0.5,), seconds=61))
    summary = run(write_sweep(tmp_path, constraints="{seconds: 60}"), tmp_path, fake)
    assert {task.role for task in fake.started} == {"trial"}
    assert [s.best for s in summary.standings] == [None, None]


def test_each_point_of_a_grid_counts_trained_or_not(tmp_path):
    text = "\n".join(
        [
            "name: toy",
            "architectures: [lstm]",
            "trials: 4",
            "baseline: false",
            "pruner: none",
            "sampler: grid",
            "constraints: {parameters: 18000}",
            "space:",
            "  model.hidden_size: [4, 8, 400, 500]",
        ]
    )
    summary = run(write_sweep(tmp_path, text), tmp_path, launcher())
    assert (summary.trials["complete"], summary.trials["rejected"]) == (2, 2)
    assert run(write_sweep(tmp_path, text), tmp_path, launcher()).ran == 0


# several objectives


def test_several_objectives_make_a_study_of_several_values(tmp_path):
    def script(task, life):
        return Script((score_of(task),), seconds=float(width_of(task)))

    sweep = write_sweep(tmp_path, objectives="[seconds, validation]", trials=10)
    fake = launcher(script)
    summary = run(sweep, tmp_path, fake)
    assert sweep.objectives == ("validation", "seconds")
    assert summary.trials["complete"] == 20
    for name, trials in studies(tmp_path, sweep).items():
        tasks = {t.number: t for t in fake.started if t.architecture == name and t.role == "trial"}
        assert {t.number: t.values for t in trials} == {
            n: [score_of(t), float(width_of(t))] for n, t in tasks.items()
        }
        best = max(trials, key=lambda t: (t.values[0], -t.values[1]))
        repeats = {t.number for t in fake.started if t.architecture == name and t.role == "replicate"}
        assert repeats == {best.number}
    assert {word for _, word in fake.answers} == {"go on"}


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "qmc"])
def test_samplers_that_know_several_objectives_run_to_the_end_and_on(sampler, tmp_path):
    for trials in (3, 5):
        sweep = write_sweep(tmp_path, objectives="[validation, seconds]", trials=trials, sampler=sampler)
        summary = run(sweep, tmp_path, launcher())
    assert summary.trials["complete"] == 10


def test_a_sampler_of_one_objective_is_refused_for_several(tmp_path):
    sweep = write_sweep(tmp_path, objectives="[validation, seconds]", sampler="cmaes")
    with pytest.raises(
        UserError, match="'cmaes' does not fit rnn: it searches for one objective; use tpe or"
    ):
        run(sweep, tmp_path, launcher())


def test_a_diverged_trial_is_no_point_of_the_front(tmp_path):
    def script(task, life):
        return Script((), end="failed", cause="diverged") if task.name == "rnn-1" else plain(task, life)

    summary = run(write_sweep(tmp_path, objectives="[validation, seconds]"), tmp_path, launcher(script))
    assert (summary.trials["complete"], summary.trials["failed"]) == (7, 1)


def test_trials_without_a_score_that_an_objective_needs_stop_the_sweep_with_the_cause(tmp_path):
    sweep = write_sweep(tmp_path, objectives="[validation, memory]")
    with pytest.raises(UserError, match="failed alike, so the sweep stops: no score: it has no memory"):
        run(sweep, tmp_path, launcher())


def test_other_objectives_are_another_sweep(tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    other = write_sweep(tmp_path, objectives="[validation, seconds]", trials=5)
    with pytest.raises(UserError, match=r"was begun with \['validation'\]; give the sweep another `name:`"):
        run(other, tmp_path, launcher(), accept_changes=True)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=25))
def test_the_front_holds_what_no_other_point_reaches(points):
    seen = Improvement()
    for point in points:
        seen.add(point)
    best = {turned(p) for p in points if not any(reaches(turned(o), turned(p)) for o in points if o != p)}
    assert set(seen.front) == best
    assert len(seen.front) == len(best)


@given(st.lists(st.none() | st.floats(0, 1), max_size=25))
def test_trials_without_improvement_are_counted_since_the_last_best(scores):
    seen = Improvement()
    for score in scores:
        seen.add(None if score is None else [score])
    known = [s for s in scores if s is not None]
    since = scores.index(max(known)) + 1 if known else 0
    assert seen.idle == len(scores) - since


# studies that end before their budget


def in_order(scores):
    """Give the n-th trial of each architecture the n-th score, and the last to all further."""
    return lambda task, life: Script((scores[min(task.number or 0, len(scores) - 1)],), seconds=10.0)


def test_a_study_ends_after_trials_that_bring_nothing_better(tmp_path):
    heard, fake = Heard(), launcher(in_order([0.5, 0.6, 0.6, 0.4, 0.3]), slots=(Slot(0),))
    summary = run(write_sweep(tmp_path, trials=20, stop_after=3), tmp_path, fake, listener=heard)
    assert summary.trials == {"complete": 10, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    assert heard.messages == [
        f"{a}: its search ends early: nothing better in 3 trials" for a in ("rnn", "lstm")
    ]
    status = read_status(tmp_path / "mlruns", "toy")
    assert (status.state, status.trials) == ("finished", summary.trials)
    assert [s.stopped for s in status.standings] == ["nothing better in 3 trials"] * 2
    assert Counter(t.role for t in fake.started) == {"trial": 10, "replicate": 4}


def test_a_study_ends_at_its_target(tmp_path):
    fake = launcher(in_order([0.5, 0.6, 0.93, 0.4]), slots=(Slot(0),))
    summary = run(write_sweep(tmp_path, trials=20, target=0.92), tmp_path, fake)
    assert summary.trials["complete"] == 6
    assert [s.stopped for s in summary.standings] == ["reached its target of 0.92"] * 2


def test_an_infeasible_trial_reaches_no_target(tmp_path):
    fake = launcher(lambda task, life: Script((0.95,), seconds=61))
    sweep = write_sweep(tmp_path, target=0.9, constraints="{seconds: 60}")
    assert run(sweep, tmp_path, fake).trials["infeasible"] == 8


def test_with_several_objectives_a_point_of_the_front_is_something_better(tmp_path):
    def script(task, life):  # each is smaller than the one before, and worse
        number = task.number or 0
        return Script((0.9 - 0.1 * number,), seconds=50.0 - number)

    sweep = write_sweep(tmp_path, objectives="[validation, seconds]", trials=6, stop_after=1)
    assert run(sweep, tmp_path, launcher(script, slots=(Slot(0),))).trials["complete"] == 12


def test_a_study_that_ended_early_stays_ended_and_goes_on_when_asked_for_more(tmp_path):
    script = in_order([0.5, 0.4, 0.3, 0.2])
    first = run(write_sweep(tmp_path, trials=20, stop_after=2), tmp_path, launcher(script, slots=(Slot(0),)))
    again = launcher(script)
    second = run(write_sweep(tmp_path, trials=20, stop_after=2), tmp_path, again)
    assert (again.started, second.trials) == ([], first.trials)
    more = run(write_sweep(tmp_path, trials=20, stop_after=4), tmp_path, launcher(script, slots=(Slot(0),)))
    assert more.trials["complete"] == first.trials["complete"] + 4
    every = run(write_sweep(tmp_path, trials=20), tmp_path, launcher(script))
    assert every.trials["complete"] == 40
    assert {s.stopped for s in read_status(tmp_path / "mlruns", "toy").standings} == {None}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scores=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    cuts=st.lists(st.integers(1, 40), max_size=3),
    slots=st.integers(1, 3),
    stop_after=st.integers(1, 4),
    target=st.none() | st.integers(3, 9),
    limit=st.none() | st.integers(20, 60),
)
def test_a_study_ends_early_for_a_reason_that_still_holds_whenever_power_is_cut(
    scores, cuts, slots, stop_after, target, limit, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("early")
    asked = {"stop_after": stop_after, "trials": 5, "replicates": 1}
    asked |= {"target": target / 10} if target else {}
    asked |= {"constraints": f"{{seconds: {limit}}}"} if limit else {}
    sweep = write_sweep(folder, **asked)

    def script(task, life):
        score = scores[hash_of(task.name) % len(scores)] / 10
        return Script((score,), seconds=5.0 + 5 * (hash_of(task.name) % 15))

    started = []
    for cut in [*cuts, None]:
        left = iter(range(cut)) if cut else None
        fake = launcher(
            script,
            slots=tuple(Slot(i) for i in range(slots)),
            power=lambda moment, left=left: left is not None and next(left, None) is None,
        )
        try:
            summary = run(sweep, folder, fake)
        except PowerCut:
            continue
        finally:
            started += fake.started
    status = read_status(folder / "mlruns", "toy")
    assert status.trials == summary.trials
    assert summary.trials["waiting"] == summary.trials["running"] == 0
    for standing in summary.standings:
        trials = sorted(
            (t for t in studies(folder, sweep)[standing.architecture]), key=lambda t: t.datetime_complete
        )
        assert all(t.state.is_finished() for t in trials)
        seen = Improvement()
        for trial in trials:
            feasible = all(v <= 0 for v in trial.constraints.values())
            seen.add(trial.values if feasible else None)
        reached = target is not None and standing.best is not None and standing.best >= target / 10
        if standing.stopped:
            assert reached or seen.idle >= stop_after
        else:
            assert len(trials) == 5
            assert not reached
        repeats = {t.number for t in started if t.architecture == standing.architecture and t.role != "trial"}
        if standing.best is not None:
            feasible = [t for t in trials if all(v <= 0 for v in t.constraints.values())]
            assert max(t.values[0] for t in feasible) == standing.best
            assert next(t.number for t in feasible if t.values[0] == standing.best) is not None
            assert repeats
    events = [e for e in read_ledger(folder / "mlruns/sweeps/toy") if e["event"] == "study"]
    assert {e["architecture"] for e in events} >= {s.architecture for s in summary.standings if s.stopped}


def test_an_outcome_of_a_replicate_is_not_judged(tmp_path):
    def script(task, life):
        return Script((0.5,), seconds=61 if task.role == "replicate" else 10)

    sweep = write_sweep(tmp_path, constraints="{seconds: 60}")
    run(sweep, tmp_path, launcher(script))
    outcomes = [Outcome.read(p) for p in (tmp_path / "mlruns/sweeps/toy/trials").glob("*-r*")]
    assert len(outcomes) == 4
    assert {(o.state, o.cause) for o in outcomes} == {("complete", None)}
    assert json.loads((tmp_path / "mlruns/sweeps/toy/start.json").read_text())["asked"]["constraints"]
