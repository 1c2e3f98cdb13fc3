"""MLflow's client, which writes a run into a database in few statements.

MLflow's own takes about 25 statements in 8 transactions for a run, and each statement is a way to the server
and back. Here a call is one transaction of a few statements. A call that these cannot do goes to MLflow's
own method, which does it or says what is wrong; a test compares the tables that both leave. Calls to a server
of MLflow's are MLflow's own.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.uri import append_to_uri_path
from mlflow.utils.validation import _validate_batch_log_data

from rnnsweep.tracking.store import tables

RUN_NAME = "mlflow.runName"  # a tag that MLflow also keeps as a column of the run
# a value of a row -> its type in PostgreSQL
TYPES = {"key": "varchar", "text": "varchar", "number": "float8", "time": "bigint", "step": "bigint"}
TYPES["is_nan"] = "boolean"
DRIVERS = ("pysqlite", "psycopg", "psycopg2")
Row = dict[str, Any]


class _Refused(Exception):
    """MLflow's own method is to do it, or to say why not."""


class StoreClient(MlflowClient):
    """Finds runs by key, and makes, fills and ends them, by itself where the store is a database."""

    def run_of_key(self, experiment_id: str, key: str) -> str | None:
        """Return the id of the newest run of an experiment that has the key and was not deleted."""
        if not self._is_database:
            found = self.search_runs([experiment_id], f"tags.`rnnsweep.key` = '{key}'", max_results=1)
            return str(found[0].info.run_id) if found else None
        ids: list[str | None] = []
        wanted = {"experiment": int(experiment_id), "key": key}
        self._in_transaction(lambda execute: ids.append(execute(tables.RUN_OF_KEY, wanted).scalar()))
        return ids[0]

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run.

        Args:
            experiment_id: its experiment's.
            start_time: milliseconds; None is now.
            tags: of the run.
            run_name: None is one that MLflow makes up.

        Returns:
            The run.

        Raises:
            MlflowException: the experiment is not there or was deleted, or the store does not answer.
        """
        if start_time and run_name and RUN_NAME not in (tags or {}) and self._is_database:
            made: list[Run] = []
            values = (experiment_id, start_time, {**(tags or {}), RUN_NAME: run_name})
            if self._in_transaction(_make, made, *values):
                return made[0]
        return super().create_run(experiment_id, start_time, tags, run_name)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> Any:
        """Write points, parameters and tags in one transaction.

        Args:
            run_id: the run's.
            metrics: points; one that is there already is left out.
            params: parameters; one that is there already must be the same.
            tags: tags, written over those that are there.
            synchronous: whether it is done on return; else MLflow's own method does it.

        Returns:
            None; what MLflow's own method returns where it is not synchronous.

        Raises:
            MlflowException: the run, a name or a value is not to be written, or the store does not answer.
        """
        if synchronous and self._is_database:
            rows = self._rows(metrics, params, tags)
            if rows and self._in_transaction(_write, run_id, *rows):
                return None
        return super().log_batch(run_id, metrics, params, tags, synchronous)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """Write how and when a run ended."""
        ended = {"run": run_id, "status": status, "time": end_time}
        known = status in ("FINISHED", "FAILED", "KILLED") and end_time
        if known and self._is_database and self._in_transaction(_end, ended):
            return
        super().set_terminated(run_id, status, end_time)

    @property
    def _store(self) -> Any:
        return self._tracking_client.store

    @property
    def _is_database(self) -> bool:
        """Return whether MLflow uses its plain store, by a driver that the statements are for."""
        is_plain = type(self._store).__name__ == "SqlAlchemyStore"  # not imported for a server's sake
        return is_plain and self._store.engine.dialect.driver in DRIVERS

    def _in_transaction(self, write: Any, *values: Any) -> bool:
        """Run `write` with a function that executes statements; return False where it refused."""
        with self._store.ManagedSessionMaker(read_only=False) as session:
            connection = session.connection()
            arrays = self._store.db_type == "postgresql"

            def execute(statement: str, rows: Row | list[Row]) -> Any:
                if not arrays:
                    return connection.exec_driver_sql(statement, rows)
                if isinstance(rows, list):
                    return connection.exec_driver_sql(_of_arrays(statement), _columns(rows))
                return connection.exec_driver_sql(_named(statement), rows)

            try:
                write(execute, *values)
            except _Refused:
                session.rollback()
                return False
        return True

    def _rows(
        self, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> tuple[list[Row], list[Row], list[Row]] | None:
        """Check and shorten values as MLflow does, and return them as rows; None where it is to do it."""
        of_model = any(point.model_id for point in metrics)
        named_twice = len({param.key for param in params}) < len(params)
        if of_model or named_twice or any(tag.key == RUN_NAME for tag in tags):
            return None
        try:
            _, params, tags = _validate_batch_log_data(metrics, params, tags)  # type: ignore[no-untyped-call]
        except MlflowException:
            return None
        return self._points(metrics), _texts(params), _texts(tags)

    def _points(self, metrics: Sequence[Metric]) -> list[Row]:
        """Return the points as rows, each once, the first of equal ones."""
        rows: dict[tuple[Any, ...], Row] = {}
        for point in metrics:
            is_nan, value = self._store.sanitize_metric_value(point.value)
            row = {"key": point.key, "number": float(value), "time": point.timestamp, "step": point.step}
            rows.setdefault((*row.values(), is_nan), {**row, "is_nan": is_nan})
        return list(rows.values())


def _texts(items: Sequence[Any]) -> list[Row]:
    """Return parameters or tags as rows in the order of their keys; the last of equal keys is taken."""
    return [{"key": key, "text": text} for key, text in sorted({i.key: i.value for i in items}.items())]


def _make(execute: Any, made: list[Run], experiment_id: str, start: int, tags: dict[str, str]) -> None:
    stage, folder = execute(tables.EXPERIMENT, {"experiment": int(experiment_id)}).one_or_none() or ("", "")
    if stage != "active":
        raise _Refused
    run_id = uuid.uuid4().hex
    info = RunInfo(
        run_id=run_id,
        experiment_id=experiment_id,
        user_id=tags.get("mlflow.user", "unknown"),
        status="RUNNING",
        start_time=start,
        end_time=None,
        lifecycle_stage=stage,
        artifact_uri=append_to_uri_path(folder, run_id, "artifacts"),  # type: ignore[no-untyped-call]
        run_name=tags[RUN_NAME],
    )
    row = {"run": run_id, "experiment": int(experiment_id), "name": info.run_name, "user": info.user_id}
    execute(tables.ADD_RUN, row | {"start": start, "folder": info.artifact_uri})
    entities = [RunTag(key, value) for key, value in tags.items()]
    execute(tables.SET_TAGS, _of({"run": run_id}, _texts(entities)))
    made.append(Run(info, RunData(tags=entities)))


def _write(execute: Any, run_id: str, points: list[Row], params: list[Row], tags: list[Row]) -> None:
    run = {"run": run_id}
    if execute(tables.STAGE, run).scalar() != "active":
        raise _Refused
    if params and execute(tables.ADD_PARAMETERS, _of(run, params)).rowcount != len(params):
        there = dict(execute(tables.PARAMETERS, run).all())
        if any(there[row["key"]] != row["text"] for row in params):
            raise _Refused
    if points:
        execute(tables.ADD_POINTS, _of(run, points))
        execute(tables.SET_LATEST, _of(run, _latest(points)))
    if tags:
        execute(tables.SET_TAGS, _of(run, tags))


def _end(execute: Any, ended: Row) -> None:
    if execute(tables.END_RUN, ended).rowcount != 1:
        raise _Refused


def _of(run: Row, rows: list[Row]) -> list[Row]:
    return [run | row for row in rows]


def _latest(points: Sequence[Row]) -> list[Row]:
    """Return the latest point of each metric as MLflow orders them, the first of equal ones; by key.

    Transactions that lock the rows in one order do not wait for each other for ever.
    """
    latest: dict[str, Row] = {}
    for row in points:
        known = latest.get(row["key"])
        if known is None or _order(row) > _order(known):
            latest[row["key"]] = row
    return [latest[key] for key in sorted(latest)]


def _order(row: Row) -> tuple[Any, ...]:
    return row["step"], row["time"], row["number"]


@cache
def _named(statement: str) -> str:
    """Return a statement with names of values as PostgreSQL's drivers take them."""
    return re.sub(r":(\w+)", r"%(\1)s", statement)


@cache
def _of_arrays(statement: str) -> str:
    """Return a statement for one row as one for any number of rows: a list for each column.

    A server that is sent row after row takes several times as long.
    """
    head, names, tail = re.split(r"VALUES \(:run, ([^)]*)\)", statement)
    columns = (name.strip(" :") for name in names.split(","))
    arrays = ", ".join(f"CAST(%({name})s AS {TYPES[name]}[])" for name in columns)
    return f"{head}SELECT %(run)s, rows.* FROM unnest({arrays}) AS rows {tail}"


def _columns(rows: Sequence[Mapping[str, Any]]) -> Row:
    return {name: [row[name] for row in rows] for name in rows[0]} | {"run": rows[0]["run"]}
