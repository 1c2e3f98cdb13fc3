"""The collector of benchmarks finds its cases and writes them down."""

from benchmarks.__main__ import cases, markdown, merged

ROW = {
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
    from benchmarks.fused import ON_A_GPU

    assert "| not measured | not measured | texts/s | not measured |" in markdown([ON_A_GPU], "abc1234")


def test_a_row_stands_in_the_table_with_its_range_and_note():
    page = markdown([ROW | {"range": [9.5, 14.0], "note": "one thread"}], "abc1234")
    assert "| a step | 1,200 | 100 | texts/s | 12 (9.5 to 14) | a loop |" in page
    assert "* a step: one thread" in page
    assert "commit abc1234" in page


def test_a_row_that_is_measured_anew_takes_the_place_of_the_old_one():
    before = [ROW, ROW | {"case": "a sweep"}]
    found = [ROW | {"ratio": 13.0}, ROW | {"case": "a page"}]
    rows = merged(before, found)
    assert [(row["case"], row["ratio"]) for row in rows] == [
        ("a step", 13.0),
        ("a sweep", 12.0),
        ("a page", 12.0),
    ]
