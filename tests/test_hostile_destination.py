"""Files that name a server: none is sent anything, and none learns anything, before the user names it."""

import http.server
import os
import sqlite3
import threading
from contextlib import closing

import pytest
from tracking_store import fresh_store, open_run

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.tracking import check_answers, destination, runs, sync
from rnnsweep.tracking.ship.waiting import is_waiting
from rnnsweep.tracking.store.chosen import remember


class Theirs(http.server.BaseHTTPRequestHandler):
    """A server of somebody else, which notes who asks it for what."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *values: object) -> None:
        pass


@pytest.fixture
def theirs():
    kind = type("Kind", (Theirs,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", kind.asked
        server.shutdown()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("URI", "USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")


@pytest.fixture
def conf(home):
    """The project's conf/, in which tracking.uri is to be written."""
    (home / "conf").unlink()
    rnnsweep.config.copy_conf(home / "conf", conf=os.path.join(os.path.dirname(__file__), "..", "conf"))
    return home / "conf"


@pytest.mark.parametrize(
    "value",
    ["${oc.env:HOME}", "x ${oc.env:SECRET,none} y", "${ oc.env:HOME }", "${oc.decode:1}", "${oc.create:1}"],
)
def test_a_value_takes_nothing_from_the_environment(conf, home, value, monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")
    (conf / "tracking" / "theirs.yaml").write_text(f'run_name: "{value}"\n')
    said = r"tracking\.run_name \(conf/tracking/theirs\.yaml, line 1\): '.*': a value may refer to another"
    with pytest.raises(UserError, match=said):
        compose(["tracking=theirs"])
    with pytest.raises(UserError, match=r"may refer to another setting only"):
        compose([f"tracking.run_name='{value}'"])
    with pytest.raises(UserError, match=r"may refer to another setting only"):
        compose([f"data.text=['{value}']"])


def test_a_list_of_defaults_takes_nothing_from_the_environment(conf, monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")
    text = (conf / "config.yaml").read_text()
    (conf / "config.yaml").write_text(text.replace("model: lstm", "model: ${oc.env:SECRET}"))
    with pytest.raises(UserError, match=r"conf/config\.yaml: .*may refer to another setting only") as refused:
        compose([])
    assert "hunter2" not in str(refused.value)


def test_a_value_may_be_that_of_another_setting_or_text_that_looks_like_one():
    assert (
        compose(["model.hidden_size=${model.embedding_size}", "model.embedding_size=7"]).model.hidden_size
        == 7
    )
    assert compose([r"tracking.run_name='\${oc.env:HOME}'"]).tracking.run_name == "${oc.env:HOME}"


def test_a_server_that_conf_names_is_not_asked_and_not_sent_to(conf, theirs, capsys):
    address, asked = theirs
    (conf / "tracking" / "default.yaml").write_text(f"uri: {address}\n")
    assert main(["train", "model.hidden_size=4"]) == 2
    said = capsys.readouterr().err
    assert f"tracking.uri='{address}' (conf/): a file names this store" in said
    assert len(said.splitlines()) == 1
    assert asked == []


def test_a_server_that_a_sweep_names_is_not_asked(home, theirs):
    from simulation import write_sweep

    from rnnsweep.engine import run_sweep

    address, asked = theirs
    sweep = write_sweep(home, overrides=["data=docstrings", f"tracking.uri={address}"])
    with pytest.raises(UserError, match="a file names this store"):
        run_sweep(sweep, mlruns=home / "mlruns", launcher=None, prepare=lambda run: "corpus")
    assert asked == []


def test_a_server_that_a_spool_names_is_not_sent_to(template, tmp_path, theirs):
    address, asked = theirs
    mlruns = fresh_store(template, tmp_path / "mlruns")
    open_run(mlruns, uri=address).end("complete")
    found = sync(mlruns, deadline_s=1)
    assert found.waiting == ["a"]
    assert f"tracking.uri='{address}' (mlruns/spool): a file names this store" in found.line
    assert is_waiting(mlruns, "a")
    assert asked == []


def test_a_server_that_the_user_chose_before_is_asked_again(theirs, template, tmp_path, capsys):
    address, asked = theirs
    mlruns = fresh_store(template, tmp_path / "mlruns")
    open_run(mlruns, uri=address).end("complete")
    remember(address)
    sync(mlruns, deadline_s=0.1)
    assert asked
    assert f"runs are sent to {address}" in capsys.readouterr().err  # named before


def test_the_environments_own_server_needs_no_other_word(conf, theirs, monkeypatch):
    address, asked = theirs
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    open_run(conf.parent / "mlruns", uri=address).end("complete")
    sync(conf.parent / "mlruns", deadline_s=0.1)
    assert asked


@pytest.mark.usefixtures("account")
def test_the_account_of_the_environment_goes_to_no_other_server(theirs, tmp_path, monkeypatch):
    address, asked = theirs
    for own in ("http://box.lab:5000", address.replace("http:", "https:"), ""):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", own)
        for use in (destination, check_answers, lambda uri: runs(tmp_path, uri=uri)):
            with pytest.raises(UserError, match=r"MLFLOW_TRACKING_USERNAME is .*and goes to no other server"):
                use(address)
    assert asked == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    check_answers(address)
    assert asked == [("/health", "Basic bWU6aHVudGVyMg==")]


def test_a_token_and_mlflows_file_of_an_account_are_kept_as_well(theirs, monkeypatch, tmp_path):
    address, asked = theirs
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hunter2")
    with pytest.raises(UserError, match="MLFLOW_TRACKING_TOKEN is set without MLFLOW_TRACKING_URI"):
        check_answers(address)
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text("[mlflow]\nmlflow_tracking_username = me\n")
    with pytest.raises(UserError, match=r"\.mlflow/credentials is set without MLFLOW_TRACKING_URI"):
        check_answers(address)
    assert asked == []


def test_no_database_is_made_that_is_not_there(template, tmp_path):
    uri = f"sqlite:///{tmp_path}/theirs.db"
    mlruns = fresh_store(template, tmp_path / "mlruns")
    open_run(mlruns, uri=uri).end("complete")
    remember(uri)
    found = sync(mlruns, deadline_s=1)
    assert "there is no such database, and none is made there" in found.line
    with pytest.raises(UserError, match="there is no such database"):
        runs(mlruns, uri=uri)
    assert not (tmp_path / "theirs.db").exists()


def test_a_database_that_only_a_spool_names_is_not_touched(template, tmp_path):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE mine (text)")
    before = path.read_bytes()
    open_run(mlruns, uri=f"sqlite:///{path}").end("complete")
    assert sync(mlruns, deadline_s=1).waiting == ["a"]
    assert path.read_bytes() == before


def test_what_the_user_named_once_is_kept_for_this_user_alone(theirs):
    import platformdirs

    address, _ = theirs
    remember("http://box.lab:5000")
    remember(address)
    remember(address)
    path = platformdirs.user_config_path("rnnsweep") / "destinations"
    assert path.read_text().splitlines() == ["http://box.lab:5000", address]
    assert path.stat().st_mode & 0o077 == 0
