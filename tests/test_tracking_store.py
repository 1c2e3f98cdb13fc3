"""The store: made whole, filled once, read back the same in both ways, mended when it was moved."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tracking_store import Flaky, fresh_store, open_run, points, ship

from rnnsweep.drawing.palette import colour
from rnnsweep.errors import UserError
from rnnsweep.tracking import curves, find_run, runs
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.spool.record import RunRecord, dataset_parts
from rnnsweep.tracking.spool.spool import read_all
from rnnsweep.tracking.store.schema import upgrade_if_old
from rnnsweep.tracking.store.store import ensure_store, local_uri, open_client
from rnnsweep.tracking.tags import RUN_COLOUR


@pytest.fixture
def mlruns(template, tmp_path):
    """An empty store in a folder with a space and a letter that is not ASCII."""
    return fresh_store(template, tmp_path / "ä b" / "mlruns")


def full_run(mlruns: Path, key: str = "q.t07", **values) -> RunRecord:
    """Record a run with all that a trial carries."""
    record = open_run(
        mlruns,
        key,
        **{
            "experiment": "q",
            "name": "t07 bilstm h=64",
            "tags": {
                "rnnsweep.sweep": "q",
                "rnnsweep.role": "trial",
                "rnnsweep.architecture": "bilstm",
                "rnnsweep.trial": 7,
                "rnnsweep.seed": 3,
                "rnnsweep.overrides": ["model=bilstm", "optimizer.lr=0.01"],
            },
            "params": {
                "model": "bilstm",
                "optimizer.lr": 0.01,
                "model.bidirectional": True,
                "data.dir": None,
            },
            "log_scaled": ["optimizer.lr"],
            "datasets": dataset_parts(
                "docs", {"train": "a" * 64, "validation": "b" * 64}, sizes={"train": 9}
            ),
            "config_yaml": "model: bilstm\n",
            "provenance": {"git.commit": "abc", "git.diff": "+ line"},
        }
        | values,
    )
    for step in (1, 2, 3):
        record.metrics({"m": step / 4, "epoch": step / 2}, step=step)
    record.summary({"best/validation_accuracy": 0.5, "params_total": 1234, "time/seconds": 2.5})
    return record


def test_what_a_run_carries_arrives_whole(mlruns):
    full_run(mlruns).end("complete")
    ship(mlruns)
    client = open_client(mlruns, "local")
    run = client.get_run(read_note(mlruns, "q.t07").run_id)
    assert (run.info.run_name, run.info.status) == ("t07 bilstm h=64", "FINISHED")
    assert run.data.params == {
        "model": "bilstm",
        "optimizer.lr": "0.01",
        "optimizer.log10_lr": "-2.0",
        "model.bidirectional": "true",
        "data.dir": "null",
    }
    assert run.data.tags[RUN_COLOUR] == colour("bilstm")
    assert run.data.tags["rnnsweep.overrides"] == '["model=bilstm", "optimizer.lr=0.01"]'
    assert (run.data.tags["rnnsweep.key"], run.data.tags["rnnsweep.state"]) == ("q.t07", "complete")
    assert run.data.tags["rnnsweep.git.commit"] == "abc"
    inputs = {i.tags[0].value: (i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs}
    assert inputs == {"train": ("docs", "a" * 36), "validation": ("docs", "b" * 36)}
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"config.yaml", "uncommitted.diff"}
    assert points(mlruns, "q.t07") == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert not list((mlruns / "spool").glob("q.t07*"))


@pytest.mark.parametrize(
    ("state", "status"),
    [("complete", "FINISHED"), ("failed", "FAILED"), ("pruned", "KILLED"), ("interrupted", "KILLED")],
)
def test_end_states_are_told_apart(mlruns, state, status):
    open_run(mlruns).end(state, "why")
    ship(mlruns)
    run = open_client(mlruns, "local").get_run(read_note(mlruns, "a").run_id)
    assert run.info.status == status
    assert (run.data.tags["rnnsweep.state"], run.data.tags["rnnsweep.reason"]) == (state, "why")


def test_children_stand_under_their_parent_whichever_was_recorded_first(mlruns):
    open_run(mlruns, "child", parent_key="parent").end("complete")
    open_run(mlruns, "parent").end("complete")
    ship(mlruns)
    run = open_client(mlruns, "local").get_run(read_note(mlruns, "child").run_id)
    assert run.data.tags["mlflow.parentRunId"] == read_note(mlruns, "parent").run_id


def test_a_resumed_run_is_the_same_run_without_a_doubled_point(mlruns):
    record = full_run(mlruns)
    record.end("interrupted")
    ship(mlruns)
    first = read_note(mlruns, "q.t07").run_id
    record = full_run(mlruns, resume=True)
    record.metrics({"m": 1.0}, step=4)
    ship(mlruns)
    client = open_client(mlruns, "local")
    assert client.get_run(first).info.status == "RUNNING"
    record.end("complete")
    ship(mlruns)
    run = client.get_run(first)
    assert (run.info.status, run.data.tags["rnnsweep.state"]) == ("FINISHED", "complete")
    assert points(mlruns, "q.t07") == [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)]
    assert len(client.search_runs([run.info.experiment_id])) == 1


def test_a_score_can_be_added_to_a_run_that_has_ended_and_was_shipped(mlruns):
    full_run(mlruns).end("complete")
    ship(mlruns)
    RunRecord.attach(mlruns, "q.t07").summary({"test/accuracy": 0.75})
    ship(mlruns)
    assert runs(mlruns, "q")["test"].tolist() == [0.75]
    assert open_client(mlruns, "local").get_run(read_note(mlruns, "q.t07").run_id).info.status == "FINISHED"


@given(st.lists(st.sampled_from(["", "", "before", "after"]), min_size=4, max_size=30))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_the_store_fails_there_is_one_run_and_each_point_once(template, tmp_path_factory, fails):
    mlruns = fresh_store(template, tmp_path_factory.mktemp("flaky") / "mlruns")
    full_run(mlruns).end("complete")
    queue = list(fails)
    client = Flaky(open_client(mlruns, "local"), lambda: queue.pop() if queue else "")
    for _ in range(len(fails) + 1):
        try:
            ship(mlruns, client=client)
        except ConnectionError:
            continue
    assert points(mlruns, "q.t07") == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert len(runs(mlruns, "q")) == 1
    assert not list((mlruns / "spool").glob("*.jsonl"))


def test_ten_thousand_points_go_a_thousand_a_call(mlruns):
    record = open_run(mlruns)
    for step in range(1, 2501):
        record.metrics({"m": step, "n": -step}, step=step)
    record.end("complete")
    calls = []
    client = Flaky(open_client(mlruns, "local"), lambda: "")
    log = client.client.log_batch
    client.client.log_batch = lambda *v, **n: (calls.append(len(n.get("metrics", ()))), log(*v, **n))[1]
    ship(mlruns, client=client)
    assert [n for n in calls if n] == [1000] * 5
    assert len(points(mlruns, "a")) == 2500


class Counting:
    """A real client that lists the calls it gets, and does something before some of them."""

    def __init__(self, mlruns, before=lambda name: None):
        self.client, self.before, self.calls = open_client(mlruns, "local"), before, []

    def __getattr__(self, name):
        self.before(name)
        self.calls.append(name)
        return getattr(self.client, name)


def test_a_trial_that_ended_takes_one_call_for_all_its_points_parameters_and_tags(mlruns):
    for key in ("a", "b"):
        record = open_run(
            mlruns, key, params={f"p.{n}": n for n in range(40)}, tags={"rnnsweep.role": "trial"}
        )
        for step in range(1, 151):
            record.metrics({"m": step / 4, "n": -step}, step=step)
        record.end("complete")
    client = Counting(mlruns)
    ship(mlruns, client=client)
    each = ["run_of_key", "create_run", "log_batch", "set_terminated"]
    assert [call for call in client.calls if "experiment" not in call] == each * 2
    assert client.calls.count("get_experiment_by_name") == 1
    run = client.client.get_run(read_note(mlruns, "b").run_id)
    assert len(run.data.params) == 40
    assert (run.data.tags["rnnsweep.role"], run.data.tags["rnnsweep.state"]) == ("trial", "complete")
    assert len(points(mlruns, "b")) == 150


def test_an_experiment_that_is_deleted_between_two_runs_of_a_round_comes_back(mlruns):
    open_run(mlruns, "a").end("complete")
    open_run(mlruns, "b").end("complete")

    def delete(name):
        if name == "create_run" and client.calls.count("create_run") == 1:
            client.client.delete_experiment(read_note(mlruns, "a").experiment_id)

    client = Counting(mlruns, delete)
    ship(mlruns, client=client)
    assert client.client.get_experiment_by_name("exp").lifecycle_stage == "active"
    run = client.client.get_run(read_note(mlruns, "b").run_id)
    assert (run.info.status, run.data.tags["rnnsweep.state"]) == ("FINISHED", "complete")
    assert read_note(mlruns, "b").refused == 0


def test_tags_are_checked_by_the_store_although_a_run_is_made_with_the_plain_ones(mlruns):
    tags = {
        "rnnsweep.plain": "x",
        "rnnsweep.long": "x" * 9000,
        "no(such)name": "x",
        "mlflow.runName": "other",
    }
    record = open_run(mlruns, tags=tags)
    record.flush()
    with (mlruns / "spool" / "a.jsonl").open("ab") as file:
        file.write(b'{"op":"tags","values":{"rnnsweep.number":3}}\n')
    record.tags({"rnnsweep.late": "x"})
    record.end("complete")
    ship(mlruns)
    stored = open_client(mlruns, "local").get_run(read_note(mlruns, "a").run_id).data.tags
    assert (stored["rnnsweep.plain"], stored["rnnsweep.late"], stored["mlflow.runName"]) == (
        "x",
        "x",
        "other",
    )
    assert len(stored["rnnsweep.long"]) == 8000
    assert not {"no(such)name", "rnnsweep.number"} & set(stored)
    refused = (mlruns / "spool" / "refused" / "a.jsonl").read_text().splitlines()
    assert len(refused) == read_note(mlruns, "a").refused == 2


def test_what_the_store_will_never_take_is_put_aside_and_the_rest_arrives(mlruns):
    record = open_run(mlruns, params={"good": 1, "bad": "x"})
    record.metrics({"m": 1.0, "no(such)name": 2.0}, step=1)
    with (mlruns / "spool" / "a.jsonl").open("ab") as file:
        file.write(b'{"op":"params","values":{"good":"2"}}\n')  # a parameter does not change
    record.metrics({"m": float("inf")}, step=2)
    record.flush()
    with (mlruns / "spool" / "a.jsonl").open("ab") as file:
        file.write(b'{"op":"metrics","step":"x","time":1,"values":3}\n{"op":"dance"}\n{"op":"end"}\n[]\n')
    RunRecord.attach(mlruns, "a").end("complete")
    ship(mlruns)
    assert open_client(mlruns, "local").get_run(read_note(mlruns, "a").run_id).info.status == "FINISHED"
    curve = points(mlruns, "a")
    assert curve[0] == (1, 1.0)
    assert len(curve) == 2
    refused = (mlruns / "spool" / "refused" / "a.jsonl").read_text().splitlines()
    assert len(refused) == read_note(mlruns, "a").refused == 6


def test_a_hostile_spool_reaches_no_file_outside_its_folder(mlruns, tmp_path):
    (tmp_path / "secret").write_text("s")
    open_run(mlruns)
    with (mlruns / "spool" / "a.jsonl").open("ab") as file:
        file.write(b'{"op":"artifact","file":"../../../../secret","name":"x"}\n')
        file.write(f'{{"op":"artifact","file":"{tmp_path}/secret","name":"x"}}\n'.encode())
        file.write(b'{"op":"artifact","file":"config.yaml","name":"../../x"}\n')
    ship(mlruns)
    assert read_note(mlruns, "a").refused == 3
    assert open_client(mlruns, "local").list_artifacts(read_note(mlruns, "a").run_id) == []


def test_a_run_that_a_person_deleted_stays_deleted(mlruns):
    record = open_run(mlruns)
    ship(mlruns)
    client = open_client(mlruns, "local")
    client.delete_run(read_note(mlruns, "a").run_id)
    record.metrics({"m": 1.0}, step=1)
    record.end("complete")
    ship(mlruns)
    assert client.get_run(read_note(mlruns, "a").run_id).info.lifecycle_stage == "deleted"
    assert not list((mlruns / "spool").glob("*.jsonl"))


def test_a_deleted_experiment_comes_back_when_it_is_used_again(mlruns):
    client = open_client(mlruns, "local")
    client.delete_experiment(client.create_experiment("exp"))
    open_run(mlruns).end("complete")
    ship(mlruns)
    assert client.get_experiment_by_name("exp").lifecycle_stage == "active"


def test_nothing_global_of_mlflow_is_changed(mlruns):
    import mlflow

    before = mlflow.get_tracking_uri()
    full_run(mlruns).end("complete")
    ship(mlruns)
    assert mlflow.get_tracking_uri() == before
    assert mlflow.active_run() is None


def test_both_doors_give_the_same_table_and_the_same_curves(mlruns):
    full_run(mlruns).end("complete")
    full_run(mlruns, "q.r00", tags={"rnnsweep.sweep": "q", "rnnsweep.role": "replicate"}).end("failed", "nan")
    open_run(mlruns, "other").end("complete")
    ship(mlruns)
    direct, paged = runs(mlruns, "q"), runs(mlruns, "q", uri=local_uri(mlruns))
    pd.testing.assert_frame_equal(direct, paged)
    pd.testing.assert_frame_equal(
        curves(mlruns, "q", ["m"]), curves(mlruns, "q", ["m"], uri=local_uri(mlruns))
    )
    pd.testing.assert_frame_equal(runs(mlruns), runs(mlruns, uri=local_uri(mlruns)))
    assert len(direct) == 2
    assert len(runs(mlruns)) == 3


def test_a_row_reads_as_it_was_recorded(mlruns):
    full_run(mlruns).end("complete")
    ship(mlruns)
    row = runs(mlruns, "q").iloc[0]
    told = row[
        ["key", "role", "architecture", "trial", "state", "seed", "validation", "parameters", "seconds"]
    ]
    assert told.tolist() == ["q.t07", "trial", "bilstm", 7, "complete", 3, 0.5, 1234, 2.5]
    assert row["overrides"] == ["model=bilstm", "optimizer.lr=0.01"]
    assert (row["optimizer.lr"], row["model.bidirectional"], row["data.dir"]) == (0.01, True, None)
    assert "optimizer.log10_lr" not in row.index
    curve = curves(mlruns, "q", ["m"])
    assert curve[["step", "epoch", "value"]].to_numpy().tolist() == [
        [1, 0.5, 0.25],
        [2, 1, 0.5],
        [3, 1.5, 0.75],
    ]


def test_the_score_that_decides_stands_under_its_own_name_too(mlruns):
    for key, decides in (("q.t07", "macro_f1"), ("q.t08", "accuracy")):
        tags = {"rnnsweep.sweep": "q", "rnnsweep.task": "classification", "rnnsweep.score": decides}
        record = full_run(mlruns, key, tags=tags)
        record.summary({"best/validation_macro_f1": 0.375})
        record.metrics({"test/accuracy": 0.75, "test/macro_f1": 0.25, "test/loss": 0.5}, step=3)
        record.end("complete")
    ship(mlruns)
    table = runs(mlruns, "q").set_index("key")
    assert table["score"].to_dict() == {"q.t07": "macro_f1", "q.t08": "accuracy"}
    assert table["test"].to_dict() == {"q.t07": 0.25, "q.t08": 0.75}
    assert table["validation"].to_dict() == {"q.t07": 0.375, "q.t08": 0.5}
    for name, test in {"accuracy": 0.75, "macro_f1": 0.25, "loss": 0.5}.items():
        assert table[f"test_{name}"].tolist() == [test, test]
    assert table["validation_macro_f1"].tolist() == [0.375, 0.375]
    assert table["validation_accuracy"].tolist() == [0.5, 0.5]


def test_a_store_that_is_not_there_has_no_runs(tmp_path):
    assert list(runs(tmp_path, "q").columns[:3]) == ["run_id", "key", "name"]
    assert len(runs(tmp_path)) == len(curves(tmp_path, None, ["m"])) == 0
    assert not list(tmp_path.iterdir())


def test_a_run_is_found_by_id_prefix_key_and_name(mlruns):
    full_run(mlruns).end("complete")
    ship(mlruns)
    run_id = read_note(mlruns, "q.t07").run_id
    for name in (run_id, run_id[:6], "q.t07", "t07 bilstm h=64"):
        assert find_run(mlruns, name).run_id == run_id
    with pytest.raises(UserError, match="run 'zzzz' is not in the store of 1 runs: give the id"):
        find_run(mlruns, "zzzz")
    with pytest.raises(UserError) as refused:
        find_run(mlruns, "q@bilstm")
    assert str(refused.value) == (
        "run 'q@bilstm' is not in the store of 1 runs: it names a model; the `run_id` of its best trial is"
        " printed by rnnsweep best q bilstm --json"
    )


def test_a_name_that_runs_of_several_sweeps_have_is_refused_with_an_id_of_each(mlruns):
    for sweep in ("q", "again"):
        full_run(mlruns, f"{sweep}.t07", tags={"rnnsweep.sweep": sweep}).end("complete")
    ship(mlruns)
    ids = {sweep: read_note(mlruns, f"{sweep}.t07").run_id for sweep in ("q", "again")}
    with pytest.raises(UserError, match="several runs have this name; give the id of one: ") as refused:
        find_run(mlruns, "t07 bilstm h=64")
    for sweep, run_id in ids.items():
        assert f"{run_id[:8]} (of sweep {sweep})" in str(refused.value)
        assert find_run(mlruns, run_id[:8]).run_id == run_id


def test_a_prefix_of_several_runs_is_refused(mlruns):
    from rnnsweep.tracking.ship.shipment import Shipment

    client = open_client(mlruns, "local")
    experiment = client.create_experiment("x")
    for n in range(2):
        client.create_run(experiment, tags={"rnnsweep.key": f"k{n}"})
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for table in ("tags", "runs"):
            connection.execute(f"UPDATE {table} SET run_uuid = 'abcd' || substr(run_uuid, 5)")
    assert Shipment  # the runs were made by another hand than the shipper's
    with pytest.raises(UserError, match="run 'abcd' fits 2 runs: give more of the id"):
        find_run(mlruns, "abcd")


def test_a_moved_store_still_shows_its_artifacts(mlruns, tmp_path):
    full_run(mlruns).end("complete")
    ship(mlruns)
    run_id = read_note(mlruns, "q.t07").run_id
    for moved in (tmp_path / "copy" / "mlruns", tmp_path / "q" / "mlruns"):
        shutil.copytree(mlruns, moved)
        client = open_client(moved, "local")
        assert {f.path for f in client.list_artifacts(run_id)} == {"config.yaml", "uncommitted.diff"}
        assert client.get_run(run_id).info.artifact_uri.startswith(moved.as_uri())
        assert client.get_experiment("0").artifact_location == f"{moved.as_uri()}/artifacts/0"
    assert {f.path for f in open_client(mlruns, "local").list_artifacts(run_id)} == {
        "config.yaml",
        "uncommitted.diff",
    }


def test_a_file_store_is_refused_with_the_command_that_migrates_it(tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "meta.yaml").write_text("x: 1")
    with pytest.raises(UserError, match="is an old MLflow file store .*mlflow migrate-filestore --source"):
        ensure_store(tmp_path)
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.slow
def test_an_older_schema_is_backed_up_and_upgraded(mlruns, capsys):
    path = mlruns / "mlflow.db"
    assert upgrade_if_old(mlruns) is None
    path.unlink()
    old = _older_store(path)
    backup = upgrade_if_old(mlruns)
    assert backup.name.startswith(f"mlflow.before-{old[:8]}")
    assert f"{path} was of an older MLflow and has been upgraded" in capsys.readouterr().err
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (old,)
    assert upgrade_if_old(mlruns) is None


def _older_store(path: Path) -> str:
    """Make a store as MLflow made it some migrations ago; give its revision."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config, create_sqlalchemy_engine
    from mlflow.store.tracking.dbmodels.initial_models import Base

    config = _get_alembic_config(f"sqlite:///{path}")
    old = [revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()][3]
    engine = create_sqlalchemy_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, old)
    engine.dispose()
    return old


