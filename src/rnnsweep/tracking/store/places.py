"""Where a store says that files lie: which of these addresses files are sent to or fetched from.

What a server answers decides no file of this machine and no other server: MLflow would write a run's files to
any folder that the run's address names, and send the environment's account to any host of a
``mlflow-artifacts://HOST/`` address.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rnnsweep.runtime.process import LOOPBACK
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.chosen import same_server
from rnnsweep.tracking.store.store import artifact_path

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CLOUDS = ("s3", "gs", "abfss", "wasbs", "dbfs")
OWN = "mlflow-artifacts"  # files that the tracking server itself hands on
OF_A_RUN = re.compile(r"/(m-)?[0-9a-f]{32}/artifacts/?$")  # how MLflow ends the folder of a run or a model
MOST_STEPS = 5  # of an address that names a run or model that names another


def why_refused(mlruns: Path, target: str, address: str | None, *, fetched: bool = False) -> str:
    """Return why no file is sent to or fetched from an address of a store; "" where it may be.

    Args:
        mlruns: the folder of results.
        target: the store, as `destination` resolves it.
        address: as the store names it.
        fetched: files are read there, not written.
    """
    if target == LOCAL:
        return "" if artifact_path(mlruns, address) else "outside mlruns/artifacts/"
    parts, by_server = urlsplit(address or ""), target.startswith(("http://", "https://"))
    if parts.scheme == OWN:
        named = f"{urlsplit(target).scheme}://{parts.netloc}"
        return "" if not parts.netloc or same_server(named, target) else "of another server"
    if parts.scheme in ("", "file"):
        # a database is shared by people who share its folders; a server on this machine has the same ones
        here = not by_server or (urlsplit(target).hostname in LOOPBACK and not fetched)
        if not here:
            return "a folder of this machine, which a server names"
        return "" if fetched or OF_A_RUN.search(parts.path) else "not the folder of a run or model"
    return "" if parts.scheme in CLOUDS else "of a kind that is not known"


def resolved(client: "MlflowClient", address: str) -> str:
    """Follow an address that names a run or a model to the place where the files lie.

    Raises:
        ValueError: it leads from one to the next without end.
        MlflowException: the store knows no such run or model.
    """
    for _ in range(MOST_STEPS):
        scheme, _, rest = address.partition(":")
        name, _, below = rest.strip("/").partition("/")
        if scheme == "runs":
            address = f"{client.get_run(name).info.artifact_uri.rstrip('/')}/{below}"
        elif scheme == "models" and name.startswith("m-"):
            address = str(client.get_logged_model(name).artifact_location)
        elif scheme == "models":
            address = str(client.get_model_version_download_uri(name, below))
        else:
            return address
    raise ValueError("its address leads from one model to the next")
