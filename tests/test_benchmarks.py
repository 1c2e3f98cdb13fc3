"""The collector of benchmarks finds its cases and writes them down."""

import json

import pytest
from benchmarks import (
    __main__ as collector,
    limits,
    machine,
    many,
    reading,
    scores,
    studies,
    throughput,
    throughput_cells,
    throughput_large,
)
from benchmarks.__main__ import cases, markdown, merged, title

ROW = {
    "benchmark": "throughput",
    "case": "a step",
    "ours": 1200.0,
    "other": 100.0,
    "other_name": "a loop",
    "ratio": 12.0,
    "unit": "texts/s",
}


def test_every_case_is_found_and_tools_are_not():
    assert {"fused", "lengths", "startup", "throughput", "tracking"} <= set(cases())
    assert not {"chaos", "_plain"} & set(cases())


def test_what_was_not_measured_is_said_to_be_so():
    from benchmarks.gpu import CASES, row

    unmeasured = row(CASES[0]) | {"benchmark": "gpu"}
    assert "| not measured | not measured | texts/s | not measured |" in markdown([unmeasured], "abc1234")


def test_a_row_stands_in_the_table_with_its_range_and_note():
    page = markdown([ROW | {"range": [9.5, 14.0], "note": "one thread"}], "abc1234")
    assert "| a step | 1,200 | 100 | texts/s | 12 (9.5 to 14) | a loop |" in page
    assert "\n* one thread\n" in page
    assert "commit abc1234" in page


def test_each_module_has_a_section_whose_notes_are_written_once():
    rows = [ROW | {"case": case, "note": "two turns"} for case in ("a step", "a sweep")]
    page = markdown([*rows, ROW | {"benchmark": "startup"}], "abc1234")
    parts = page.split("\n## ")[1:]
    assert [part.partition("\n")[0] for part in parts] == [title("throughput"), title("startup")]
    assert page.count("two turns") == 1
    assert "\n* two turns\n" in parts[0]
    rows[0]["note"] = "one turn"
    page = markdown(rows, "abc1234")
    assert "| a step [1] |" in page
    assert "| a sweep [2] |" in page
    assert "* [1] one turn\n* [2] two turns\n" in page


