"""The simulator of many slots loses no trial and lets slots wait; its page has what it found."""

from random import Random

import pytest
from benchmarks import many_slots, statistics
from benchmarks._many_slots import ANSWER, START, latency, run_case
from benchmarks._simulated_time import Latency
from benchmarks.many_slots import MOST, PAGE, PICTURE, QUICK, picture, read, tables

SHARES = ("load", "disk", "busy")


@pytest.fixture(scope="module")
def rows():
    """The rows of the quick run: 4 slots, 16 slots, and 16 with short trials and a slow disk."""
    return [run_case(case) for case in QUICK]


def test_every_trial_starts_and_ends_once(rows):
    assert [(row["started"], row["ended_once"]) for row in rows] == [
        (case.trials, case.trials) for case in QUICK
    ]
    assert all(0 < row["reports"] <= 5 for row in rows)


def test_shares_are_shares(rows):
    assert all(0 < row[name] <= 1 for row in rows for name in SHARES)
    assert all(row["load"] + row["disk"] <= 1 + 1e-6 for row in rows)


def test_slots_are_busy_where_trials_are_long_and_the_controller_has_little_to_do(rows):
    assert all(row["busy"] > 0.9 for row in rows[:2])
    assert rows[1]["trials_a_second"] > 2 * rows[0]["trials_a_second"]
    assert rows[1]["hours"] < rows[0]["hours"] * rows[1]["trials"] / rows[0]["trials"]


def test_slots_wait_for_a_controller_that_cannot_keep_up(rows):
    slow = rows[2]
    assert slow["load"] + slow["disk"] > 0.8
    assert slow["busy"] < 0.5
    assert slow["trials_a_second"] < 0.5 * slow["slots"] / slow["seconds"]


def test_what_a_trial_leaves_does_not_grow_with_their_number(rows):
    few, more = rows[:2]
    for name in ("journal_bytes", "ledger_bytes", "folder_bytes", "spool_bytes"):
        assert more[name] == pytest.approx(few[name], rel=0.3)


def test_a_sweep_costs_its_slots_and_nodes_for_as_long_as_it_takes(rows):
    assert [row["nodes"] for row in rows] == [1, 2, 2]
    assert all(row["slot_hours"] == row["hours"] * row["slots"] for row in rows)
    assert all(row["node_hours"] == row["hours"] * row["nodes"] for row in rows)


def test_latencies_are_those_of_the_page_of_benchmarks():
    start, answer = latency(START), latency(ANSWER)
    assert 0 < answer.median < start.median < 0.05
    drawn = sorted(Latency(0.02, 0.03).draw(Random(seed)) for seed in range(1000))
    assert drawn[500] == pytest.approx(0.02, rel=0.05)
    assert drawn[950] == pytest.approx(0.03, rel=0.05)


def test_the_page_has_the_rows_that_were_simulated():
    page, found = PAGE.read_text(), read()
    for name, text in tables(found).items():
        assert statistics.replaced(page, name, text) == page, name
    assert found["commit"] in page
    assert found["date"] in page


def test_the_picture_is_drawn_from_the_rows():
    assert PICTURE.read_text() == picture(read())


def test_the_page_covers_what_it_is_about():
    found = read()
    assert {many_slots.case_of(row).slots for row in found["rows"]} >= {10, 30, 100, 300, MOST}
    assert [mark["trials"] for mark in found["marks"]][:3] == [1000, 3000, 10_000]


def test_an_unknown_option_is_named():
    with pytest.raises(SystemExit, match="--slow: --quick, or nothing"):
        many_slots.main(["--slow"])
