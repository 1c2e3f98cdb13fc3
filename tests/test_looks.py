"""What a sweep's folder keeps of the looks at its replicates, and what later comparisons make of it."""

import json
from dataclasses import replace

import pytest
from sweep_records import make_standing

from rnnsweep.api.comparing.answers import plan_of
from rnnsweep.comparison.evidence.protocol import describe_plan
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.looks import note_look, read_looks

SEEDS = [str(seed) for seed in range(30)]


@pytest.fixture
def folder(tmp_path):
    made = SweepFolder(tmp_path / "toy")
    made.make()
    return made


def replicates_of(folder, *trials, number=10):
    """Make the folders of the replicates of trials, as lstm-3."""
    for trial in trials:
        for replicate in range(number):
            folder.task(f"{trial}-r{replicate}").path.mkdir(parents=True)


def write_old(folder, *looks):
    """Write looks as versions before configurations were noted did."""
    lines = (json.dumps({"at": 1.0, "replicates": replicates}) for replicates in looks)
    (folder.path / "looks.jsonl").write_text("\n".join(lines) + "\n")


def test_an_old_look_counts_as_unchanged_where_one_trial_alone_has_replicates(folder):
    write_old(folder, {"gru": 10, "lstm": 10})
    replicates_of(folder, "gru-3", "lstm-1")
    assert plan_of(folder, None).former("gru", "lstm") == ()


def test_an_old_look_counts_as_one_at_another_configuration_where_replicates_are_of_two_trials(folder):
    write_old(folder, {"gru": 10, "lstm": 10, "rnn": 10})
    replicates_of(folder, "gru-3", "gru-12", "lstm-1", "rnn-0")
    plan = plan_of(folder, None)
    assert plan.former("gru", "lstm") == (10,)
    assert plan.former("lstm", "rnn") == ()


def test_looks_that_noted_another_digest_of_the_configuration_are_old_too(folder):
    line = {"at": 1.0, "replicates": {"gru": 10}, "configurations": {"gru": "0123456789ab"}}
    (folder.path / "looks.jsonl").write_text(json.dumps(line) + "\n")
    replicates_of(folder, "gru-3")
    assert plan_of(folder, None).former("gru", "gru") == ()
    replicates_of(folder, "gru-4")
    assert plan_of(folder, None).former("gru", "gru") == (10,)


def test_the_first_look_after_an_old_one_is_noted_with_its_configurations_and_its_plan(folder):
    write_old(folder, {"gru": 10})
    for _ in range(2):
        note_look(folder, {"gru": SEEDS[:10]}, {"gru": "b"}, (10,))
    looks = read_looks(folder)
    assert looks.replicates == ({"gru": 10}, {"gru": 10})
    assert looks.configurations == ({}, {"gru": "b"})


def test_the_plan_is_that_of_the_first_look_whatever_is_planned_later(folder):
    for number in (10, 20):
        seeds = dict.fromkeys(("gru", "lstm"), SEEDS[:number])
        note_look(folder, seeds, {"gru": "a", "lstm": "b"}, (number,))
    plan = plan_of(folder, None)
    assert plan.sizes == (10,)
    assert plan.history("gru", "lstm", 20) == (10, 20)
    assert plan.looks((10, 20), 1)[0].level == 0.05
    assert plan.looks((10, 20), 1)[1].level < 0.001


def test_replicates_that_failed_at_a_look_and_were_tried_again_are_none_of_that_look(folder):
    there = {"gru": [s for s in SEEDS[:10] if s != "2"], "lstm": [s for s in SEEDS[:10] if s != "5"]}
    note_look(folder, there, {"gru": "a", "lstm": "b"}, (10,))
    plan = replace(plan_of(folder, None), now={"gru": "a", "lstm": "b"})
    assert plan.history("gru", "lstm", 10) == (8, 10)
    assert plan.in_order("gru", "lstm", SEEDS[:10])[8:] == ["2", "5"]
    assert plan.in_order("lstm", "lstm", SEEDS[:10])[9:] == ["5"]


def test_before_any_look_the_plan_is_that_of_the_last_controller(folder):
    with open(folder.path / "ledger.jsonl", "w") as file:
        for event in ({"replicates": 10, "planned": []}, {"replicates": 30, "planned": [6, 13, 30]}):
            opened = {"time": 1.0, "event": "open", "slots": 1, "architectures": ["gru"], "trials": 1}
            file.write(json.dumps({**opened, **event}) + "\n")
    assert plan_of(folder, None).sizes == (6, 13, 30)


def outside(folder, number):
    """What is said of looks outside the plan where so many replicates are compared, before and after that."""
    scores = {name: make_standing(name, [0.5] * number) for name in ("gru", "lstm")}
    now = {name: one.configuration for name, one in scores.items()}
    said = []
    for _ in range(2):
        plan = replace(plan_of(folder, None), sizes=(8,), finished=True, now=now)
        said.append(describe_plan(plan, list(scores.values())).get("looks outside the plan"))
        seeds = {name: [r.seed for r in one.replicates] for name, one in scores.items()}
        note_look(folder, seeds, now, (8,))
    return said


def test_the_look_at_the_end_of_the_plan_is_not_outside_it_and_each_further_one_is(folder):
    assert outside(folder, 8) == [None, None]
    assert outside(folder, 12) == ["1; each pays a share of the 5 %"] * 2
    assert outside(folder, 20) == ["2; each pays a share of the 5 %"] * 2


def test_the_first_look_is_outside_the_plan_where_replicates_were_added_before_it(folder):
    assert outside(folder, 12) == ["1; each pays a share of the 5 %"] * 2
