"""Our statements into MLflow's database leave what MLflow's own client leaves, and refuse what it refuses."""

import math

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.dbmodels.models import Base
from mlflow.tracking import MlflowClient
from sqlalchemy import event, select
from tracking_servers import postgres
from tracking_store import fresh_store, open_run, points, ship

from rnnsweep.tracking.store.bulk import StoreClient
from rnnsweep.tracking.store.store import local_uri, open_client

NAN, INF = math.nan, math.inf
values = st.sampled_from([0.0, -0.0, 1.0, -2.5, 3, NAN, float("nan"), INF, -INF, 1e-320, 1.7e308])
metrics = st.builds(
    Metric,
    st.sampled_from(["m", "n", "a/b", "no(such)name"]) | st.sampled_from(["m", "n"]),
    values,
    st.integers(0, 2) | st.just(1_700_000_000_000),
    st.integers(-1, 2) | st.just(2**62),
)
texts = st.sampled_from(["", "x", "y", "ü\n", "x" * 6001, "x" * 9000])
keys = st.sampled_from(["p", "q", "r.s", "ü", "no(such)name", "k" * 251]) | st.sampled_from(["p", "q"])
params = st.builds(Param, keys, texts)
tags = st.builds(RunTag, keys | st.just("mlflow.runName"), texts)
batches = st.tuples(
    st.just("log_batch"),
    st.lists(metrics, max_size=12),
    st.lists(params, max_size=3),
    st.lists(tags, max_size=4),
)
ends = st.tuples(
    st.just("set_terminated"),
    st.sampled_from(["FINISHED", "FAILED", "KILLED", "RUNNING", "DANCED"]),
    st.integers(1, 3),
)
others = st.sampled_from([("delete_run",), ("restore_run",)])
calls = st.lists(batches | batches | batches | ends | others, max_size=8)


def outcome(client, run_id, call):
    """Make one call; return what was wrong, if it was."""
    name, *values = call
    if name == "log_batch":
        values.append(True)  # at once
    try:
        getattr(client, name)(run_id, *values)
    except Exception as error:  # MLflow's, and of an unknown status a plain one
        return type(error), getattr(error, "error_code", ""), str(error).replace(run_id, "RUN")
    return None


def rows_of(client, run_id):
    """Return the rows of a run in all tables that have rows of runs."""
    found = {}
    with client._tracking_client.store.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            own = table.c.get("run_uuid", table.c.get("run_id"))
            if own is None:
                continue
            rows = connection.execute(select(table).where(own == run_id)).all()
            found[table.name] = sorted(repr(row).replace(run_id, "RUN") for row in rows)
    return found


def same_in_both(address, some_calls):
    ours, mlflows = StoreClient(address), MlflowClient(address)
    assert ours._is_database
    made = [c.create_run("0", 7, {"rnnsweep.key": "k", "u": "ü"}, "n") for c in (ours, mlflows)]
    one, other = (run.info.run_id for run in made)
    facts = [repr((dict(run.info), run.data.tags)).replace(run.info.run_id, "RUN") for run in made]
    assert facts[0] == facts[1]
    assert rows_of(ours, one) == rows_of(ours, other)
    for call in some_calls:
        assert outcome(ours, one, call) == outcome(mlflows, other, call)
        left, right = rows_of(ours, one), rows_of(mlflows, other)
        for rows in (left, right):  # the time of a deletion
            rows["runs"] = [row for row in rows["runs"] if "'deleted'" not in row]
        assert left == right


@pytest.fixture(scope="module")
def address(template, tmp_path_factory):
    return local_uri(fresh_store(template, tmp_path_factory.mktemp("bulk") / "mlruns"))


LATE_NAN = [("log_batch", [Metric("m", v, 0, 1) for v in (0.0, NAN, -0.0)], [], [])] * 2
CHANGED = [("log_batch", [], [Param("p", v)], [RunTag("t", v)]) for v in ("x", "y")]
TWICE = [("log_batch", [Metric("m", 1.0, 0, 1)], [Param("p", "x")] * 2, [])]
MANY = [("log_batch", [Metric(f"m{n % 600}", n / 3, n, -n) for n in range(1500)], [], [])] * 2


