"""`rnnsweep plan`: what a sweep would do, before it does it."""

import io
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from rich.console import Console
from simulation import write_sweep

import rnnsweep
from rnnsweep.api.corpora.description import Groups, fewest_test_groups, read_sweep_data, redraw_test_groups
from rnnsweep.api.launching import slots_of_plan
from rnnsweep.api.project.machine_load import running_sweeps
from rnnsweep.cli import main
from rnnsweep.cli.commands.planning import _fewest, _print, _test_rows, plan_json, planned_table
from rnnsweep.config import compose
from rnnsweep.data import prepare
from rnnsweep.data.large_groups import LargeGroup, LargeGroups
from rnnsweep.data.summary.remarks import CorpusFacts
from rnnsweep.errors import UserError
from rnnsweep.hardware import Load
from rnnsweep.launchers.local.server import in_fresh_process
from rnnsweep.machine import read_machine
from rnnsweep.networks import parameter_count
from rnnsweep.planning.cost import Cost, measure
from rnnsweep.planning.plan import Plan, Planned, between, configurations
from rnnsweep.planning.shorter import ways_to_shorten
from rnnsweep.state.folder import START, SweepFolder
from rnnsweep.state.start import begin, refusal_of
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tasks import score_named

ROOT = Path(__file__).parents[1]

SPACE = """\
name: toy
architectures: [lstm, bag]
trials: 4
replicates: 2
space:
  model.hidden_size: {type: int, low: 4, high: 8, step: 2}
  model.dropout: {type: float, low: 0, high: 0.5, step: 0.25}
  optimizer.name: [adam, sgd]
  optimizer.momentum: {choices: [0.5, 0.9], when: {optimizer.name: sgd}}
"""


