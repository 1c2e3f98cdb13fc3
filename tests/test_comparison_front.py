"""Fronts of several objectives, infeasible trials and derived widths in a comparison."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from rich.console import Console
from simulation import write_sweep
from sweep_records import make_runs

from rnnsweep.comparison import compare_records, print_comparison
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.statistics.pareto import find_front, turned, unbeaten, write_value


@pytest.fixture(scope="module")
def table():
    return make_runs({"lstm": 0.70, "gru": 0.71}, trials=12, replicates=3)


@pytest.fixture
def several(tmp_path):
    text = (
        "name: toy\narchitectures: [lstm, gru]\ntrials: 12\nspace: {}\nobjectives: [validation, parameters]"
    )
    return write_sweep(tmp_path, text)


def printed(comparison, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_comparison(comparison, console)
    return console.file.getvalue()


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30)


@given(points)
def test_unbeaten_points_are_those_that_no_point_beats(points):
    values = np.array(points, dtype=float)
    for point, found in zip(values, unbeaten(values), strict=True):
        beaten = any((o >= point).all() and (o > point).any() for o in values)
        assert found == (not beaten)


@given(points)
def test_every_point_is_reached_by_one_of_the_front(points):
    values = np.array(points, dtype=float)
    front = values[unbeaten(values)]
    assert all((front >= point).all(axis=1).any() for point in values)


def test_validation_is_to_be_large_and_everything_else_small():
    assert turned(np.array([[0.5, 10.0, 3.0]])).tolist() == [[0.5, -10.0, -3.0]]


def test_the_front_names_trials_and_those_that_no_architecture_beats(table, several):
    front = compare_records(table, sweep=several).front
    trials = table[(table["role"] == "trial") & (table["state"] == "complete")]
    assert front.objectives == ("validation", "parameters")
    assert [p.values[0] for p in front.points] == sorted((p.values[0] for p in front.points), reverse=True)
    for own in front.points:
        rows = trials if own.of_all else trials[trials["architecture"] == own.architecture]
        better = rows[(rows["validation"] >= own.values[0]) & (rows["parameters"] <= own.values[1])]
        assert better["run_id"].tolist() == [own.run_id]
    assert len(front.points) + len(front.others) == len(trials)
    assert any(p.of_all for p in front.points)


def test_the_front_is_part_of_the_json(table, several):
    found = json.loads(json.dumps(compare_records(table, sweep=several).to_json()))["front"]
    assert found["objectives"] == ["validation", "parameters"]
    first = found["points"][0]
    assert first["validation"] == table[table["role"] == "trial"]["validation"].max()
    assert first["overrides"][0] == f"model={first['architecture']}"
    assert compare_records(table).to_json()["front"] is None


def test_the_front_fits_a_terminal_of_eighty_columns(table, several):
    lines = printed(compare_records(table, sweep=several)).splitlines()
    start = next(
        i for i, line in enumerate(lines) if line.startswith("Front of validation against parameters")
    )
    assert lines[start + 1].split() == ["architecture", "trial", "validation", "parameters"]
    assert lines[start + 2].startswith("* ")
    assert max(map(len, lines)) <= 80


def test_the_report_draws_the_front_with_all_its_trials(table, several):
    comparison = compare_records(table, sweep=several)
    page = render_report(comparison)
    assert 'id="figure-front"' in page
    assert "What each size buys" in page
    for point in (*comparison.front.points, *comparison.front.others):
        assert f"{point.architecture}: trial {point.trial}, validation {point.values[0]:.4f}" in page
    assert 'id="figure-front"' not in render_report(compare_records(table))


def test_of_trials_with_equal_validation_the_smaller_wins(table, several):
    rows = table.copy()
    own = rows["role"].eq("trial") & rows["architecture"].eq("gru") & rows["state"].eq("complete")
    rows.loc[own, "validation"] = 0.75
    rows = rows[~(rows["role"].eq("replicate") & rows["architecture"].eq("gru"))]  # the replicated one stands
    own = own.loc[rows.index]
    (gru,) = [s for s in compare_records(rows, sweep=several).standings if s.architecture == "gru"]
    least = rows[own].sort_values("parameters").iloc[0]
    assert gru.run_id == least["run_id"]


def test_one_objective_or_no_complete_trial_has_no_front(table):
    trials = table[table["role"] == "trial"]
    assert find_front(trials, ("validation",)) is None
    assert find_front(trials.head(0), ("validation", "parameters")) is None
    unknown = trials.assign(memory=np.nan)
    assert find_front(unknown, ("validation", "memory")) is None


def test_values_are_written_in_their_units():
    written = [
        write_value(n, v)
        for n, v in (("validation", 0.61234), ("parameters", 51234.0), ("seconds", 61.26), ("memory", 4e8))
    ]
    assert written == ["0.6123", "51,234", "61.3 s", "400 MB"]


def test_an_infeasible_trial_cannot_win_and_is_told_apart(table):
    best = table[
        (table["role"] == "trial") & (table["architecture"] == "gru") & (table["state"] == "complete")
    ]
    winner = best.sort_values("validation").iloc[-1]
    rows = table.astype({"reason": object})
    rows.loc[rows["run_id"] == winner["run_id"], "reason"] = "infeasible: seconds 75 > 60"
    before, after = (compare_records(t) for t in (table, rows))
    (old,), (new,) = ([s for s in c.standings if s.architecture == "gru"] for c in (before, after))
    assert old.run_id == winner["run_id"] != new.run_id
    assert new.validation == best["validation"].sort_values().iloc[-2]
    assert new.trials == {**old.trials, "complete": old.trials["complete"] - 1, "infeasible": 1}
    assert any("gru: 1 of 12 trials are infeasible" in r.sentence for r in after.health)
    assert "c/p/f/i" in printed(after)
    assert "c/p/f/i" not in printed(before)
    assert "1 of 12 trials are infeasible" in render_report(after)


NOTE = {
    "key": "model.hidden_size",
    "value": 99,
    "budget": 50000,
    "count": "without_embedding",
    "counted": 49905,
    "deviation": -0.0019,
}


def noted(table, **changes):
    text = json.dumps([{**NOTE, **changes}])
    return table.assign(derived=[text if role == "trial" else None for role in table["role"]])


def test_derived_widths_are_said_under_the_standings(table):
    comparison = compare_records(noted(table))
    said = "model.hidden_size from 50,000 parameters without the embedding: gru 99 (-0.2%), lstm 99 (-0.2%)."
    assert said in " ".join(printed(comparison).split())
    assert said in render_report(comparison)
    (gru,) = [s for s in comparison.to_json()["standings"] if s["architecture"] == "gru"]
    assert gru["derived"] == [NOTE]
    assert "derived" not in compare_records(table).to_json()["standings"][0]


def test_searched_budgets_are_said_one_by_one(table):
    rows = noted(table)
    gru = rows["architecture"].eq("gru") & rows["role"].eq("trial")
    rows.loc[gru, "derived"] = json.dumps([{**NOTE, "budget": 60000, "count": "all"}])
    words = " ".join(printed(compare_records(rows)).split())
    assert "Derived widths: gru model.hidden_size 99 of 60,000 parameters (-0.2%), lstm model.hidden" in words


def test_unequal_budgets_are_no_surprise_where_studies_end_early(table, several):
    kept = table[(table["architecture"] != "gru") | (table["role"] != "trial") | (table["trial"] < 4)]
    early = replace(several, stop_after=3)
    remarks = [compare_records(pd.DataFrame(kept), sweep=s).health for s in (several, early)]
    assert [r[0].sentence.partition(":")[0] for r in remarks] == [
        "The budgets are not equal",
        "The budgets are not equal, as studies end early",
    ]
    assert remarks[1][0].next == "raise stop_after or target in the sweep's file, then: rnnsweep sweep toy"


def test_the_report_tells_what_was_asked_beyond_a_space(table, tmp_path):
    text = """\
name: toy
architectures: [lstm, gru]
trials: 12
constraints: {parameters: 200000, seconds: 60.5}
objectives: [validation, seconds]
warm_start: [quickstart]
stop_after: 5
target: 0.9
space:
  model.hidden_size: {parameters: 50000}
"""
    facts = compare_records(table, sweep=write_sweep(tmp_path, text)).facts
    assert facts["derived"] == "model.hidden_size from 50,000 parameters, without embedding"
    assert facts["constraints"] == "parameters at most 200,000, seconds at most 60.5"
    assert facts["objectives"] == "validation, seconds"
    assert facts["started from the trials of"] == "quickstart"
    assert facts["studies end early"] == (
        "after 5 trials that bring nothing better, at a validation accuracy of 0.9"
    )
    assert "constraints" not in compare_records(table, sweep=write_sweep(tmp_path)).facts
