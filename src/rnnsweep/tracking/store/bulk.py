"""MLflow's client of a database that writes a run in few statements.

MLflow's own takes about 25 statements in 8 transactions for a run, and each statement is a way to the server
and back. Here a call is one transaction of a few statements. A call that these cannot do goes to MLflow's
own method, which does it or says what is wrong; a test compares the tables that both leave.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking import MlflowClient
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


class DatabaseClient(MlflowClient):
    """Writes points, parameters, tags and ends of runs by itself."""

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> Any:
        """Write points, parameters and tags in one transaction."""
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
        return type(self._store) is SqlAlchemyStore and self._store.engine.dialect.driver in DRIVERS

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
