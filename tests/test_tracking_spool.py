"""The spool: appended in microseconds, whole whatever happens, read back once."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tracking_store import open_run

from rnnsweep.tracking.ship import waiting
from rnnsweep.tracking.spool.archive import keep_if_sent
from rnnsweep.tracking.spool.note import Note, highest_steps, read_note, write_note
from rnnsweep.tracking.spool.record import RunRecord, dataset_parts
from rnnsweep.tracking.spool.spool import SpoolWriter, check_key, read_all, read_spool
from rnnsweep.tracking.spool.stale import close_stale

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}


def ops(mlruns: Path, key: str = "a") -> list[str]:
    return [record["op"] for record in read_all(mlruns / "spool" / f"{key}.jsonl")]


def test_a_run_is_its_start_its_lines_and_its_end(tmp_path):
    with open_run(tmp_path, params={"optimizer.lr": 0.1}) as record:
        record.metrics({"train/loss": 0.5}, step=3)
        record.summary({"params_total": 7, "test/accuracy": None})
    lines = list(read_all(tmp_path / "spool" / "a.jsonl"))
    assert [line["op"] for line in lines] == ["file", "start", "metrics", "metrics", "end"]
    assert (lines[2]["step"], lines[2]["values"]) == (3, {"train/loss": 0.5})
    assert (lines[3]["step"], lines[3]["values"]) == (0, {"params_total": 7.0})
    assert lines[4]["state"] == "complete"


@pytest.mark.parametrize(
    ("error", "state"), [(KeyboardInterrupt(), "interrupted"), (ValueError("nan"), "failed")]
)
def test_leaving_a_run_by_an_error_ends_it_truthfully(tmp_path, error, state):
    with pytest.raises(type(error)), open_run(tmp_path):
        raise error
    last = list(read_all(tmp_path / "spool" / "a.jsonl"))[-1]
    assert (last["op"], last["state"]) == ("end", state)
    assert state == "interrupted" or last["reason"] == "ValueError: nan"


def test_points_in_quick_succession_are_written_together_in_their_order_without_being_asked_to(tmp_path):
    record = open_run(tmp_path)
    path = tmp_path / "spool" / "a.jsonl"
    for step in range(1, 200):
        record.metrics({"m": step / 3}, step=step)
    end = time.monotonic() + 30
    while len(ops(tmp_path)) < 201 and time.monotonic() < end:
        time.sleep(0.01)
    lines = [r for r in read_all(path) if r["op"] == "metrics"]
    assert [(r["step"], r["values"]["m"]) for r in lines] == [(step, step / 3) for step in range(1, 200)]
    while record._writer._has_thread and time.monotonic() < end:
        time.sleep(0.01)
    assert not record._writer._has_thread


def test_a_tag_comes_after_the_points_before_it(tmp_path):
    record = open_run(tmp_path)
    for step in range(1, 4):
        record.metrics({"m": 1.0}, step=step)
    record.tags({"x": "1"})
    assert ops(tmp_path) == ["file", "start", "metrics", "metrics", "metrics", "tags"]


def test_points_held_when_the_interpreter_ends_are_written(tmp_path):
    script = (
        "import sys; from pathlib import Path; from rnnsweep.tracking import RunRecord\n"
        "r = RunRecord.open(Path(sys.argv[1]), experiment='e', name='a', key='a')\n"
        "for step in range(1, 51): r.metrics({'m': 1.0}, step=step)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert ops(tmp_path).count("metrics") == 50


def test_four_threads_of_one_record_lose_no_point(tmp_path):
    record = open_run(tmp_path)

    def log(name: str) -> None:
        for step in range(500):
            record.metrics({name: step}, step=step)

    threads = [threading.Thread(target=log, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record.end("complete")
    lines = [r for r in read_all(tmp_path / "spool" / "a.jsonl") if r["op"] == "metrics"]
    for name in "abcd":
        assert [r["step"] for r in lines if name in r["values"]] == list(range(500))


def test_a_run_ends_once(tmp_path):
    record = open_run(tmp_path)
    record.end("pruned")
    record.end("complete")
    assert ops(tmp_path).count("end") == 1


def test_a_key_in_use_is_refused(tmp_path):
    open_run(tmp_path).end("complete")
    with pytest.raises(ValueError, match="there already"):
        open_run(tmp_path)


@pytest.mark.parametrize("key", ["", "../x", ".x", "a/b", "a b", "x" * 200, "a\n"])
def test_a_key_that_is_no_plain_name_is_refused(key):
    with pytest.raises(ValueError, match="no key"):
        check_key(key)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_an_artifact_stays_in_its_folder(tmp_path, name):
    with pytest.raises(ValueError, match="no name of an artifact"):
        open_run(tmp_path).artifact("text", name)


def test_nothing_can_be_added_to_a_run_that_was_never_recorded(tmp_path):
    with pytest.raises(ValueError, match="no run 'b'"):
        RunRecord.attach(tmp_path, "b")


def test_the_second_process_of_a_distributed_run_records_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSWEEP_RANK", "1")
    record = open_run(tmp_path)
    record.metrics({"m": 1.0}, step=1)
    record.artifact("text", "x.txt")
    record.end("complete")
    assert not list((tmp_path).rglob("*.jsonl"))


def test_a_rank_that_another_launcher_gave_this_process_silences_no_run(tmp_path, monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.setenv(name, "1")
    open_run(tmp_path).metrics({"m": 1.0}, step=1)
    assert list(tmp_path.rglob("*.jsonl"))


def test_a_torn_line_is_closed_and_costs_itself_alone(tmp_path):
    record = open_run(tmp_path)
    path = tmp_path / "spool" / "a.jsonl"
    with path.open("ab") as file:
        file.write(b'{"op":"metrics","step":1,"val')  # a writer that died in mid-line
    record = RunRecord.attach(tmp_path, "a")
    record.metrics({"m": 2.0}, step=2)
    assert ops(tmp_path) == ["file", "start", "torn", "metrics"]


def test_what_is_torn_is_not_read_before_it_is_whole(tmp_path):
    open_run(tmp_path)
    path = tmp_path / "spool" / "a.jsonl"
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b'{"op":"tags"')
    records, end = read_spool(path)
    assert ([record["op"] for record in records], end) == (["file", "start"], whole)


def test_a_line_longer_than_a_chunk_is_read_whole(tmp_path):
    writer = SpoolWriter(tmp_path, "a")
    writer.append({"op": "tags", "values": {"t": "x" * (3 << 20)}})
    lengths = [len(record.get("values", {}).get("t", "")) for record in read_all(writer.path)]
    assert lengths == [0, 3 << 20]


@pytest.mark.parametrize("line", [b"[1]", b"3", b'{"op": 3}', b"\xff\xfe", b"[" * 100_000, b"null", b"{}"])
def test_a_hostile_line_is_told_apart_and_the_next_is_read(tmp_path, line):
    path = tmp_path / "x.jsonl"
    path.write_bytes(line + b'\n{"op":"tags","values":{}}\n')
    assert [record["op"] for record in read_spool(path)[0]] == ["torn", "tags"]


def test_eight_writers_of_one_file_tear_no_line(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(tmp_path, n)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = sorted((r["n"], r["i"]) for r in read_all(tmp_path / "spool" / "a.jsonl") if r["op"] == "x")
    assert found == [(n, i) for n in range(8) for i in range(200)]


def _append_many(folder: Path, n: int) -> None:
    writer = SpoolWriter(folder, "a")
    for i in range(200):
        writer.append({"op": "x", "n": n, "i": i})


def test_a_full_disk_loses_nothing_and_stops_nothing(tmp_path):
    limit = 20_000
    code = f"""
