"""What a stranger could hand over: configurations, corpora, spools. Nothing in them runs, each is refused."""

import os
import pickle
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
from tracking_store import fresh_store, open_run, points, ship

from rnnsweep.config import compose
from rnnsweep.data import prepare
from rnnsweep.errors import UserError
from rnnsweep.tracking import sync
from rnnsweep.tracking.ship.waiting import is_waiting

CONF = Path(__file__).parents[1] / "conf"


class Touches:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def conf(tmp_path):
    """A folder of configuration whose files are the project's, to be spoilt."""
    folder = tmp_path / "conf"
    folder.mkdir()
    for entry in CONF.iterdir():
        if entry.name != "model":
            (folder / entry.name).symlink_to(entry)
    (folder / "model").mkdir()
    (folder / "model" / "lstm.yaml").symlink_to(CONF / "model" / "lstm.yaml")
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "cell: !!python/object/apply:pathlib.Path.touch [{path}]",
        "cell: !!python/object/apply:os.system ['touch {path}']",
        "_target_: pathlib.Path.touch\nself: {path}",
        "cell: ${{oc.env:HOME}}",
        "cell: gru\n__class__: {path}",
    ],
)
def test_a_configuration_that_names_code_is_refused_and_runs_nothing(conf, tmp_path, text):
    seen = tmp_path / "seen"
    (conf / "model" / "evil.yaml").write_text(text.format(path=seen) + "\n")
    with pytest.raises(UserError) as refused:
        compose(["model=evil"], conf=conf)
    assert len(str(refused.value).splitlines()) <= 2
    assert not seen.exists()


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "..", "lstm/../../secret"])
def test_an_option_outside_of_its_folder_is_refused(conf, tmp_path, name):
    (tmp_path / "secret.yaml").write_text("cell: gru\n")
    with pytest.raises(UserError, match="model"):
        compose([f"model={name}"], conf=conf)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "tsv", "pkl", "npy"])
def test_a_corpus_that_is_a_pickle_is_refused_and_runs_nothing(tmp_path, ending):
    corpus, seen = tmp_path / f"rows.{ending}", tmp_path / "seen"
    corpus.write_bytes(pickle.dumps(Touches(seen)))
    with pytest.raises(UserError, match=r"rows|data\.train"):
        prepare(compose(["data=files", f"data.train={corpus}"]).data)
    assert not seen.exists()


@pytest.mark.parametrize("uri", ["file:///etc", "ftp://host/x", "javascript:x", "../../elsewhere"])
def test_a_spool_for_a_store_that_is_none_stays_where_it_is(tmp_path, monkeypatch, uri):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    open_run(tmp_path, uri=uri).end("complete")
    found = sync(tmp_path, deadline_s=1)
    assert found.waiting == ["a"]
    assert "must be http://" in found.line
    assert len(found.line.splitlines()) == 1
    assert is_waiting(tmp_path, "a")
    assert not (tmp_path / "mlflow.db").exists()


@contextmanager
def full_disk(size: int):
    """No file of this process grows beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_store_whose_disk_is_full_gets_every_point_once_when_there_is_room(template, tmp_path):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    with open_run(mlruns) as run:
        for step in range(3000):
            run.metrics({"m": step / 3}, step=step)
    with full_disk(100_000), pytest.raises(Exception, match=r"disk|full|I/O|large"):
        ship(mlruns)
    assert is_waiting(mlruns, "a")
    ship(mlruns)
    assert points(mlruns, "a") == [(step, step / 3) for step in range(3000)]
    assert not is_waiting(mlruns, "a")
    assert os.listdir(mlruns / "spool") == ["notes"]