def test_a_store_of_a_newer_mlflow_is_refused(mlruns):
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(UserError, match="made by a newer MLflow than the installed"):
        upgrade_if_old(mlruns)


def test_a_first_use_is_whole_and_clears_what_a_killed_one_left(template):
    assert not (template / ".mlflow-dead.db").exists()
    with closing(sqlite3.connect(f"file:{template}/mlflow.db?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def start_at_once(mlruns: Path, processes: int) -> None:
    code = (
        "import sys; from pathlib import Path; from tracking_store import open_run, ship;"
        "from rnnsweep.tracking.store.store import open_client;"
        "m = Path(sys.argv[1]);"
        "from rnnsweep.tracking.store.store import ensure_experiment, artifact_root;"
        "c = open_client(m, 'local');"
        "e = ensure_experiment(c, 'q', location=artifact_root(m) + '/q');"
        "c.log_metric(c.create_run(e, tags={'rnnsweep.key': sys.argv[2]}).info.run_id, 'm', 1.0)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(mlruns)]
    here = {"PYTHONPATH": str(Path(__file__).parent), "PATH": "/usr/bin:/bin"}
    started = [subprocess.Popen([*command, f"k{n}"], env=here) for n in range(processes)]
    assert [process.wait() for process in started] == [0] * processes
    assert sorted(runs(mlruns)["key"]) == [f"k{n}" for n in range(processes)]
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        names = connection.execute("SELECT name FROM experiments ORDER BY experiment_id").fetchall()
        assert names == [("Default",), ("q",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_eight_processes_that_start_at_once_make_one_store_each_time(tmp_path):
    for n in range(int(os.environ.get("RNNSWEEP_RACES", "3"))):
        start_at_once(tmp_path / str(n), 8)


def test_the_spool_of_a_run_stays_while_the_run_goes_on(mlruns):
    record = open_run(mlruns)
    ship(mlruns)
    record.metrics({"m": 1.0}, step=1)
    record.flush()
    assert [line["op"] for line in read_all(mlruns / "spool" / "a.jsonl")] == ["file", "start", "metrics"]


def test_files_of_a_database_of_the_users_own_lie_in_the_project_wherever_a_command_is_run(
    template, tmp_path, monkeypatch
):
    fresh_store(template, tmp_path / "theirs")
    uri, elsewhere = local_uri(tmp_path / "theirs"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    mlruns = tmp_path / "project" / "mlruns"
    with open_run(mlruns, uri=uri, config_yaml="x: 1\n"):
        pass
    assert not ship(mlruns, uri).waiting
    assert [path.name for path in (mlruns / "artifacts").rglob("config.yaml")] == ["config.yaml"]
    assert list(elsewhere.iterdir()) == []
