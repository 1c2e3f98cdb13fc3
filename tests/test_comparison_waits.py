"""A comparison that waits for the store says how many records are still to be sent."""

from types import SimpleNamespace

from rnnsweep.api.comparing.store import await_store


def test_a_comparison_that_waits_for_the_store_says_how_many_records_are_left(tmp_path, monkeypatch):
    left = [["toy.1", "toy.2", "other.1"], ["toy.2"], []]
    monkeypatch.setattr(
        "rnnsweep.tracking.sync",
        lambda mlruns, uri, patient: SimpleNamespace(waiting=left.pop(0)),
        raising=False,
    )
    folder = SimpleNamespace(key=lambda: "toy", is_finished=lambda: True)
    told: list[str] = []
    assert await_store(folder, tmp_path, None, told.append) == 0
    assert told == [f"records that are still to be sent to the store: {number}" for number in (2, 1)]
