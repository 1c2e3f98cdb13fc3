"""The test part: read once for each replicate, counted, and out of a search's reach."""

import json
from dataclasses import replace

import pytest
from test_trial import Line, rows, task  # noqa: F401  # rows is a fixture

from rnnsweep.data import encoded, prepare
from rnnsweep.data.store import map_array
from rnnsweep.state.folder import SweepFolder
from rnnsweep.trial import run_trial


def reads(folder):
    return SweepFolder.of(folder / "mlruns", "toy").count_test_reads()


@pytest.fixture
def shut(monkeypatch):
    """No array of the test part can be opened: ids, targets, and the rows that its texts are found by."""

    def guarded(path):
        if path.name.startswith("test."):
            raise PermissionError(f"{path.name} was opened")
        return map_array(path)

    monkeypatch.setattr(encoded, "map_array", guarded)


def test_a_search_trains_and_scores_while_the_test_part_cannot_be_opened(rows, tmp_path, shut):  # noqa: F811
    outcome = run_trial(task(tmp_path, rows), Line())
    assert (outcome.state, reads(tmp_path)) == (
        "complete",
        None,
    )
    assert (outcome.scores["epochs"], 0 < outcome.validation <= 1) == (2.0, True)


def test_a_replicate_fails_then_so_the_guard_stands_before_all_it_reads(rows, tmp_path, shut):  # noqa: F811
    outcome = run_trial(task(tmp_path, rows, role="replicate"), Line())
    assert (outcome.state, "test.ids.npy was opened" in outcome.reason) == ("failed", True)


def test_each_replicate_is_counted_once_and_a_trial_never(rows, tmp_path):  # noqa: F811
    for number, role in enumerate(("trial", "replicate", "replicate")):
        one = task(tmp_path, rows, role=role)
        folder = one.folder.with_name(f"gru-0-r{number}")
        run_trial(replace(one, folder=folder, key=f"toy.1.{folder.name}", name=folder.name), Line())
    assert reads(tmp_path) == {
        "gru-0-r1": 1,
        "gru-0-r2": 1,
    }


def test_the_linear_baseline_is_counted_too(rows, tmp_path):  # noqa: F811
    one = task(tmp_path, rows, role="baseline")
    run_trial(replace(one, folder=one.folder.with_name("linear"), name="linear"), Line())
    assert reads(tmp_path) == {"linear": 1}


def test_a_search_that_would_look_is_stopped(rows, tmp_path, shut):  # noqa: F811
    def peek(run, **_):
        return prepare(run.data).test()

    outcome = run_trial(task(tmp_path, rows), Line(), train=peek)
    assert (outcome.state, "test.ids.npy was opened" in outcome.reason) == ("failed", True)


def test_a_second_look_at_the_same_run_is_counted(tmp_path):
    for name in ("a", "b", "a"):
        SweepFolder(tmp_path).task(name).note_test_read()
    assert SweepFolder(tmp_path).count_test_reads() == {"a": 2, "b": 1}


def test_a_line_that_a_full_disk_cut_off_is_left_out(tmp_path):
    SweepFolder(tmp_path).task("a").note_test_read()
    with (tmp_path / "test_reads.jsonl").open("a") as file:
        file.write(json.dumps({"run": "b"})[:-3])
    assert SweepFolder(tmp_path).count_test_reads() == {"a": 1}