@pytest.mark.slow
def test_a_plan_measures_both_ends_of_each_space_and_writes_nothing(home, short_rows, capsys):
    own = [f"data.train={short_rows}", "data=files", "trainer.max_epochs=3"]
    sweep = write_sweep(home, SPACE, overrides=json.dumps(own))
    assert main(["plan", str(sweep.path), "--slots", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    lstm, bag = found["architectures"]
    assert (lstm["configurations"], lstm["trainings"], lstm["epochs"]) == (3 * 3 * (1 + 2), 6, 3)
    for end, hidden in (("smallest", 4), ("largest", 8)):
        run = compose(["model=lstm", *own, f"model.hidden_size={hidden}"])
        corpus = prepare(run.data)
        sizes = {"vocabulary": len(corpus.vocabulary), "classes": len(corpus.labels)}
        assert lstm[end]["parameters"] == parameter_count(run.model, **sizes)
        assert lstm[end]["seconds_per_epoch"] > 0
    assert found["seconds"] == pytest.approx(found["own_seconds"] + (work(lstm) + work(bag)) / 2)
    assert found["own_seconds"] > 0
    assert found["memory"] > 100 * 2**20
    assert not (home / "mlruns").exists()


def work(planned) -> float:
    """Seconds of six trainings of three epochs, two of which look at the test part once."""
    start, epoch, test = (
        between(planned["smallest"][f"seconds_{name}"], planned["largest"][f"seconds_{name}"])
        for name in ("to_start", "per_epoch", "to_test")
    )
    assert min(start, epoch, test) > 0
    return 6 * (start + 3 * epoch) + 2 * test


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_the_mean_cost_of_a_space_lies_between_its_ends_and_follows_their_unit(one, other):
    mean = between(one, other)
    assert min(one, other) * (1 - 1e-9) <= mean <= max(one, other) * (1 + 1e-9)
    assert mean == pytest.approx(between(other, one))
    assert between(60 * one, 60 * other) == pytest.approx(60 * mean)


def test_a_plan_with_looks_shows_the_fewest_and_the_most_trainings():
    slow, quick = Cost(100, 1.0), Cost(100, 0.9)
    one = Planned("gru", 12, slow, quick, 3, 18, replicates=6, trainings_most=27)
    assert one.seconds_most == pytest.approx(one.seconds * 27 / 18)
    console = Console(width=80, file=io.StringIO())
    console.print(planned_table([one]))
    row = console.file.getvalue().splitlines()
    assert "settings" in row[0]
    assert "18 to 27" in row[-1]
    assert "0.9 to 1" in row[-1]


def looking_ahead() -> Plan:
    """A plan of 18 trainings of 30 s, or 27 where the second look has them all, in two slots."""
    cost = Cost(100, 10.0)
    one = Planned("gru", 12, cost, cost, 3, 18, replicates=6, trainings_most=27)
    return Plan("toy", "Which?", 2, (one,), memory=2**30, own_seconds=30.0, looks=(6, 15))


def test_the_terminal_names_the_range_of_a_plans_time_with_its_unit_once(capsys):
    _print(looking_ahead())
    shown = capsys.readouterr().out
    assert "about 5:00 to 7:15 min in 2 slots, if nothing is pruned\n" in shown


def long_plan(**changes) -> Plan:
    """A plan of two networks, 12 trials and 6 to 15 replicates each, that takes over an hour."""
    cost = Cost(100, 30.0, 3.0, 1.0, seconds_to_learn=25.0, rows=40_000)
    one = Planned("lstm", None, cost, cost, 10, 18, replicates=6, trainings_most=27)
    both = (one, replace(one, architecture="bag"))
    return replace(Plan("toy", "Which?", 2, both, memory=2**30, looks=(6, 15)), **changes)


def test_a_plan_of_over_ten_minutes_names_the_two_settings_that_shorten_it_most(tmp_path, capsys):
    sweep = write_sweep(tmp_path, SPACE)
    plan = long_plan(next="rnnsweep sweep toy")
    ways = ways_to_shorten(plan, sweep)
    assert [(one.key, one.value) for one in ways] == [("data.limit", 4000), ("trainer.max_epochs", 3)]
    fewer = replace(plan, architectures=tuple(replace(one, epochs=3) for one in plan.architectures))
    assert (ways[1].seconds, ways[1].seconds_most) == (fewer.seconds, fewer.seconds_most)
    assert ways[0].seconds_most == pytest.approx(27 * (3 + 10 * (5 + 25 / 10)) + 15)
    _print(replace(plan, shorter=ways))
    shown = capsys.readouterr().out
    line = "To shorten it:\n  - data.limit=4000  # under overrides: about 23:30 to 35:21 min"
    assert f"{line}\n" in shown, "numbers have no labels to balance"
    _print(replace(plan, shorter=ways), smallest=(400, 0.64))
    shown = capsys.readouterr().out
    assert f"{line}, which balances the training rows over the labels\n" in shown
    assert "trainer.max_epochs=3  # under overrides: " in shown
    assert shown.count("balances") == 1


def test_the_setting_that_shortens_a_plan_has_the_largest_value_that_suffices(tmp_path, capsys):
    cost = Cost(100, 3.0, seconds_to_learn=0.1, rows=900)
    few = Planned("lstm", None, cost, cost, 3, 90, replicates=6, trainings_most=96)
    plan = replace(long_plan(architectures=(few, few)), next="rnnsweep sweep toy --on lab")
    (way,) = ways_to_shorten(plan, write_sweep(tmp_path, SPACE))
    assert (way.key, way.value) == ("trials", 54)
    assert way.seconds_most <= 600 < plan.seconds_most
    _print(replace(plan, shorter=(way,)))
    assert "  rnnsweep sweep toy --on lab --trials 54  # about 9:00 to 9:54 min\n" in capsys.readouterr().out
    _print(replace(plan, shorter=(way,), next="rnnsweep sweep toy --trials 60 --on lab"))
    assert "  rnnsweep sweep toy --on lab --trials 54  # about " in capsys.readouterr().out


def test_a_plan_of_few_minutes_or_a_setting_that_is_searched_names_no_shorter_way(tmp_path):
    sweep = write_sweep(tmp_path, SPACE)
    assert ways_to_shorten(looking_ahead(), sweep) == ()
    assert ways_to_shorten(long_plan(own_seconds=1e6), sweep) == (), "no setting shortens start and end"
    searched = write_sweep(tmp_path, SPACE + "  data.limit: [4000, 30000]\n")
    assert [one.key for one in ways_to_shorten(long_plan(), searched)] == ["trainer.max_epochs", "trials"]


@pytest.mark.parametrize(
    ("share", "rows", "said"),
    [
        (0.1, 400, "! data.test_share=0.3 under overrides lowers this to 1.5 points\n"),
        (0.1, 1500, "! data.test_share=0.25 under overrides lowers this to 0.99 points\n"),
        (0.25, 400, "! data.test_share=0.3 under overrides lowers this to 2.4 points\n"),
        (
            0.3,
            400,
            "! smaller differences take more rows, or data.folds=5 under overrides: each row is tested\n",
        ),
        (None, 400, "! smaller differences take a test file with more rows (data.test)\n"),
        (0.1, 5000, None),
    ],
)
def test_a_plan_names_the_setting_that_gives_more_test_rows_where_they_are_few(capsys, share, rows, said):
    _print(replace(looking_ahead(), test_share=share), test_rows=rows)
    shown = " ".join(capsys.readouterr().out.split())
    assert said.strip() in shown if said else "! " not in shown


def test_a_plan_says_which_differences_its_test_rows_can_show_on_new_rows(capsys):
    facts = CorpusFacts({"test": {"rows": 400, "lines": None}}, {"a": 9, "b": 9}, 0.5, {}, 0.0)
    plan = looking_ahead()
    _print(plan, test_rows=_test_rows(plan, [facts, replace(facts, parts={"test": {"rows": 900}})]))
    line = (
        "400 test rows: a difference that the replicates show on them may not hold for new rows where it is"
        " less than about 2.6 points"
    )
    assert line in " ".join(capsys.readouterr().out.split())
    assert _test_rows(replace(plan, folds=5), [facts]) is None
    assert _test_rows(plan, [replace(facts, majority=None)]) is None, "numbers have no share of right answers"


@pytest.mark.parametrize(
    ("rows", "share", "wider"),
    [
        (79, 0.1, "! data.validation_share=0.25 under overrides lowers this to 3.6 points"),
        (79, 0.3, None),
        (79, None, None),
        (700, 0.1, None),
    ],
)
def test_a_plan_says_how_uncertain_the_scores_are_by_which_a_search_chooses(capsys, rows, share, wider):
    facts = CorpusFacts({"validation": {"rows": rows, "lines": None}}, {"a": 1}, 0.175, {}, 0.0)
    smallest = _fewest([facts, replace(facts, parts={"validation": {"rows": 900}})], "validation")
    _print(replace(looking_ahead(), validation_share=share), smallest=smallest)
    shown = " ".join(capsys.readouterr().out.split())
    if rows == 79:
        assert (
            "79 validation rows: the standard error of the accuracy is at most"
            " 5.6 points (at .5; 4.3 at the share of the largest class):"
            " between configurations whose scores differ by less, the search chooses by chance"
        ) in shown
    assert wider in shown if wider else "! " not in shown
    assert _fewest([replace(facts, majority=None)], "validation") is None, "numbers are not right or wrong"


@pytest.mark.parametrize(
    ("rows", "groups", "said"),
    [
        (4, None, "! No verdict on 4 test rows is worth reading: in 3 comparisons even a network that is"
         " right on each of them is not shown to be better for new rows than one that names the largest class"
         " alone. It takes 10 rows at least, and about "),
        (40, Groups(5, 5, 5), None),
        (10, None, None),
    ],
)  # fmt: skip
def test_a_plan_says_first_that_no_verdict_on_so_few_test_rows_is_worth_reading(capsys, rows, groups, said):
    _print(replace(looking_ahead(), comparisons=3), test_rows=rows, groups=groups, smallest=(1, 0.5))
    shown = " ".join(capsys.readouterr().out.split())
    assert ("replicates are enough" in shown) == (said is None)
    assert ("may not hold for new rows" in shown) == (said is None)
    if said:
        assert said in shown
        assert shown.index(said) < shown.index("architecture settings")


def test_a_plan_says_how_far_groups_of_test_rows_raise_that_limit(capsys):
    def said(groups, **changes):
        _print(replace(looking_ahead(), **changes), test_rows=None if changes else 400, groups=groups)
        return " ".join(capsys.readouterr().out.split())

    assert (
        "400 test rows in 25 groups: a difference that the replicates show on them may not hold for new rows"
        " where it is less than about 2.7 points. This holds where the rows of a group err"
        " independently; where they are right or wrong together, that limit is up to 11 points"
    ) in said(Groups(25, 25, 25))
    assert (
        "400 test rows in 316 groups, which count like 8 groups of equal size: a difference that the"
        " replicates show on them may not hold for new rows where it is less than about 5.7 points. This"
        " holds where the rows of a group err independently; where they are right or wrong together, that"
        " limit is up to 41 points. Which it is, compare measures after the replicates: its p on new rows"
        " counts it"
    ) in said(Groups(316, 7.6, 2.9)), "the degrees of freedom are those of the groups, even of unlike rows"
    assert (
        " independently; where they are right or wrong together, no difference can be shown for new"
        " rows, however many replicates show it on these"
    ) in said(Groups(14, 3.0, 1.5))
    folds = said(Groups(985, 12.1, 4.9), folds=5)
    assert "where the folds agree" in folds
    assert (
        "the rows are in 985 groups, which count like 12 groups of equal size: folds differ much, and few"
        " differences are shown"
    ) in folds
    assert "the rows are" not in said(Groups(24, 24, 24), folds=5)
    for share, more in (
        (0.3, "take more groups of rows, or data.folds=5"),
        (None, "with more groups of rows"),
    ):
        _print(replace(looking_ahead(), test_share=share), test_rows=400, groups=Groups(25, 25, 25))
        assert more in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("drawn", "more"),
    [
        (
            (1200, 100),
            "! data.test_share=0.3 under overrides lowers this to 1.6 points; one row of each group, fewer"
            " rows of the largest, or a column of more values than 'author' makes them count like more",
        ),
        (
            (440, 26),
            "! smaller differences take more groups of rows: data.test_share=0.3 lowers this by little, as"
            " each group is drawn whole; or data.folds=5 under overrides: each row is tested; one row of",
        ),
        (None, "! smaller differences take more groups of rows, or data.folds=5 under overrides: each row"),
    ],
)
def test_a_plan_draws_the_larger_test_part_that_it_names_as_large_groups_are_drawn_whole(capsys, drawn, more):
    large = LargeGroups((LargeGroup(0, "anna", 197), LargeGroup(1, "bob", 69)), "author")
    groups = Groups(150, 25, 25, large)
    shares = []

    def redraw(share):
        shares.append(share)
        return drawn and (drawn[0], Groups(200, drawn[1], drawn[1]))

    _print(replace(looking_ahead(), test_share=0.1), test_rows=400, groups=groups, redraw=redraw)
    shown = " ".join(capsys.readouterr().out.split())
    assert "like 25 groups of equal size (the largest: 'anna' 197 rows, 'bob' 69): a difference" in shown
    assert more in shown
    assert shares == [0.3]


def test_a_plan_counts_the_groups_of_the_test_rows_that_a_sweep_reads(home):
    rows = [f"word{n % 7} text {n},{'good' if n % 2 else 'bad'},a{n % 24}" for n in range(480)]
    (home / "rows.csv").write_text("text,label,author\n" + "\n".join(rows) + "\n")
    space = "space:\n  model.dropout: [0.0, 0.1]\n"
    asked = f"# Which?\nname: q\narchitectures: [gru]\ntrials: 2\n{space}overrides:\n"
    path = home / "sweeps" / "q.yaml"
    path.write_text(asked + "  - data.train=rows.csv\n")
    assert fewest_test_groups(read_sweep_data(path).values()) is None
    assert redraw_test_groups(read_sweep_data(path).values(), 0.2) is None, "each row is alone"
    path.write_text(asked + "  - data.train=rows.csv\n  - data.group=author\n  - data.test_share=0.25\n")
    counted = fewest_test_groups(read_sweep_data(path).values())
    assert counted is not None
    assert 4 <= counted.number <= 8
    assert {one.rows for one in counted.large.groups} == {20}
    assert all(re.fullmatch(r"a\d+", one.name) for one in counted.large.groups)
    rows_drawn, drawn = redraw_test_groups(read_sweep_data(path).values(), 0.5)
    assert drawn.number == pytest.approx(12, abs=2)
    assert rows_drawn == 20 * drawn.number
    assert redraw_test_groups(read_sweep_data(path).values(), 0.999) is None, "no rows are left to train on"
    assert counted.counted == pytest.approx(counted.number, abs=0.5), "all authors have as many rows"
    path.write_text(asked + "  - data.train=rows.csv\n  - data.group=author\n  - data.folds=4\n")
    assert fewest_test_groups(read_sweep_data(path).values()).number == 24, "each row is tested"
    rows += [f"amen {n % 3},good,a{n % 24}" for n in range(240)]
    (home / "rows.csv").write_text("text,label,author\n" + "\n".join(rows) + "\n")
    path.write_text(asked + "  - data.train=rows.csv\n  - data.folds=4\n")
    counted = fewest_test_groups(read_sweep_data(path).values())
    assert counted.number == 480 + 3, "rows of one text are a group"
    assert [(one.name[:5], one.rows) for one in counted.large.groups] == [("amen ", 80)] * 3
    assert counted.counted < 50


def test_a_plan_for_another_machine_counts_the_slots_of_its_file_without_contact(home, tmp_path):
    sweep, file = write_sweep(home, SPACE), tmp_path / "lab.yaml"

    def slots(text: str, given: str | None = None) -> tuple[int, str | None]:
        file.write_text(text)
        return slots_of_plan(sweep, given, read_machine(file), conf=ROOT / "conf", tell=print)

    unreachable = "engine: ray\naddress: 127.0.0.1:1\n"
    assert slots(unreachable + "slots: {each: cpu:1, most: 8}\n") == (8, "lab")
    assert slots(unreachable, "3") == (3, "lab")
    assert slots("engine: local\nslots: 2\n") == (2, None)
    with pytest.raises(
        UserError, match=r"lab.yaml: slots: does not say how many .* slots.most, or give --slots"
    ):
        slots(unreachable)
    with pytest.raises(UserError, match="machine 'nowhere': no such file in conf/machine"):
        rnnsweep.plan(sweep.path, on="nowhere")


@pytest.mark.slow
def test_the_plan_for_another_machine_names_it_in_the_next_command(home, short_rows, tmp_path, capsys):
    own = [f"data.train={short_rows}", "data=files", "trainer.max_epochs=3"]
    sweep, file = write_sweep(home, SPACE, overrides=json.dumps(own)), tmp_path / "lab.yaml"
    file.write_text("engine: slurm\nslots: {each: cpu:1, most: 8}\n")
    assert main(["plan", str(sweep.path), "--on", str(file)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "in 8 slots of machine lab, each as fast as a core here" in shown
    assert shown.endswith(f"Next: rnnsweep sweep {sweep.path} --on {file}")


@pytest.mark.slow
def test_a_plan_with_other_trials_counts_them_and_repeats_them_in_the_next_command(home, short_rows, capsys):
    own = [f"data.train={short_rows}", "data=files", "trainer.max_epochs=3"]
    sweep = write_sweep(home, SPACE, overrides=json.dumps(own))
    assert main(["plan", str(sweep.path), "--trials", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["trainings"] for one in found["architectures"]] == [3 + 2, 3 + 2]
    assert found["next"] == f"rnnsweep sweep {sweep.path} --trials 3"


@pytest.mark.slow
@pytest.mark.server
def test_a_sweep_that_was_started_is_planned_and_resumed_with_other_trials(home, short_rows, capsys):
    own = [f"data.train={short_rows}", "data=files", "trainer.max_epochs=1"]
    path = str(write_sweep(home, SPACE, overrides=json.dumps(own)).path)
    assert main(["sweep", path, "--trials", "1"]) == 0
    capsys.readouterr()
    assert main(["plan", path, "--trials", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["next"] == f"rnnsweep sweep {path} --trials 2"
    assert main(["sweep", path, "--trials", "2"]) == 0
    with closing(sqlite3.connect(home / "mlruns" / "mlflow.db")) as store:
        (found,) = store.execute("SELECT value FROM tags WHERE key = 'rnnsweep.trials'").fetchall()
    assert found == ("2",), "what was asked last"
    assert not list((home / "mlruns" / "spool" / "refused").glob("*")), "the store took everything"


def test_the_terminal_names_the_other_machine_whose_slots_count(capsys):
    _print(replace(looking_ahead(), elsewhere="lab"))
    said = (
        "about 5:00 to 7:15 min in 2 slots of machine lab, each as fast as a core here, if nothing is pruned"
    )
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_plan_says_that_the_changed_file_of_a_sweep_that_started_is_refused(tmp_path, capsys):
    path, asked = tmp_path / "toy.yaml", f"# Which one?\n{SPACE}"
    path.write_text(asked)
    folder = SweepFolder.of(tmp_path / "mlruns", "toy")
    folder.path.mkdir(parents=True)
    begin(read_sweep(path), mlruns=tmp_path / "mlruns", conf=ROOT / "conf", corpus="digest")
    path.write_text(asked.replace("trials: 4", "trials: 8"))
    assert refusal_of(read_sweep(path), folder) is None, "a sweep may have more trials"
    path.write_text(asked.replace("high: 8", "high: 16"))
    refused = refusal_of(read_sweep(path), folder)
    _print(replace(looking_ahead(), refused=refused, next=None))
    printed = capsys.readouterr().out
    assert "rnnsweep sweep toy --accept-changes" in printed.splitlines(), "which pastes"
    shown = " ".join(printed.split())
    assert "! " in shown
    assert "changed since sweep 'toy' started: space.model.hidden_size.high: 8 became 16." in shown
    assert "give the sweep another `name:`, or accept it with rnnsweep sweep toy --accept-changes" in shown
    assert "Next:" not in shown


def test_a_plan_says_that_a_file_is_refused_before_it_reads_or_measures_anything(home, capsys):
    sweep = write_sweep(home, f"# Which one?\n{SPACE}", overrides='["data=files", "data.train=gone.csv"]')
    folder = SweepFolder.of(home / "mlruns", "toy")
    folder.path.mkdir(parents=True)
    begin(sweep, mlruns=home / "mlruns", conf=ROOT / "conf", corpus="digest")
    sweep.path.write_text(sweep.path.read_text().replace("high: 8", "high: 16"))
    assert main(["plan", str(sweep.path)]) == 2
    first, _, rest = " ".join(capsys.readouterr().err.split()).partition(" error: ")
    assert "changed since sweep 'toy' started: space.model.hidden_size.high: 8 became 16." in first
    assert "gone.csv" in rest


@pytest.mark.parametrize(
    ("cores", "load", "said"),
    [
        (2, Load(1.94, 2.0, 3), "! now about 10:00 to 14:30 min, while 3 busy processes use 1.9 of 2 cores"),
        (2, Load(2.0, 2.0, 0, ("toy",)),
         "! now about 10:00 to 14:30 min, while sweep toy of this project uses 2.0 of 2 cores"),
        (2, Load(2.0, 4.0, 1, ("toy",)), "! now about 15:00 to 21:45 min, while sweep toy of this project and"
         " 1 other busy process use 2.0 of 2 cores"),
        (2, Load(1.0, 1.0), "! now about 7:30 to 10:52 min, while other programs use 1.0 of 2 cores"),
        (2, Load(0.1, 0.1), None),
        (8, Load(1.84, 1.84, 2), None),
    ],
)  # fmt: skip
def test_a_plan_gives_the_time_beside_what_uses_its_cores_now_and_says_what_that_is(
    capsys, cores, load, said
):
    plan = replace(looking_ahead(), cores=cores, load=load)
    _print(plan)
    shown = " ".join(capsys.readouterr().out.split())
    quiet = " on a quiet machine" if said else ""
    assert f"about 5:00 to 7:15 min in 2 slots{quiet}, if nothing is pruned" in shown
    assert (said in shown) if said else ("! now" not in shown)
    _print(replace(plan, elsewhere="lab"))
    assert "! now" not in capsys.readouterr().out, "what runs here does not slow another machine down"
    assert plan_json(plan)["seconds"] == looking_ahead().seconds
    assert (plan_json(plan)["slowdown"] > 1) == bool(said)


def test_a_plan_names_the_score_by_which_the_search_chooses(capsys):
    of_f1 = replace(looking_ahead(), score=score_named(score="macro_f1"))
    _print(of_f1, test_rows=400, smallest=(79, 0.175))
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "79 validation rows: the standard error of the accuracy is at most 5.6 points (at .5; 4.3 at the"
        " share of the largest class); that of macro F1, by which the search chooses, is not known beforehand"
    ) in shown
    assert (
        "a difference in accuracy that the replicates show on them may not hold for new rows where it is less"
        " than about 2.6 points"
    ) in shown
    assert plan_json(of_f1)["score"]["name"] == "macro_f1"


@pytest.mark.slow
def test_a_plan_names_a_sweep_of_the_project_that_runs_and_does_not_count_the_wait_for_its_cores(
    home, short_rows, capsys
):
    own = [f"data.train={short_rows}", "data=files", "trainer.max_epochs=3"]
    sweep = write_sweep(home, SPACE, overrides=json.dumps(own))
    folder = SweepFolder.of(home / "mlruns", "running")
    folder.path.mkdir(parents=True)
    (folder.path / START).touch()
    code = "import sys, time\nfrom pathlib import Path\nfrom rnnsweep.state.folder import SweepFolder\n"
    code += "with SweepFolder(Path(sys.argv[1])).hold():\n  print(1, flush=True)\n  while True: pass"
    command = [sys.executable, "-c", code, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as controller:
        try:
            assert controller.stdout is not None
            controller.stdout.readline()
            assert list(running_sweeps(home / "mlruns")) == [("running", controller.pid)]
            assert main(["plan", str(sweep.path), "--slots", "64", "--json"]) == 0
        finally:
            controller.kill()
    planned = json.loads(capsys.readouterr().out)
    assert planned["load"]["groups"] == ["running"]
    assert planned["slowdown"] > 1


def test_the_json_of_a_plan_has_the_least_and_the_most_seconds():
    value = plan_json(looking_ahead())
    assert (value["seconds"], value["seconds_most"]) == (30 + 18 * 30 / 2, 30 + 27 * 30 / 2)
    assert value["architectures"][0]["trainings_most"] == 27


def test_the_mean_cost_of_a_log_axis_is_that_of_its_points():
    costs = [float(10 ** (3 * n / 1000)) for n in range(1001)]  # in proportion to a width from 1 to 1000
    assert between(costs[0], costs[-1]) == pytest.approx(sum(costs) / len(costs), rel=0.01)
    assert between(0.0, 3.0) == 1.5  # a cost too small for the clock


def test_a_budget_in_seconds_has_no_number_of_trainings_and_so_no_time():
    cost = Cost(100, 1.0)
    assert Planned("gru", None, cost, cost, 3, None).seconds is None


def test_what_fails_in_a_process_of_its_own_fails_here_with_its_words():
    with pytest.raises(UserError, match=r"there\.csv"):
        in_fresh_process(measure, ["data=files", "data.train=there.csv"])


def test_the_table_of_a_plan_fits_eighty_columns():
    costs = Cost(1_556_649, 4.7), Cost(12_345_678, 19.4)
    rows = tuple(
        Planned(name, None, *costs, 12, 18, replicates=6, trainings_most=127)
        for name in ("stacked_bilstm", "lstm")
    )
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(planned_table(rows))
    lines = console.file.getvalue().splitlines()
    assert " ".join(lines[1].split()) == "stacked_bilstm infinite 18 to 127 12 1.56M to 12.3M 4.7 to 19"
    assert len(lines) == 3


def test_a_long_name_of_an_architecture_cuts_no_number_of_the_table():
    name = "recurrent_network_with_attention_one"
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(planned_table([Planned(name, None, Cost(3_077, 0.41), Cost(83_077, 2.5), 12, 15)]))
    lines = console.file.getvalue().splitlines()
    assert "…" not in console.file.getvalue()
    assert lines[1].split()[1:] == ["infinite", "15", "12", "3.08k", "to", "83.1k", "0.41", "to", "2.5"]
    assert "".join(line.split()[0] for line in lines[1:]) == name


def test_a_range_of_floats_without_a_step_has_infinitely_many_settings(tmp_path):
    assert configurations(write_sweep(tmp_path).space, {}) is None


def test_a_sweep_that_cannot_run_cannot_be_planned(home, capsys):
    path = write_sweep(home, SPACE.replace("hidden_size", "hiden_size")).path
    assert main(["plan", str(path)]) == 2
    assert "Did you mean 'model.hidden_size'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["plan", "sweep", "data"])
def test_a_misspelt_key_of_a_space_is_said_before_the_data_are_read(home, command, capsys):
    unread = {"overrides": '["data=files", "data.train=gone.csv"]'}
    path = write_sweep(home, SPACE.replace("hidden_size", "hiden_size"), **unread).path
    assert main([command, str(path)]) == 2
    said = capsys.readouterr().err
    assert "Did you mean 'model.hidden_size'?" in said
    assert "gone.csv" not in said
