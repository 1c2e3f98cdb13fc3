"""MLflow on PostgreSQL with its files in a bucket of S3: runs and files arrive, and come back."""

import pytest
from s3_server import account, s3_server
from tracking_servers import free_port, mlflow_server, postgres
from tracking_store import open_run

from rnnsweep.tracking import Shipper, runs

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_runs_lie_in_postgresql_and_their_files_in_the_bucket(tmp_path, monkeypatch):
    psycopg = pytest.importorskip("psycopg")
    mlruns, port, bucket = tmp_path / "mlruns", free_port(), tmp_path / "served" / "bucket"
    bucket.mkdir(parents=True)
    address = f"http://127.0.0.1:{port}"
    with postgres(tmp_path) as store, s3_server(tmp_path / "served") as endpoint:
        account(monkeypatch, endpoint)
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", endpoint)
        with mlflow_server(tmp_path / "server", port, store, artifacts="s3://bucket/mlflow"):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            with Shipper(mlruns, address) as shipper:
                with open_run(mlruns, "a", uri=address, config_yaml="x: 1\n") as record:
                    for step in range(1, 51):
                        record.metrics({"m": step / 50}, step=step)
                assert shipper.drain(120) == []
            assert runs(mlruns, uri=address)["state"].tolist() == ["complete"]
        with psycopg.connect(store) as connection:
            (points,) = connection.execute("SELECT count(*) FROM metrics WHERE key = 'm'").fetchone()
    assert points == 50
    (made,) = bucket.rglob("config.yaml")
    assert made.read_text() == "x: 1\n"
