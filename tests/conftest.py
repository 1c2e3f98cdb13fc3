"""Settings of the whole suite: its own folders for caches and records, the real rows where they lie."""

import os
import shutil
import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from rnnsweep.config import RunConfig

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["RNNSWEEP_COMPILE_AHEAD"] = "0"  # a test that makes a project leaves no process behind
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the repository's conf/ and a copy of its sweeps/; mlruns/ is not there yet."""
    place = tmp_path / "home"
    place.mkdir()
    (place / "conf").symlink_to(ROOT / "conf")
    shutil.copytree(ROOT / "sweeps", place / "sweeps")
    monkeypatch.setenv("RNNSWEEP_HOME", str(place))
    monkeypatch.chdir(place)
    return place


@pytest.fixture(autouse=True)
def no_destinations(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who named no server yet."""
    monkeypatch.setenv(
        "XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / f"config-{os.urandom(6).hex()}")
    )


@pytest.fixture(autouse=True)
def no_proxies() -> None:
    """Python keeps the proxies of the environment from a process's first request on: another test's."""
    urllib.request.install_opener(None)  # type: ignore[arg-type]


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder that the processes of a suite have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A token cache of the suite's own, shared by its processes."""
    folder = shared_folder(tmp_path_factory) / "rnnsweep-cache"
    before = os.environ.get("RNNSWEEP_CACHE")
    os.environ["RNNSWEEP_CACHE"] = str(folder)
    yield folder
    os.environ.pop("RNNSWEEP_CACHE") if before is None else os.environ.update(RNNSWEEP_CACHE=before)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store made once; MLflow takes seconds to make one. A killed process left half of one there."""
    from rnnsweep.tracking.store.store import ensure_store

    mlruns = shared_folder(tmp_path_factory) / "template" / "mlruns"
    mlruns.mkdir(parents=True, exist_ok=True)
    with FileLock(mlruns.with_suffix(".lock")):
        if not (mlruns / "mlflow.db").exists():
            (mlruns / ".mlflow-dead.db").write_bytes(b"half a database")
            ensure_store(mlruns)
    return mlruns


@pytest.fixture(scope="session")
def ag_news() -> Path:
    """The folder of the AG News rows, or a skip that says where they were looked for."""
    shared = Path(os.environ.get("RNNSWEEP_SHARED", ROOT.parent / "shared" / "data"))
    folder = shared / "ag_news"
    if not (folder / "train.csv").is_file():
        pytest.skip(f"no AG News rows in {folder}; set RNNSWEEP_SHARED to the folder above ag_news/")
    return folder


@pytest.fixture(scope="session")
def short_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of made-up rows that a network learns in a second."""
    from short_trainings import write_rows

    path = tmp_path_factory.mktemp("short") / "rows.csv"
    write_rows(path)
    return path


@pytest.fixture
def settings(short_rows: Path) -> "Callable[..., RunConfig]":
    """Compose a run over these rows from overrides."""
    from short_trainings import SETTINGS

    from rnnsweep.config import compose

    return lambda *overrides: compose([*SETTINGS, f"data.train={short_rows}", *overrides])
