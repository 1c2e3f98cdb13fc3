"""A spool from somebody else, or a broken one: its lines are set aside once, and hold up no command."""

import gzip
import json
import time

import pytest
from tracking_store import fresh_store, open_run, points

from rnnsweep.tracking import sync
from rnnsweep.tracking.ship.waiting import is_waiting

DEEP = '{"a":' * 100_000
BROKEN = [
    {"experiment": ""},
    {"experiment": ["a"]},
    {"experiment": None},
    {"time": "x"},
    {"name": {"a": 1}},
    {"tags": {"rnnsweep.key": 5}},
    {"tags": []},
    {"params": {"lr": [1]}},
    {"datasets": 5},
]


def spoil(mlruns, change):
    path = mlruns / "spool" / "a.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    changed = [{**line, **change} if line["op"] == "start" else line for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in changed))


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_a_broken_line_is_set_aside_once_and_costs_no_later_command_anything(template, tmp_path, change):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    open_run(mlruns).end("complete")
    spoil(mlruns, change)
    with open_run(mlruns, "b") as good:
        good.metrics({"m": 1.0}, step=1)
    began = time.monotonic()
    found = sync(mlruns, deadline_s=20)
    assert time.monotonic() - began < 20
    assert found.waiting == []
    assert points(mlruns, "b") == [(1, 1.0)]
    (line, *_) = (mlruns / "spool" / "refused" / "a.jsonl").read_text().splitlines()
    assert "must be" in json.loads(line)["why"] or "is no text" in json.loads(line)["why"]
    assert not is_waiting(mlruns, "a")
    assert sync(mlruns).line == ""


def test_a_note_that_is_nested_too_deeply_counts_as_none(template, tmp_path):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    open_run(mlruns).end("complete")
    (mlruns / "spool" / "notes" / "a.json").write_text(DEEP)
    assert sync(mlruns, deadline_s=20).waiting == []


def test_a_record_that_unpacks_to_far_more_than_its_size_is_left_out(tmp_path, monkeypatch):
    from rnnsweep.tracking.spool import archive

    monkeypatch.setattr(archive, "LEAST", 1 << 20)
    folder = tmp_path / "records" / "a"
    folder.mkdir(parents=True)
    line = b'{"op": "start"}\n'
    for number, content in enumerate((line, line + b" " * (4 << 20))):
        (folder / f"{number:015d}-a.jsonl.gz").write_bytes(gzip.compress(content))
    assert len(list(archive.read_records(tmp_path, "a"))) == 1
