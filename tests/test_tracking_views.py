"""What the UI shows: names, views, links."""

import asyncio
import json
import re
import socket
import sqlite3
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from tracking_store import fresh_store, open_run, ship, unpack

from rnnsweep.cli.commands.answers import print_views
from rnnsweep.drawing.palette import colour
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.outcome import Outcome
from rnnsweep.state.watching.status import read_status
from rnnsweep.tracking.machine.provenance import provenance
from rnnsweep.tracking.naming import as_text, companion, from_text, run_name, with_log_companions
from rnnsweep.tracking.spool.note import Note, write_note
from rnnsweep.tracking.ui import hosts, running
from rnnsweep.tracking.ui.app import with_defaults
from rnnsweep.tracking.ui.hosts import PORT, free_port, why_taken
from rnnsweep.tracking.ui.links import key_of_sweep, knows_views, page_behind, page_of_last, sweep_links
from rnnsweep.tracking.ui.live import live_page, with_own_pages
from rnnsweep.tracking.ui.running import address_of_ui, note_ui
from rnnsweep.tracking.ui.saved_view import pack
from rnnsweep.tracking.ui.views import (
    EXPERIMENT,
    SweepPicture,
    answered_description,
    compared_views,
    description,
    experiment_tags,
    page_of,
)

PICTURE = SweepPicture(
    question="Which?",
    architectures=["lstm", "gru"],
    searched=["optimizer.lr", "model.hidden_size"],
    log_scaled=["optimizer.lr"],
)


def test_names_read():
    params = {
        "model": "bilstm",
        "model.hidden_size": 128,
        "optimizer.lr": 0.00213,
        "model.bidirectional": True,
    }
    assert (
        run_name("bilstm", params, role="trial", number=7) == "t07 bilstm h=128 lr=0.0021 bidirectional=true"
    )
    assert run_name("gru", role="replicate", number=2, seed=7) == "r02 gru seed=7"
    assert run_name("linear") == "linear"


@pytest.mark.parametrize("value", [None, True, False, 3, -1, 0.001, 1e-9, "adam", "1a", ""])
def test_a_value_reads_back_as_it_was_written(value):
    assert from_text(as_text(value)) == value


def test_long_values_are_cut_and_lists_are_written_as_overrides():
    assert len(as_text("x" * 10_000)) == 6000
    assert as_text(["a", 1, None]) == "[a, 1, null]"


def test_a_log_companion_stands_beside_its_parameter():
    assert with_log_companions({"optimizer.lr": 0.01, "x": 0}, log_scaled=["optimizer.lr", "x", "none"]) == {
        "optimizer.lr": 0.01,
        "x": 0,
        "optimizer.log10_lr": -2.0,
    }
    assert companion("seed") == "log10_seed"


def test_a_view_that_mlflow_wrote_is_read():
    from mlflow.demo.generators import saved_views as mlflows

    written = mlflows._serialize_trace_saved_view(mlflows.DEMO_TRACE_V4_SAVED_VIEW, 5)
    assert unpack(written) == (mlflows.DEMO_TRACE_V4_SAVED_VIEW.name, mlflows.DEMO_TRACE_V4_SAVED_VIEW.state)


def test_a_view_is_written_as_mlflow_writes_it():
    from mlflow.demo.generators import saved_views as mlflows

    definition = mlflows.DemoTraceSavedViewDef(id="x", name="n", tag_prefix="p", state={"a": [1, None]})
    theirs, ours = (
        json.loads(text)
        for text in (
            mlflows._serialize_trace_saved_view(definition, 5),
            pack("n", {"a": [1, None]}, created_ms=5),
        )
    )
    assert theirs.items() <= ours.items()


def test_a_view_too_large_for_a_tag_is_refused():
    with pytest.raises(ValueError, match="more than 20000"):
        pack("n", {"a": [hash(str(n)) for n in range(5000)]}, created_ms=0)