import resource, sys, time
from pathlib import Path
from tracking_store import open_run
record = open_run(Path({str(tmp_path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
for step in range(1, 1001):
    record.metrics({{"m": step / 7}}, step=step)
print(record.flush() > 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
record.end("complete")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.strip() == "True"
    steps = [r["step"] for r in read_all(tmp_path / "spool" / "a.jsonl") if r["op"] == "metrics"]
    assert steps == list(range(1, 1001))
    assert ops(tmp_path)[-1] == "end"


def test_an_artifact_that_the_disk_refuses_is_named_in_a_tag(tmp_path):
    record = open_run(tmp_path)
    record.artifact(tmp_path / "not there.png", "curve.png")
    assert "rnnsweep.missing_artifact" in list(read_all(tmp_path / "spool" / "a.jsonl"))[-1]["values"]


@given(st.lists(st.sampled_from(["write", "kill", "tear"]), max_size=12))
@settings(max_examples=40, deadline=None)
def test_whatever_dies_each_written_line_is_read_once(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("spool")
    writer, expected = SpoolWriter(folder, "a"), []
    for n, event in enumerate(events):
        if event == "write":
            writer.append({"op": "x", "n": n})
            expected.append(n)
        else:
            if event == "tear" and writer.path.exists():
                with writer.path.open("ab") as file:
                    file.write(b'{"op":"x","n":99')
            writer = SpoolWriter(folder, "a")
    assert [r["n"] for r in read_all(writer.path) if r["op"] == "x"] == expected


def test_a_resumed_run_leaves_out_the_points_that_it_has(tmp_path):
    record = open_run(tmp_path)
    for step in range(1, 6):
        record.metrics({"m": step}, step=step)
    record.flush()
    write_note(tmp_path, "a", Note(steps={"other": 4}))
    again = open_run(tmp_path, resume=True)
    for step in range(4, 8):
        again.metrics({"m": step, "other": step}, step=step)
    again.flush()
    assert highest_steps(tmp_path, "a") == {"m": 7, "other": 7}
    lines = [r for r in read_all(tmp_path / "spool" / "a.jsonl") if r["op"] == "metrics"]
    assert [(r["step"], sorted(r["values"])) for r in lines[5:]] == [
        (5, ["other"]),
        (6, ["m", "other"]),
        (7, ["m", "other"]),
    ]


def test_a_note_that_cannot_be_read_is_an_empty_one(tmp_path):
    write_note(tmp_path, "a", Note(run_id="r"))
    path = tmp_path / "spool" / "notes" / "a.json"
    path.write_text(path.read_text()[:10])
    assert read_note(tmp_path, "a") == Note()


def test_a_writer_goes_on_in_a_new_file_after_the_old_was_shipped(tmp_path):
    record = open_run(tmp_path)
    path = tmp_path / "spool" / "a.jsonl"
    first = path.read_text().splitlines()[0]
    assert not keep_if_sent(tmp_path, "a", offset=3)
    assert keep_if_sent(tmp_path, "a", offset=path.stat().st_size)
    record.metrics({"m": 1.0}, step=1)
    record.flush()
    assert ops(tmp_path) == ["file", "metrics"]
    assert path.read_text().splitlines()[0] != first


def test_parts_of_a_corpus_carry_their_digest_and_size():
    parts = dataset_parts("docs", {"train": "aa", "test": "bb"}, sizes={"train": 3})
    assert [(p.name, p.digest, p.context, p.rows) for p in parts] == [
        ("docs", "aa", "train", 3),
        ("docs", "bb", "test", None),
    ]


def _start_and_die(folder: Path, key: str, parent: str | None) -> None:
    code = (
        "import os, signal; from pathlib import Path; from tracking_store import open_run;"
        f"open_run(Path({str(folder)!r}), {key!r}, parent_key={parent!r});"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env=ENVIRONMENT)
    assert done.returncode == -signal.SIGKILL


def test_runs_of_dead_processes_are_closed_and_owned_ones_are_not(tmp_path):
    _start_and_die(tmp_path, "dead", None)
    open_run(tmp_path, "mine")
    _start_and_die(tmp_path, "child", "mine")  # its controller lives and will say what became of it
    assert close_stale(tmp_path) == ["dead"]
    last = list(read_all(tmp_path / "spool" / "dead.jsonl"))[-1]
    assert (last["op"], last["state"], last["reason"]) == ("end", "interrupted", "its process died")
    assert close_stale(tmp_path) == []


def test_recording_imports_neither_mlflow_nor_lightning(tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from rnnsweep.tracking import RunRecord, Shipper, sync, close_stale;"
        f"r = RunRecord.open(Path({str(tmp_path)!r}), experiment='e', name='n', key='k'); r.end('complete');"
        f"sync(Path({str(tmp_path)!r} + '/none'));"
        "print([m for m in ('mlflow', 'torch', 'pytorch_lightning', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.strip() == "[]"


def test_lightning_logs_through_the_spool(tmp_path):
    from rnnsweep.tracking.spool.logger import SpoolLogger

    logger = SpoolLogger(open_run(tmp_path))
    logger.log_metrics({"m": 1.0}, step=5)
    logger.log_hyperparams({"x": 1})
    logger.finalize("success")
    assert logger.version == "a"
    assert ops(tmp_path) == ["file", "start", "metrics"]
    assert json.dumps(list(read_all(tmp_path / "spool" / "a.jsonl"))[-1]["values"]) == '{"m": 1.0}'


def test_a_round_opens_the_spools_that_changed_alone_and_all_once_a_minute(tmp_path, monkeypatch):
    records = {key: open_run(tmp_path, key) for key in ("a", "b", "c")}
    opened = []
    read = waiting.target_of
    monkeypatch.setattr(waiting, "target_of", lambda mlruns, key: opened.append(key) or read(mlruns, key))
    changes = waiting.Changes(tmp_path, "local")
    assert sorted(changes.find()) == ["a", "b", "c"]
    changes.note_sent(["a", "b"])

    records["a"].summary({"m": 1.0})  # written at once
    opened.clear()
    assert sorted(changes.find()) == sorted(opened) == ["a", "c"]
    changes.note_sent(["a", "c"])
    opened.clear()
    assert changes.find() == opened == []

    monkeypatch.setattr(waiting, "FULL_LOOK", 0.0)
    assert sorted(changes.find()) == ["a", "b", "c"]
