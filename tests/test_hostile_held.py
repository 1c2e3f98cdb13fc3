"""What was never a way in stays none: configurations, arrays, names from servers, pages, caches."""

import io
import json
import pickle
import threading
import zipfile
from contextlib import suppress
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from sweep_records import make_runs

from rnnsweep.comparison.predictions import read_predictions
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.verdicts.compare import compare_records
from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tracking.store.registry import found_model


class Touches:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "override",
    [
        *(
            "hydra.run.dir={place}",
            "hydra/launcher=basic",
            "hydra.job.chdir=true",
            "hydra.callbacks.x._target_=os.system",
        ),
        *(
            "+hydra.searchpath=[file://{place}]",
            "+model._target_=os.system",
            "model._target_=os.system",
            "~model",
        ),
        *("--config-dir={place}", "--multirun", "hydra.sweeper.params.x=1", "model=../../etc/passwd", "+x=1"),
    ],
)
def test_keys_of_hydra_and_names_of_code_are_refused_and_make_nothing(home, override):
    with pytest.raises(UserError):
        compose([override.format(place=home / "made")])
    assert sorted(path.name for path in home.iterdir()) == ["conf", "sweeps"]


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "!!python/object/apply:pathlib.Path.touch ['{seen}']",
            "!!python/name:os.system",
            "!!python/module:os",
        ),
        *("!!python/object/new:pathlib.Path ['{seen}']", "!own x"),
    ],
)
def test_tags_of_yaml_in_a_sweep_file_are_refused_and_run_nothing(tmp_path, tag):
    seen, path = tmp_path / "seen", tmp_path / "x.yaml"
    path.write_text(f"# A question\narchitectures: [lstm]\ntrials: {tag.format(seen=seen)}\nspace: {{}}\n")
    with pytest.raises(UserError) as refused:
        read_sweep(path)
    assert len(str(refused.value).splitlines()) <= 2
    assert not seen.exists()


def test_arrays_that_are_pickles_run_nothing(tmp_path):
    seen, path = tmp_path / "seen", tmp_path / "test_predictions.npz"
    objects = np.array([Touches(seen)], dtype=object)
    np.savez(path, targets_N=objects, predictions_N=objects)
    assert read_predictions(path) is None
    path.write_bytes(pickle.dumps(Touches(seen)))
    assert read_predictions(path) is None
    assert not seen.exists()


def test_parts_of_an_archive_that_are_no_arrays_are_not_read(tmp_path):
    path = tmp_path / "test_predictions.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("targets_N", "predictions_N"):  # NumPy hands out a part without .npy as bytes
            archive.writestr(name, b"1234")
    assert read_predictions(path) is None


def test_arrays_that_unpack_to_more_than_a_test_part_are_not_read(tmp_path):
    path = tmp_path / "test_predictions.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<i8", "fortran_order": False, "shape": (1 << 28,)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("targets_N.npy", "predictions_N.npy"):
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(header.getvalue())
                for _ in range(300):
                    file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    assert read_predictions(path) is None


class Attributes(HTMLParser):
    """Collects the names of all attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.update(name for name, _ in attrs)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a' onmouseover='x", '"><img src=x onerror=y>', "</style>"]
)
def test_foreign_words_are_text_in_a_report(name):
    runs = make_runs({name: 0.7, "lstm": 0.6})
    page = render_report(compare_records(runs, sweep=name, facts={name: name}))
    assert "<" not in name or name == "</style>" or name not in page
    attributes = Attributes()
    attributes.feed(page)
    assert not [one for one in attributes.names if one.startswith("on")]
    assert "<img" not in page
    assert page.count("<script") == page.count("</style>") == 1  # its own


class Hostile(BaseHTTPRequestHandler):
    """A tracking server whose model's files are called as paths elsewhere."""

    paths = ("../../../../evil.txt", "/tmp/evil.txt", "a/../../../evil.txt")

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("registered-models/alias"):
            version = {"name": "m", "version": "1", "source": "mlflow-artifacts:/m", "creation_timestamp": 1}
            self._say({"model_version": version | {"last_updated_timestamp": 1, "status": "READY"}})
        elif path.endswith("mlflow-artifacts/artifacts"):
            self._say({"files": [{"path": one, "is_dir": False, "file_size": 4} for one in self.paths]})
        else:
            self._say({"evil": 1})

    do_POST = do_GET

    def _say(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *values: object) -> None:
        pass


def test_names_of_artifacts_from_a_server_are_no_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "deep" / "er" / "still"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "deep" / "er" / "still").mkdir(parents=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with suppress(Exception), found_model(tmp_path / "mlruns", "m", "champion", uri=address):
            pass
        server.shutdown()
    assert list(tmp_path.rglob("evil*")) == []
    assert not Path("/tmp/evil.txt").exists()


def test_servers_listen_on_this_machine_alone():
    from rnnsweep.models.scoring import listen
    from rnnsweep.tracking.ui import hosts

    with listen(5350) as socket:
        assert socket.getsockname()[0] == "127.0.0.1"
    assert hosts.HOST == "127.0.0.1"


def test_compiled_loops_are_kept_in_the_users_own_cache_and_not_beside_the_data(tmp_path, monkeypatch):
    from numba import config

    monkeypatch.chdir(tmp_path)
    assert not config.CACHE_DIR or not Path(config.CACHE_DIR).is_relative_to(tmp_path)
