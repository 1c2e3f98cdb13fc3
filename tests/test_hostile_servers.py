"""Servers on this machine, asked by other pages, other users and by silence."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from small_models import small_model
from tracking_store import fresh_store, open_run, ship

from rnnsweep.models import connections, scoring, write_model
from rnnsweep.tracking.ui.hosts import is_own, with_own_hosts
from rnnsweep.tracking.ui.serve import EVERYBODY, start_ui


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:5000", "localhost", "LOCALHOST:1"])
def test_this_machine_may_be_called_by_its_own_names(host):
    assert is_own(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil@x:1", "localhost@evil", "[", "", "10.0.0.1:5000"]
)
def test_every_other_name_is_foreign(host):
    assert not is_own(host)


@pytest.mark.parametrize(
    "path", ["/", "/health", "/static-files/main.js", "/view/a/b", "/api/2.0/x", "/version"]
)
def test_a_foreign_name_is_refused_on_every_path(path):
    reached = []

    async def app(scope, receive, send):
        reached.append(scope["path"])

    async def send(message):
        sent.append(message)

    sent: list[dict] = []
    scope = {"type": "http", "path": path, "headers": [(b"host", b"evil.example")]}
    asyncio.run(with_own_hosts(app)(scope, None, send))
    assert (reached, sent[0]["status"]) == ([], 403)
    asyncio.run(with_own_hosts(app)({**scope, "headers": [(b"host", b"localhost:5000")]}, None, send))
    assert reached == [path]


@pytest.fixture(scope="module")
def ui(template, tmp_path_factory):
    """The UI on a store with one run that has an artifact, and a file outside that it must not serve."""
    place = tmp_path_factory.mktemp("ui")
    mlruns = fresh_store(template, place / "mlruns")
    with open_run(mlruns, config_yaml="inside: 1\n"):
        pass
    ship(mlruns)
    (place / "secret").mkdir()
    (place / "secret" / "key.txt").write_text("secret")
    (mlruns / "artifacts" / "link").symlink_to(place / "secret")
    server = start_ui(mlruns, port=5900)
    yield server.address, place
    server.close()


def ask(address: str, path: str, *, host: str = "", origin: str = "", **body: object) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"{address}{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json"}
        | ({"Host": host} if host else {})
        | ({"Origin": origin} if origin else {}),
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


API = "/api/2.0/mlflow"


@pytest.mark.server
@pytest.mark.slow
def test_the_ui_listens_on_loopback_and_answers_to_no_other_name(ui):
    address, _ = ui
    assert address.startswith("http://127.0.0.1:")
    for path in ("/", "/health", "/version", f"{API}/experiments/search?max_results=1"):
        assert ask(address, path)[0] == 200
        assert ask(address, path, host="evil.example")[0] == 403


@pytest.mark.server
@pytest.mark.slow
def test_a_page_of_another_site_writes_nothing(ui):
    address, _ = ui
    body = {"name": "by another page"}
    assert ask(address, f"{API}/experiments/create", origin="https://evil.example", **body)[0] == 403
    names = ask(address, f"{API}/experiments/search?max_results=50")[1]
    assert b"by another page" not in names


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("form", ["file://{0}/secret", "{0}/secret", "{0}/mlruns/artifacts/link"])
def test_an_experiment_whose_artifacts_lie_elsewhere_gives_none(ui, form):
    address, place = ui
    location = form.format(place)
    status, answer = ask(address, f"{API}/experiments/create", name=form, artifact_location=location)
    if status != 200:
        return  # refused when it is made
    experiment = json.loads(answer)["experiment_id"]
    run = json.loads(ask(address, f"{API}/runs/create", experiment_id=experiment, start_time=1)[1])["run"][
        "info"
    ]
    inside = Path(run["artifact_uri"].removeprefix("file://"))
    with contextlib.suppress(OSError):  # what the run's own folder below the place would be
        inside.mkdir(parents=True)
        (inside / "key.txt").write_text("secret")
    listed = ask(address, f"{API}/artifacts/list?run_id={run['run_id']}")
    read = ask(address, f"/get-artifact?path=key.txt&run_uuid={run['run_id']}")
    assert b"secret" not in read[1]
    assert b"key.txt" not in listed[1]
    assert read[0] >= 400


@pytest.mark.server
@pytest.mark.slow
def test_artifacts_below_mlruns_are_served(ui):
    address, _ = ui
    found = json.loads(ask(address, f"{API}/runs/search", experiment_ids=["1"])[1])["runs"]
    run = found[0]["info"]["run_id"]
    assert b"config.yaml" in ask(address, f"{API}/artifacts/list?run_id={run}")[1]
    assert ask(address, f"/get-artifact?path=config.yaml&run_uuid={run}")[1] == b"inside: 1\n"


@pytest.mark.server
@pytest.mark.slow
def test_assistant_and_gateway_are_closed(ui):
    address, _ = ui
    for path in ("/ajax-api/3.0/mlflow/assistant/config", "/gateway/mlflow/v1/models"):
        assert ask(address, path)[0] == 404


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGKILL], ids=["its terminal closes", "it is killed"])
def test_the_ui_ends_with_its_terminal(template, tmp_path, end):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    process = subprocess.Popen(
        [sys.executable, "-m", "rnnsweep", "ui", "--port", "5930"],
        env={**os.environ, "RNNSWEEP_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup around the tests ignores it
    )
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if "Ctrl-C" in line:
            break
    address = next(line for line in said if "127.0.0.1:" in line)  # a line on a taken port may be the first
    port = int(address.split("127.0.0.1:")[1].split("/")[0])
    assert EVERYBODY in said
    assert mlruns.is_dir()
    process.send_signal(end)
    process.wait(30)
    process.stdout.close()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.2)
    raise AssertionError("the UI still answers")


def test_serve_answers_no_page_that_loads_scripts_from_elsewhere(monkeypatch):
    app = scoring.application(small_model())
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        status, body = get(app, path)
        assert status == 404, path
        assert b"http" not in body
    assert get(app, "/")[0] == get(app, "/health")[0] == 200


def get(app, path: str) -> tuple[int, bytes]:
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "method": "GET",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:5001")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 5001),
        "scheme": "http",
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_a_request_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(scoring, "BODY_S", 0.1)

    async def receive():
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b" ", "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {"type": "http", "path": "/invocations", "method": "POST", "headers": headers}
    asyncio.run(scoring.guarded(None)(scope, receive, send))
    assert sent[0]["status"] == 408


def test_an_answer_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(scoring, "ANSWER_S", 0.1)

    async def slow(scope, receive, send):
        await asyncio.sleep(60)

    assert get(scoring.guarded(slow), "/")[0] == 503


@pytest.mark.server
@pytest.mark.slow
def test_silent_connections_keep_nobody_out(tmp_path):
    folder = write_model(small_model(), tmp_path / "model")
    code = (
        "import sys; from pathlib import Path; from rnnsweep.models import connections, read_model, scoring;"
        "connections.REQUEST = 3.0; scoring.serve(read_model(Path(sys.argv[1])), port=5940)"
    )
    process = subprocess.Popen([sys.executable, "-uc", code, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split(" answers at ")[1].split("/invocations")[0]
        port = int(address.rpartition(":")[2])
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections.MOST + 20)]
        for one in silent[::2]:
            with contextlib.suppress(OSError):
                one.sendall(b"GET / HTTP/1.1\r\nHost: 127")  # half a head
        end = time.monotonic() + 20
        while True:
            try:
                status = ask(address, "/health")[0]
            except OSError:  # closed: there are too many
                status = 0
            if status == 200:
                break
            assert time.monotonic() < end
            time.sleep(0.3)
        for one in silent:
            one.close()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