@given(calls)
@example(LATE_NAN)
@example(CHANGED)
@example(TWICE)
@example(MANY)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rows_and_the_errors_are_those_of_mlflows_client(address, some_calls):
    same_in_both(address, some_calls)


@pytest.mark.server
@pytest.mark.slow
def test_the_rows_and_the_errors_are_those_of_mlflows_client_in_postgresql(tmp_path):
    with postgres(tmp_path) as store:

        @given(calls)
        @example(LATE_NAN)
        @example(CHANGED)
        @example(TWICE)
        @example(MANY)
        @settings(max_examples=40, deadline=None)
        def same(some_calls):
            same_in_both(store, some_calls)

        same()


def test_a_run_that_does_not_exist_is_refused_as_mlflow_does(address):
    call = ("log_batch", [Metric("m", 1.0, 0, 1)], [], [])
    for run_id in ("0" * 32, "", "no(such)id"):
        wrong = [outcome(kind(address), run_id, call) for kind in (StoreClient, MlflowClient)]
        assert wrong[0] == wrong[1] is not None


def test_a_run_is_found_by_its_key_in_its_experiment_unless_it_was_deleted(address):
    client = StoreClient(address)
    experiment = client.create_experiment("found by key")
    assert client.run_of_key(experiment, "k") is None
    old, new, _ = (
        client.create_run(experiment, n, {"rnnsweep.key": key}, "n").info.run_id
        for n, key in ((1, "k"), (2, "k"), (3, "K"))
    )
    assert client.run_of_key(experiment, "k") == new
    client.delete_run(new)
    assert client.run_of_key(experiment, "k") == old
    assert client.run_of_key("0", "k'") is None


def test_no_run_is_made_in_a_deleted_experiment(address):
    deleted = MlflowClient(address).create_experiment("deleted")
    MlflowClient(address).delete_experiment(deleted)
    said = []
    for experiment in (deleted, "12345"):
        for kind in (StoreClient, MlflowClient):
            with pytest.raises(MlflowException) as error:
                kind(address).create_run(experiment, 7, {}, "n")
            said.append((error.value.error_code, str(error.value)))
    assert said[0] == said[1]
    assert said[2] == said[3]


def test_a_refused_parameter_leaves_nothing_of_its_call(address):
    client = StoreClient(address)
    run_id = client.create_run("0").info.run_id
    client.log_batch(run_id, params=[Param("p", "x")], synchronous=True)
    before = rows_of(client, run_id)
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        client.log_batch(
            run_id, [Metric("m", 1.0, 0, 1)], [Param("o", "x"), Param("p", "y")], [], synchronous=True
        )
    assert rows_of(client, run_id) == before


def test_a_trial_is_written_in_few_statements(template, tmp_path):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    record = open_run(mlruns, params={f"p.{n}": n for n in range(40)}, tags={"rnnsweep.role": "trial"})
    for step in range(1, 151):
        record.metrics({"m": step / 4, "n": -step}, step=step)
    record.end("complete")
    client, statements = open_client(mlruns, "local"), []
    engine = client._tracking_client.store.engine
    event.listen(engine, "before_cursor_execute", lambda *values: statements.append(values[2]))
    ship(mlruns, client=client)
    assert sum(not one.startswith("PRAGMA") for one in statements) <= 16  # 25 by MLflow's client
    written = [one for one in statements if not one.lstrip().startswith(("SELECT", "PRAGMA"))]
    tables = [one.split("(")[0].split()[-1] if "INSERT" in one else one.split()[1] for one in written]
    assert tables == ["experiments", "runs", "tags", "params", "metrics", "latest_metrics", "tags", "runs"]
    assert len(points(mlruns, "a")) == 150
