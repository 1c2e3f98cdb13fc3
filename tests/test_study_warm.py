"""Warm starts: what is taken of earlier sweeps, what is refused and why, and that it costs nothing."""

import json

import pytest
from simulation import without_waiting, write_sweep
from test_study import plain, score_of
from test_study_limits import Heard, launcher, run, studies

from rnnsweep.config import recorded_settings
from rnnsweep.errors import UserError
from rnnsweep.state import read_status
from rnnsweep.state.ledger import read_ledger


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


def later(folder, **changes):
    return write_sweep(folder, **{"name": "later", "warm_start": "[toy]", **changes})


def start_of(folder, name="toy"):
    return folder / "mlruns" / "sweeps" / name / "start.json"


def test_the_trials_of_an_earlier_sweep_are_taken_and_cost_no_budget(tmp_path):
    run(write_sweep(tmp_path, trials=6), tmp_path, launcher())
    heard, fake = Heard(), launcher()
    summary = run(later(tmp_path), tmp_path, fake, listener=heard)
    assert heard.messages == [f"{a}: 6 of 6 trials of sweep toy taken" for a in ("rnn", "lstm")]
    assert summary.trials == {"complete": 8, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    assert read_status(tmp_path / "mlruns", "later").trials == summary.trials
    for name, trials in studies(tmp_path, later(tmp_path)).items():
        warm = [t for t in trials if "warm" in t.user_attrs]
        old = studies(tmp_path, write_sweep(tmp_path, trials=6))[name]
        assert [(t.params, t.value) for t in warm] == [(t.params, t.value) for t in old]
        assert [t.user_attrs["warm"] for t in warm] == [f"toy/{name}-{n}" for n in range(6)]


def test_the_best_that_was_taken_is_tried_first_and_what_wins_was_trained_here(tmp_path):
    first = launcher()
    run(write_sweep(tmp_path, trials=6), tmp_path, first)
    fake = launcher()
    run(later(tmp_path), tmp_path, fake)
    for name in ("rnn", "lstm"):
        old = [t for t in first.started if t.architecture == name and t.role == "trial"]
        own = [t for t in fake.started if t.architecture == name and t.role == "trial"]
        assert own[0].overrides == max(old, key=score_of).overrides
        best = max(own, key=score_of)
        assert {t.number for t in fake.started if t.architecture == name and t.role == "replicate"} == {
            best.number
        }


def test_trials_are_taken_once_whatever_happens_in_between(tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    run(later(tmp_path, trials=2), tmp_path, launcher())
    heard = Heard()
    summary = run(later(tmp_path, trials=5), tmp_path, launcher(), listener=heard)
    assert heard.messages == []
    assert summary.trials["complete"] == 10
    events = [e for e in read_ledger(tmp_path / "mlruns/sweeps/later") if e["event"] == "warm"]
    assert [(e["architecture"], e["source"], e["taken"], e["refused"]) for e in events] == [
        ("rnn", "toy", 4, {}),
        ("lstm", "toy", 4, {}),
    ]


def test_what_lies_outside_the_new_space_is_refused_by_its_key(tmp_path):
    first = launcher()
    run(write_sweep(tmp_path, trials=8), tmp_path, first)
    text = later(tmp_path).text.replace("low: 4, high: 64", "low: 16, high: 64").partition("\n")[2]
    heard = Heard()
    run(write_sweep(tmp_path, text), tmp_path, launcher(), listener=heard)
    for name, message in zip(("rnn", "lstm"), heard.messages, strict=True):
        widths = [
            int(o.partition("=")[2])
            for t in first.started
            if t.architecture == name and t.role == "trial"
            for o in t.overrides
            if o.startswith("model.hidden_size=")
        ]
        out = sum(width < 16 for width in widths)
        said = f"; refused: {out} with model.hidden_size outside the space" if out else ""
        assert message == f"{name}: {8 - out} of 8 trials of sweep toy taken{said}"


def test_trials_with_other_fixed_settings_are_refused_by_the_setting(tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    heard = Heard()
    run(later(tmp_path, overrides="[trainer.max_epochs=9]"), tmp_path, launcher(), listener=heard)
    said = "0 of 4 trials of sweep toy taken; refused: 4 with another trainer.max_epochs"
    assert heard.messages == [f"rnn: {said}", f"lstm: {said}"]


def test_another_seed_or_another_place_of_the_data_refuses_nothing(tmp_path):
    run(write_sweep(tmp_path, overrides="[data=ag_news]"), tmp_path, launcher())
    heard = Heard()
    elsewhere = "[data=ag_news, data.dir=elsewhere]"
    run(later(tmp_path, seed=9, overrides=elsewhere), tmp_path, launcher(), listener=heard)
    assert heard.messages[0] == "rnn: 4 of 4 trials of sweep toy taken"


UNLIKE = {
    "of another corpus": {"corpus": "other rows"},
    "of other code of the model": {"model": "other code"},
    "of a sweep whose corpus, word vectors or code changed while it ran": {
        "accepted": ["code changed (a became b)"]
    },
}


@pytest.mark.parametrize("reason", UNLIKE)
def test_a_sweep_of_other_rows_or_code_gives_nothing_and_it_is_said_why(reason, tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    start = start_of(tmp_path)
    start.write_text(json.dumps({**json.loads(start.read_text()), **UNLIKE[reason]}))
    heard = Heard()
    summary = run(later(tmp_path), tmp_path, launcher(), listener=heard)
    assert heard.messages[0] == f"rnn: 0 of 4 trials of sweep toy taken; refused: 4 {reason}"
    assert summary.trials["complete"] == 8


def test_an_architecture_that_the_earlier_sweep_did_not_have_starts_cold(tmp_path):
    run(write_sweep(tmp_path, architectures="[rnn]"), tmp_path, launcher())
    heard = Heard()
    run(later(tmp_path), tmp_path, launcher(), listener=heard)
    assert heard.messages == [
        "rnn: 4 of 4 trials of sweep toy taken",
        "lstm: sweep toy has no trials of it",
    ]


def test_failed_and_rejected_trials_are_not_offered_and_infeasible_ones_stay_so(tmp_path):
    def script(task, life):
        from simulation import Script

        if task.name == "rnn-1":
            return Script((), end="failed", cause="time limit")
        return Script((score_of(task),), seconds=100 * score_of(task))

    run(write_sweep(tmp_path, trials=6), tmp_path, launcher(script))
    heard = Heard()
    run(later(tmp_path, constraints="{seconds: 50}"), tmp_path, launcher(), listener=heard)
    assert heard.messages[0] == "rnn: 5 of 5 trials of sweep toy taken"
    warm = [t for t in studies(tmp_path, later(tmp_path))["lstm"] if "warm" in t.user_attrs]
    assert {t.constraints["seconds"] > 0 for t in warm} == {True, False}
    assert all((t.constraints["seconds"] > 0) == (t.value > 0.5) for t in warm)


def test_derived_widths_must_come_out_the_same(tmp_path):
    def text(name, budget, more=""):
        return f"""\
name: {name}
architectures: [lstm]
trials: 3
pruner: none
baseline: false
replicates: 0
{more}
space:
  model.hidden_size: {{parameters: {budget}}}
  optimizer.lr: {{type: float, low: 1e-4, high: 1e-1, log: true}}
"""

    run(write_sweep(tmp_path, text("toy", 50000)), tmp_path, launcher())
    for name, budget, said in (
        ("same", 50000, "lstm: 3 of 3 trials of sweep toy taken"),
        ("more", 60000, "lstm: 0 of 3 trials of sweep toy taken; refused: 3 with another model.hidden_size"),
    ):
        heard = Heard()
        run(
            write_sweep(tmp_path, text(name, budget, "warm_start: [toy]")),
            tmp_path,
            launcher(plain),
            listener=heard,
        )
        assert heard.messages == [said]


def test_a_warm_start_from_a_sweep_that_never_ran_is_refused_with_the_nearest(tmp_path):
    run(write_sweep(tmp_path), tmp_path, launcher())
    with pytest.raises(UserError, match=r"warm_start: 'toyy': there is no such sweep .*Did you mean 'toy'\?"):
        run(later(tmp_path, warm_start="[toyy]"), tmp_path, launcher())
    assert not start_of(tmp_path, "later").exists()


def test_a_sweep_whose_settings_name_a_key_that_its_corpus_does_not_read_still_goes_on(tmp_path):
    """Earlier versions recorded `data.dir` beside data=docstrings, which a new sweep refuses."""
    with pytest.raises(UserError, match="data=docstrings does not read it"):
        run(write_sweep(tmp_path, overrides="[data.dir=elsewhere]"), tmp_path, launcher())
    with recorded_settings():  # as an earlier version began it
        run(write_sweep(tmp_path, trials=2, overrides="[data.dir=elsewhere]"), tmp_path, launcher())
    fake = launcher()
    summary = run(write_sweep(tmp_path, trials=4, overrides="[data.dir=elsewhere]"), tmp_path, fake)
    assert summary.trials["complete"] == 8
    assert all("data.dir=elsewhere" in task.overrides for task in fake.started)
    heard = Heard()
    run(later(tmp_path), tmp_path, launcher(), listener=heard)
    assert heard.messages[0] == "rnn: 4 of 4 trials of sweep toy taken"