def states(picture: SweepPicture) -> dict:
    tags = experiment_tags(picture, created_ms=1)
    return dict(unpack(text) for name, text in tags.items() if name.startswith("mlflow.sharedViewState."))


def test_a_sweep_has_four_views():
    assert list(states(PICTURE)) == ["Standings", "Search", "Learning curves", "Failures"]


def test_standings_group_replicates_by_architecture_best_first():
    view = states(PICTURE)["Standings"]
    assert view["orderByKey"] == "metrics.`test/accuracy`"
    assert view["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "rnnsweep.architecture"}]
    assert view["groupsExpanded"]["tag.rnnsweep.architecture.gru"] is False
    assert view["selectedColumns"][:2] == ["metrics.`test/accuracy`", "metrics.`test/macro_f1`"]


def test_standings_count_of_a_baseline_with_replicates_these_alone():
    for refit, chosen in (
        (True, "tags.`rnnsweep.role` != 'trial' AND tags.`rnnsweep.replicate` != ''"),
        (False, "tags.`rnnsweep.role` != 'trial' AND tags.`rnnsweep.role` != 'sweep'"),
    ):
        assert states(replace(PICTURE, refit=refit))["Standings"]["searchFilter"] == chosen


def test_standings_without_replicates_show_the_best_trial():
    view = states(SweepPicture(question="?", architectures=["gru"], replicated=False))["Standings"]
    assert view["groupBy"]["aggregateFunction"] == "max"
    assert view["searchFilter"] == "tags.`rnnsweep.role` = 'trial'"
    assert "metrics.`test/accuracy`" not in view["selectedColumns"]


def test_search_draws_every_hyperparameter_on_its_scale():
    charts = states(PICTURE)["Search"]["compareRunCharts"]
    shown = [chart for chart in charts if not chart["deleted"]]
    assert shown[0]["selectedParams"] == ["model", "optimizer.log10_lr", "model.hidden_size"]
    assert [c["xaxis"]["key"] for c in shown[1:]] == ["optimizer.log10_lr", "model.hidden_size"]


def test_what_one_architecture_has_alone_is_no_axis_that_would_hide_the_others():
    own = replace(PICTURE, shared=["optimizer.lr"])
    charts = [chart for chart in states(own)["Search"]["compareRunCharts"] if not chart["deleted"]]
    together = [chart["selectedParams"] for chart in charts if chart["type"] == "PARALLEL"]
    assert together == [["model", "optimizer.log10_lr"]]
    assert [chart["xaxis"]["key"] for chart in charts if chart["type"] == "SCATTER"] == [
        "optimizer.log10_lr",
        "model.hidden_size",
    ]


def test_a_view_of_forty_architectures_and_thirty_parameters_fits_a_tag():
    many = SweepPicture(
        question="?", architectures=[f"a{n}" for n in range(40)], searched=[f"model.p{n}" for n in range(30)]
    )
    assert len(states(many)) == 4


def test_there_are_no_links_until_the_store_knows_the_experiment(tmp_path):
    assert sweep_links(tmp_path, "q", "q.abcd") == {}
    assert page_of("3", "search") == (
        "#/experiments/3/runs?workflowType=machine_learning&viewStateShareKey=search&compareRunsMode=CHART"
    )


def start_of(mlruns, sweep: str, **note) -> None:
    """Leave what the start of a sweep leaves, and what its shipper noted."""
    folder = SweepFolder.of(mlruns, sweep)
    folder.make()
    folder.write_start({"identity": "abcd", "asked": {}, "corpus": "", "configuration": "", "code": ""})
    write_note(mlruns, f"{sweep}.abcd", Note(run_id="r", experiment_id="3", **note))


@contextmanager
def server_of(version: bytes, account: str = ""):
    """A server that says which version of MLflow it is, to whom it knows where it has accounts."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            known = not account or self.headers["Authorization"] == account
            self.send_response((200 if known else 401) if self.path == "/version" else 404)
            self.end_headers()
            self.wfile.write(version if known else b"who are you?")

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_links_of_the_own_ui_fit_on_a_line_and_lead_to_the_views(tmp_path):
    start_of(tmp_path, "q=1", destination="local")
    links = sweep_links(tmp_path, "q=1", key_of_sweep(tmp_path, "q=1"))
    assert links["Learning curves"] == f"http://127.0.0.1:{free_port(PORT)}/view/q%3D1/curves"
    for link in links.values():
        page = page_behind(unquote(urlsplit(link).path), {"q=1": "3"})
        assert page.startswith("/#/experiments/3/runs?workflowType=machine_learning&viewStateShareKey=")
    assert key_of_sweep(tmp_path, "other") is None


def test_the_short_address_leads_to_the_last_sweep_or_to_all_runs():
    assert page_of_last("3").startswith(
        "/#/experiments/3/runs?workflowType=machine_learning&viewStateShareKey="
    )
    assert page_of_last(None) == "/#/experiments?workflowType=machine_learning"


@pytest.mark.parametrize("path", ["/view/q/dance", "/view/other/search", "/view/", "/", "/view/q/search/x"])
def test_an_address_of_no_view_leads_nowhere(path):
    assert page_behind(path, {"q": "3"}) is None


@pytest.mark.parametrize(
    ("version", "titles"),
    [
        (b"3.17.2", ["Standings", "Search", "Learning curves", "Failures"]),
        (b"4.0.0.dev0", ["Standings", "Search", "Learning curves", "Failures"]),
        (b"3.14.0", ["Experiment"]),
        (b"2.9", ["Experiment"]),
        (b"\xff\xfe", ["Experiment"]),
        (b"", ["Experiment"]),
    ],
)
def test_a_server_that_knows_no_views_gets_a_plain_link(tmp_path, version, titles):
    with server_of(version) as base:
        start_of(tmp_path, "q", destination=base)
        links = sweep_links(tmp_path, "q", "q.abcd")
        assert list(links) == titles
        assert all(link.startswith(f"{base}/#/experiments/3") for link in links.values())
    assert not knows_views(base)  # it has gone


@pytest.mark.parametrize(
    ("account", "environment"),
    [
        ("Basic bWU6czpl", {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "s:e"}),
        ("Bearer abc", {"MLFLOW_TRACKING_TOKEN": "abc"}),
    ],
)
def test_a_server_with_accounts_is_asked_with_the_account_of_the_environment(
    tmp_path, monkeypatch, account, environment
):
    with server_of(b"3.17.2", account) as base:
        assert not knows_views(base)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert not knows_views(base)  # an account is sent to the server of the environment alone
        monkeypatch.setenv("MLFLOW_TRACKING_URI", base)
        start_of(tmp_path, "q", destination=base)
        links = sweep_links(tmp_path, "q", "q.abcd")
        assert list(links) == ["Standings", "Search", "Learning curves", "Failures"]
        assert all(link.startswith(f"{base}/#/experiments/3") for link in links.values())


def test_an_address_that_an_earlier_version_noted_with_an_account_has_no_links(tmp_path):
    start_of(tmp_path, "q", destination="http://me:secret@127.0.0.1:9")
    assert sweep_links(tmp_path, "q", "q.abcd") == {}


def test_a_store_that_is_no_server_has_no_links(tmp_path):
    start_of(tmp_path, "q", destination="postgresql://h/db")
    assert sweep_links(tmp_path, "q", "q.abcd") == {}


def test_the_links_are_printed_under_an_answer(home, capsys):
    print_views("q")
    start_of(home / "mlruns", "q", destination="local")
    print_views("q")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["All runs: rnnsweep ui", "All runs: rnnsweep ui, and then"]
    assert lines[2] == f"  Standings        http://127.0.0.1:{free_port(PORT)}/view/q/standings"
    assert len(lines) == 6
    assert all(len(line) <= 80 for line in lines)


def test_the_ui_leads_from_a_short_address_to_its_page(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("CREATE TABLE tags (run_uuid, key, value)")
        connection.execute("CREATE TABLE runs (run_uuid, experiment_id, lifecycle_stage)")
        connection.execute("INSERT INTO runs VALUES ('r', 7, 'active')")
        rows = [("r", "rnnsweep.role", "sweep"), ("r", "rnnsweep.sweep", "q")]
        connection.executemany("INSERT INTO tags VALUES (?, ?, ?)", rows)
        connection.commit()
    app = with_own_pages(_page, tmp_path)
    start, _ = asyncio.run(_ask(app, "/view/q/search"))
    assert start["status"] == 307
    assert dict(start["headers"])[b"location"].startswith(b"/#/experiments/7/runs?")
    start, body = asyncio.run(_ask(app, "/view/q/dance"))
    assert (start["status"], body["body"]) == (404, b"no such view; sweeps here: q")
    assert asyncio.run(_ask(app, "/"))[0]["status"] == 200


def test_the_short_address_leads_to_the_search_of_a_sweep_until_it_has_a_replicate(tmp_path):
    def leads_to(view: str) -> bool:
        start, _ = asyncio.run(_ask(with_own_pages(_page, tmp_path), "/view"))
        return f"viewStateShareKey={view}&".encode() in dict(start["headers"])[b"location"]

    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("CREATE TABLE tags (run_uuid, key, value)")
        connection.execute(
            "CREATE TABLE runs (run_uuid, experiment_id INTEGER, lifecycle_stage, start_time INTEGER)"
        )
        connection.execute("CREATE TABLE experiment_tags (experiment_id INTEGER, key, value)")
        for place, role in enumerate(("sweep", "trial")):
            connection.execute("INSERT INTO runs VALUES (?, 7, 'active', ?)", (role, place))
            connection.execute("INSERT INTO tags VALUES (?, 'rnnsweep.role', ?)", (role, role))
        connection.execute(
            "INSERT INTO experiment_tags VALUES (7, 'mlflow.note.content', ?)", (description("Which?"),)
        )
        connection.commit()
        assert leads_to("search")
        connection.execute("UPDATE experiment_tags SET value = 'the answer'")  # a sweep without replicates
        connection.commit()
        assert leads_to("standings")
        connection.execute("UPDATE experiment_tags SET value = ?", (description("Which?"),))
        connection.execute("INSERT INTO runs VALUES ('r', 7, 'active', 3)")
        connection.execute("INSERT INTO tags VALUES ('r', 'rnnsweep.role', 'replicate')")
        connection.commit()
        assert leads_to("standings")


def test_the_description_asks_the_question_and_links_the_views():
    text = experiment_tags(PICTURE, created_ms=1)["mlflow.note.content"]
    assert text.startswith("**Which?**")
    assert text.count(f"(#/experiments/{EXPERIMENT}/runs?") == 4


def test_provenance_tells_commit_versions_hardware_and_command(root):
    found = provenance(root)
    assert {"git.commit", "versions", "python", "command", "cpu", "cores", "memory_gb", "gpu"} <= set(found)
    assert "torch=" in found["versions"]
    found.clear()
    assert provenance(root)


def test_a_folder_that_is_no_repository_has_no_commit(tmp_path):
    assert provenance(tmp_path)["git.commit"] == "unknown"


async def _ask(app, path: str) -> list[dict]:
    said: list[dict] = []

    async def send(message: dict) -> None:
        said.append(message)

    await app({"type": "http", "path": path}, None, send)
    return said


async def _page(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"13")]})
    await send({"type": "http.response.body", "body": b"<head>", "more_body": True})
    await send({"type": "http.response.body", "body": b"</head>"})


def test_the_assistant_is_switched_off(tmp_path):
    app = with_own_pages(_page, tmp_path)
    assert asyncio.run(_ask(app, "/ajax-api/3.0/mlflow/assistant/config"))[0]["status"] == 404
    assert asyncio.run(_ask(app, "/"))[0]["status"] == 200


def test_the_start_page_brings_the_colours_of_the_architectures(tmp_path):
    connection = sqlite3.connect(tmp_path / "mlflow.db")
    connection.execute("CREATE TABLE tags (key, value)")
    names = [("rnnsweep.architecture", "gru"), ("rnnsweep.architecture", "</script>x"), ("other", "lstm")]
    connection.executemany("INSERT INTO tags VALUES (?, ?)", names)
    connection.commit()
    connection.close()
    start, body = asyncio.run(_ask(with_defaults(_page, tmp_path), "/"))
    page = body["body"].decode()
    assert f'"tag.rnnsweep.architecture.gru": "{colour("gru")}"' in page
    assert (page.count("</script>"), "lstm" in page) == (1, False)
    assert dict(start["headers"])[b"content-length"] == str(len(page)).encode()
    assert len(asyncio.run(_ask(with_defaults(_page, tmp_path), "/other"))) == 3


def test_links_lead_to_the_port_that_the_running_ui_took(tmp_path):
    assert address_of_ui(tmp_path) == f"http://127.0.0.1:{free_port(PORT)}"
    note_ui(tmp_path, 5003, ProcessIdentity.current())
    start_of(tmp_path, "q", destination="local")
    links = sweep_links(tmp_path, "q", "q.abcd")
    assert links["Standings"] == "http://127.0.0.1:5003/view/q/standings"
    gone = {**ProcessIdentity.current().record(), "ticks": 1}
    (tmp_path / "ui.json").write_text(json.dumps({"port": 5003, "process": gone}))
    assert address_of_ui(tmp_path) == f"http://127.0.0.1:{free_port(PORT)}"
    (tmp_path / "ui.json").write_text("[torn")
    assert address_of_ui(tmp_path) == f"http://127.0.0.1:{free_port(PORT)}"


def test_links_have_the_port_that_the_ui_would_take_where_another_program_has_the_first(
    tmp_path, monkeypatch
):
    start_of(tmp_path, "q", destination="local")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(running, "PORT", taken)
        port = free_port(taken)
        assert port > taken
        standings = sweep_links(tmp_path, "q", "q.abcd")["Standings"]
        assert standings == f"http://127.0.0.1:{port}/view/q/standings"
        monkeypatch.setattr(hosts, "TRIES", 1)
        assert address_of_ui(tmp_path) == f"http://127.0.0.1:{taken}"


def test_a_taken_port_is_known_by_one_probe():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert "in use" in why_taken(port)
    assert why_taken(port) == ""


def test_the_description_of_a_compared_sweep_has_answer_standings_report_and_says_what_failed():
    text = answered_description(
        "Which?", "gru is ahead.", "| a | b |", ["gru beats lstm."], experiment="3", run="ab12", failed=0
    )
    report = "[Report](#/experiments/3/runs/ab12/artifacts/report.html)"
    assert text.startswith(
        f"**Which?** {report}, nothing failed. Means over replicates: view Standings"
    )  # the page shows this line above each view
    assert "gru is ahead." in text
    assert "- gru beats lstm." in text
    assert "| a | b |" in text
    assert text.endswith(": nothing failed")
    alone = answered_description(
        "W?", "a", "t", [], experiment="3", run="r", failed=2, replicated=False
    ).splitlines()[0]
    assert alone.endswith("2 failed")  # one trial of each architecture: there are no means


def test_the_ui_has_a_page_of_running_sweeps_and_each_sweeps_report(tmp_path):
    async def mlflow(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"mlflow"})

    app = with_own_pages(mlflow, tmp_path)
    assert b"No sweep was started yet" in asyncio.run(_ask(app, "/live"))[1]["body"]
    folder = SweepFolder.of(tmp_path, "q")
    folder.make()
    start_of(tmp_path, "q", destination="local")
    with closing(folder.ledger()) as ledger:
        ledger.write("open", slots=2, trials=5, architectures=["gru"], replicates=3, more={})
    assert asyncio.run(_ask(app, "/report/q"))[0]["status"] == 404
    folder.report.write_text("<p>answer</p>")
    page = asyncio.run(_ask(app, "/live"))[1]["body"].decode()
    assert "gru" in page
    assert "nothing failed" in page
    assert 'href="/report/q"' in page
    assert 'http-equiv="refresh"' in page
    assert asyncio.run(_ask(app, "/report/q"))[1]["body"] == b"<p>answer</p>"
    assert asyncio.run(_ask(app, "/report/../q"))[0]["status"] == 404
    assert asyncio.run(_ask(app, "/other"))[1]["body"] == b"mlflow"


@pytest.mark.parametrize(("failed", "name"), [(0, "Failures: nothing failed"), (3, "Failures: 3")])
def test_the_name_of_the_view_of_failures_says_how_many_there_are(failed, name):
    (value,) = compared_views(failed, None, created_ms=1).values()
    before = experiment_tags(PICTURE, created_ms=1)["mlflow.sharedViewState.failures"]
    assert unpack(value) == (name, unpack(before)[1])


def test_after_a_comparison_the_axes_of_learning_curves_end_where_the_curves_do():
    seen = replace(PICTURE, ranges={"validation/accuracy": (0.87, 0.93)})
    tags = compared_views(0, seen, created_ms=1)
    assert list(tags) == ["mlflow.sharedViewState.failures", "mlflow.sharedViewState.curves"]
    title, view = unpack(tags["mlflow.sharedViewState.curves"])
    ranges = {one["metricKey"]: one.get("range") for one in view["compareRunCharts"] if not one["deleted"]}
    assert title == "Learning curves"
    assert ranges["validation/accuracy"] == {"yMin": 0.87, "yMax": 0.93}
    assert ranges["validation/loss"] == {}


def test_the_page_of_a_running_sweep_has_its_learning_curves_and_the_time_left(template, tmp_path):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    folder = SweepFolder.of(mlruns, "q")
    folder.make()
    start_of(mlruns, "q", destination="local")
    tags = {"rnnsweep.sweep": "q", "rnnsweep.role": "trial", "rnnsweep.architecture": "gru"}
    with open_run(mlruns, folder.key("gru-0"), experiment="q", tags=tags) as run:
        for step, value in ((10, 0.5), (20, 0.75)):
            run.metrics({"validation/accuracy": value}, step=step)
    ship(mlruns)
    Outcome("complete", scores={"validation": 0.75, "direction": "higher"}).write(folder.task("gru-0").path)
    with folder.hold():
        write_events(folder)
        status = read_status(mlruns, "q")
        page = live_page(mlruns)
    assert status.eta == pytest.approx(5 * 60.0)  # four trials and a replicate, of a minute each
    assert "running, about 5:00 min left, nothing failed" in page
    curve = re.search(r'<polyline[^>]* points="([^"]+)"', page)[1].split()
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in curve)
    assert x0 < x1
    assert y0 > y1  # upwards
    assert page.index("<polyline") < page.index("<table>")  # curves first
    assert "validation accuracy" in page


def write_events(folder: SweepFolder) -> None:
    """Write a ledger of one slot in which a trial took a minute."""
    with closing(folder.ledger()) as ledger:
        ledger.write("open", slots=1, trials=5, architectures=["gru"], replicates=1, more={})
        ledger.write("start", name="gru-0", slot=0)
        ledger.write("end", name="gru-0")
    lines = [json.loads(line) for line in (folder.path / "ledger.jsonl").read_text().splitlines()]
    for line in lines:
        line["time"] = 1000.0 + 60.0 * (line["event"] == "end")
    (folder.path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