def test_a_row_that_is_measured_anew_takes_the_place_of_the_old_one():
    before = [ROW, ROW | {"case": "a sweep"}]
    found = [ROW | {"ratio": 13.0}, ROW | {"case": "a page"}]
    rows = merged(before, found)
    assert [(row["case"], row["ratio"]) for row in rows] == [
        ("a step", 13.0),
        ("a sweep", 12.0),
        ("a page", 12.0),
    ]


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page with a row of a case that is no more; the cases `a` and `b` take the place of the real ones."""
    monkeypatch.setattr(collector, "DOCS", tmp_path)
    monkeypatch.setattr(collector, "cases", lambda: ["a", "b"])
    monkeypatch.setattr(collector, "commit", lambda: "new1234")
    old = [ROW | {"case": case, "measured": "2026-01-01 old1234"} for case in ("a", "b", "gone")]
    (tmp_path / "benchmarks.json").write_text(json.dumps(old))
    return tmp_path / "benchmarks.json"


def measured(page):
    return {row["case"]: row["measured"] for row in json.loads(page.read_text())}


def test_all_cases_in_one_go_leave_their_rows_alone(page, monkeypatch):
    def alone(name):
        row = ROW | {"case": name, "measured": "2026-01-02 new1234"}
        collector.write(merged(collector.before(), [row]))
        return 0

    monkeypatch.setattr(collector, "alone", alone)
    assert collector.main([]) == 0
    assert measured(page) == {"a": "2026-01-02 new1234", "b": "2026-01-02 new1234"}
    assert "gone" not in page.with_suffix(".md").read_text()


def test_a_case_that_fails_keeps_its_old_row_and_stops_no_other(page, monkeypatch, capsys):
    def alone(name):
        if name == "a":
            return 1
        collector.write(merged(collector.before(), [ROW | {"case": "b", "measured": "2026-01-02 new1234"}]))
        return 0

    monkeypatch.setattr(collector, "alone", alone)
    assert collector.main([]) == 1
    assert measured(page) == {
        "a": "2026-01-01 old1234",
        "b": "2026-01-02 new1234",
        "gone": "2026-01-01 old1234",
    }
    assert "not measured anew, see above: a" in capsys.readouterr().err


def test_a_case_runs_in_a_process_of_its_own_and_its_failure_is_told():
    assert collector.alone("no_such_case") == 1


def test_every_cell_small_and_large_has_its_rows_at_every_batch():
    every = [*throughput.CASES, *throughput_cells.CASES, *throughput_large.CASES]
    found = {(case.cell, case.bidirectional, case.batch) for case in every}
    assert found == {
        (c, two, b) for c in ("lstm", "gru", "rnn") for two in (False, True) for b in (16, 64, 256)
    }
    assert len(every) == len(found)


def test_a_search_is_as_good_as_the_mean_of_its_best_trials():
    assert studies.mean_of_best([0.1, 0.9, 0.8, 0.7, 0.6]) == pytest.approx(0.75)


def test_the_floor_counts_every_product_in_its_quickest_way():
    every = limits.products(limits.SMALL, batch=16, length=3, distinct=20)
    assert len(every) == 6
    quick, slow = (lambda: None), (lambda: sum(range(200_000)))
    one, both = limits.floor_seconds([[quick, slow]]), limits.floor_seconds([[slow], [slow]])
    assert one < both


def test_all_ways_to_multiply_give_the_same():
    import torch

    a, b = torch.randn(12, 8), torch.randn(8, 16)
    ways = limits.product(a, b, steps=3)
    assert len(ways) >= 4
    for way in ways:
        made = way.keywords["out"] if "out" in getattr(way, "keywords", {}) else None
        way()
        if made is not None:
            torch.testing.assert_close(made, a @ b)


def test_growth_with_trials_tells_its_exponent():
    row = many.growth([100, 1000, 10_000], [0.001, 0.002, 0.1])
    assert "power 1.00 of the size" in row["note"]
    assert row["ratio"] == pytest.approx(50)


@pytest.mark.slow
def test_the_whole_machine_is_measured_beside_one_trial():
    rows = machine.run(seconds=0.3, turns=1, names=("lstm 64/32",))
    assert [row["unit"] for row in rows] == ["texts/s"] * 2
    assert all(row["ours"] > 0 and row["other"] > 0 for row in rows)


@pytest.mark.slow
def test_time_to_an_accuracy_is_measured_until_it_is_there_and_not_reached_is_no_figure(
    tmp_path, monkeypatch
):
    (tmp_path / "glove.txt").write_text(f"oil{' 0.1' * 100}\ngame{' 0.2' * 100}\n")
    monkeypatch.setenv("RNNSWEEP_GLOVE", str(tmp_path / "glove.txt"))
    rows = scores.run(targets=(0.2, 1.1), extra=("data.sample=600", "trainer.max_epochs=1"))
    if not rows:
        pytest.skip("AG News is not here: set RNNSWEEP_SHARED")
    reached, missed, with_vectors = rows
    assert reached["ours"] > 0
    assert missed["ours"] is with_vectors["ours"] is None
    assert "experiment beyond_linear_glove" in with_vectors["case"]
    assert "| not measured |" in markdown([missed | {"benchmark": "scores"}], "abc1234")


def test_the_factor_the_settings_and_the_peers_are_cases_and_a_peers_own_side_is_none():
    assert {"factor", "every_setting", "peers"} <= set(cases())
    assert not {"_peer", "_well_written"} & set(cases())


def test_a_peer_is_held_against_the_score_that_both_reach():
    from benchmarks.peers import rows_of, time_to

    assert time_to([[10, 0.5], [20, 0.8]], 0.7) == 20
    assert time_to([[10, 0.5]], 0.7) is None
    mine = {"command": 120.0, "path": [[10, 0.5], [20, 0.8]], "busy": 0.9, "survived": 24, "verdict": 100.0}
    theirs = {"command": 1200.0, "path": [[100, 0.6], [500, 0.79]], "failed": 2, "verdict": 1500.0}
    theirs |= {"busy": 0.45, "survived": 0}
    rows = {
        row["case"].partition(": ")[2]: row
        for row in rows_of("ray-tune", mine, [75.0, 100.0, 150.0], theirs, trials=24)
    }
    assert [row["ratio"] for row in rows.values()] == [10, 25, 15, 2, None]
    assert rows["time to a defended verdict, lstm against gru"]["range"] == [
        10,
        20,
    ]  # of ours, run three times
    assert rows["trials an hour"]["ours"] == 24 * 60  # of each of two architectures
    assert rows["trials of 24 that end though one is killed"]["other"] == 0
    assert all("theirs failed: 2" in row["note"] for row in rows.values())


@pytest.mark.slow
def test_a_peer_that_cannot_be_installed_or_fails_is_left_out_with_its_reason(monkeypatch, tmp_path):
    import sys
    from pathlib import Path

    from benchmarks import peers

    def not_installed(name):
        raise peers.LeftOut("cannot be installed: no matching distribution")

    with pytest.raises(peers.LeftOut, match="failed: KeyError: 'no-such-peer'"):
        peers.peer(Path(sys.executable), "no-such-peer", "folder", "1", "lstm")
    (tmp_path / "ag_news").mkdir()
    (tmp_path / "ag_news" / "train.csv").touch()
    monkeypatch.setattr(peers, "SHARED", tmp_path)
    monkeypatch.setattr("rnnsweep.data.prepare", lambda config: None)
    own = {"ended": 0, "replicates": 2, "verdict": 1.0}
    monkeypatch.setattr(peers, "ours", lambda trials, seeds, pruner, kill=False: dict(own))
    monkeypatch.setattr(peers, "environment", not_installed)
    (row,) = peers.run(1, 1, ("syne-asha",))
    assert (row["case"], row["ours"], row["ratio"]) == ("beside syne-asha", None, None)
    assert row["note"] == "left out: cannot be installed: no matching distribution"
    page = markdown([row | {"benchmark": "peers"}], "abc1234")
    assert "| beside syne-asha | not measured | not measured |" in page


def test_settings_that_pytorch_has_a_sparse_optimiser_for():
    from benchmarks._well_written import may_be_sparse
    from benchmarks.every_setting import OPTIMIZERS

    from rnnsweep.config import RunConfig

    sparse = [name for name, optimizer in OPTIMIZERS.items() if may_be_sparse(RunConfig(optimizer=optimizer))]
    assert sparse == ["adam", "sgd"]


@pytest.mark.slow
def test_a_table_is_read_in_a_process_of_its_own_with_its_time_and_memory():
    (row,) = reading.run(rows=2000)
    assert row["case"] == "read, split and cut 2,000 short rows of CSV"
    assert 0 < row["ours"] < row["other"] == reading.LIMIT
    assert "MiB" in row["note"]
