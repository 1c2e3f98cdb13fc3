"""What a server for several people needs, each tried: a database, files, names, accounts, parts switched off.

Before there is a server its parts are tried; a server that runs is asked from outside, as a stranger would.
"""

import http.client
import os
import socket
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rnnsweep.errors import first_line
from rnnsweep.json_text import parse_json
from rnnsweep.runtime.process import LOOPBACK
from rnnsweep.safety.redaction import has_secret, masked
from rnnsweep.safety.shell import command_line, continued
from rnnsweep.tracking.store.address import as_oneself
from rnnsweep.tracking.store.chosen import PASSWORD as OWN_PASSWORD, USER
from rnnsweep.tracking.ui.hosts import HOST, PORT

SECRET, PASSWORD = "MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_AUTH_ADMIN_PASSWORD"
SHORTEST = {SECRET: 16, PASSWORD: 12}  # characters; MLflow itself refuses passwords under 12
PATIENCE = 15.0  # seconds: the first answers of a server with accounts take some, of a busy one more
STRANGER = "stranger.example"  # a name that no server of ours is called
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
DEFAULT = "/api/2.0/mlflow/experiments/get?experiment_id=0"
DATABASE = "postgresql://USER@HOST/DATABASE"
# the assistant runs commands on the server and has no switch; the gateway spends the server's own accounts
CLOSED = {
    "assistant": "/ajax-api/3.0/mlflow/assistant/config",
    "gateway": "/gateway/mlflow/v1/models",
}
ACCOUNTS = "start it with --app-name basic-auth, else anyone who reaches it may delete all"
NAMES = "start it with --allowed-hosts NAME,..."
PROXY = "close it at the proxy, and ask by its address; the settings: rnnsweep ui --team"
SWITCHES = {
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@dataclass(frozen=True)
class Trait:
    """One point: whether it holds, what was found, and what to do where it does not hold."""

    what: str
    holds: bool
    found: str
    remedy: str = ""


def check_parts(*, store: str | None, artifacts: str | None, hosts: Sequence[str]) -> list[Trait]:
    """Try the parts of a server that is to be started."""
    return [_check_store(store), _check_artifacts(artifacts), _check_hosts(hosts), *_check_accounts()]


def _check_store(store: str | None) -> Trait:
    what = "PostgreSQL"
    if store is None:
        return Trait(what, False, "no --store", f"--store {DATABASE}")
    if not urlsplit(store).scheme.startswith("postgresql"):
        kind = urlsplit(store).scheme or "a file"
        return Trait(what, False, f"{kind} has one writer at a time", f"--store {DATABASE}")
    if has_secret(store):
        message = f"{masked(store)}: every user of this machine reads its password in the list of processes"
        return Trait(what, False, message, f"--store {DATABASE}, and PGPASSWORD or a line in ~/.pgpass")
    try:
        version, may_create = _ask_postgres(store)
    except ImportError as error:
        return Trait(what, False, f"no driver ({error.name})", "pip install 'psycopg[binary]'")
    except Exception as error:  # the driver's own kinds
        return Trait(what, False, f"{store}: {first_line(error)}", "see that it runs and lets us in")
    if not may_create:
        return Trait(what, False, "this user may not create tables", "GRANT CREATE ON SCHEMA public TO ...")
    return Trait(what, True, f"{store} answers ({version})")


def _ask_postgres(store: str) -> tuple[str, bool]:
    from sqlalchemy import create_engine, text

    engine = create_engine(store, connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            version = connection.execute(text("SHOW server_version")).scalar_one()
            right = text("SELECT has_schema_privilege(current_user, current_schema(), 'CREATE')")
            return f"version {version}", bool(connection.execute(right).scalar_one())
    finally:
        engine.dispose()


def _check_artifacts(artifacts: str | None) -> Trait:
    what = "artifact store"
    if artifacts is None:
        return Trait(what, False, "no --artifacts", "--artifacts s3://BUCKET/PATH, or a folder of the server")
    try:
        _write_probe(artifacts)
    except ImportError as error:
        return Trait(
            what,
            False,
            f"{artifacts}: {error.name} is not installed",
            command_line("install", str(error.name), program="pip"),
        )
    except Exception as error:  # of a dozen libraries
        return Trait(
            what, False, f"{artifacts}: {first_line(error)}", "see that it is there and may be written to"
        )
    return Trait(what, True, f"{artifacts} takes a file, gives it back and lets it go")


def _write_probe(artifacts: str) -> None:
    """Write a file to the store, read it back and remove it."""
    name = f"rnnsweep-probe-{uuid.uuid4().hex[:8]}"
    if urlsplit(artifacts).scheme in ("", "file"):
        path = Path(urlsplit(artifacts).path) / name
        path.write_text(name)
        path.unlink()
        return
    from rnnsweep.tracking.store.store import silence_mlflow

    silence_mlflow()
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    store: Any = get_artifact_repository(f"{artifacts.rstrip('/')}/{name}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "probe").write_text(name)
        store.log_artifact(str(Path(folder) / "probe"))
        into = Path(folder) / "back"
        into.mkdir()
        if Path(store.download_artifacts("probe", str(into))).read_text() != name:
            raise OSError("gave another file back")
    store.delete_artifacts()


def _check_hosts(hosts: Sequence[str]) -> Trait:
    what = "allowed hosts"
    if not hosts:
        return Trait(what, False, "no --host", f"--host {socket.getfqdn()}: the name that people open it by")
    if "*" in hosts:
        return Trait(what, False, "* lets any page call the server", "--host with the names that people use")
    for name in hosts:
        try:
            socket.getaddrinfo(name.rpartition(":")[0] or name, None)
        except OSError as error:
            return Trait(what, False, f"{name}: {error.strerror}", "a name that this network knows")
    return Trait(what, True, ", ".join(hosts))


def _check_accounts() -> Iterator[Trait]:
    installed = find_spec("flask_wtf") is not None
    yield Trait(
        "accounts",
        installed,
        f"mlflow[auth] is {'' if installed else 'not '}installed",
        "pip install 'mlflow[auth]'",
    )
    for name, least in SHORTEST.items():
        value = os.environ.get(name, "")
        message = f"{name} is set" if value else f"{name} is not set"
        strong = len(value) >= least and not value.lower().startswith("password")
        if value and not strong:
            message = f"{name} is weak: {least} characters or more, no word"
        yield Trait("accounts", strong, message, f"export {name}=$(openssl rand -hex 24)")


def check_server(uri: str) -> list[Trait]:
    """Ask a running server from outside."""
    address = uri.rstrip("/")
    try:
        status, version = _get(
            f"{address}/version", own=True
        )  # a server with accounts tells strangers nothing
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return [Trait("server", False, f"{address} does not answer ({reason})", "start it, see its firewall")]
    if status == 401:
        return [Trait("server", False, f"{address} wants an account", f"set {USER} and {OWN_PASSWORD}")]
    if status != 200:
        return [Trait("server", False, f"{address}/version gives {status}", "is it an MLflow server?")]
    return [
        _check_version(version),
        _check_transport(address),
        _check_status("accounts", address + SEARCH, (401,), "a stranger who asks for experiments", ACCOUNTS),
        _check_status(
            "allowed hosts", address + SEARCH, (403,), "another name in a request", NAMES, host=STRANGER
        ),
        *(
            _check_status(what, address + path, (401, 403, 404, 501), "who asks for it", PROXY, own=True)
            for what, path in CLOSED.items()
        ),
        _check_files(address),
    ]


def _check_version(version: str) -> Trait:
    from importlib.metadata import version as installed

    own = installed("mlflow")
    same = version.split(".")[:2] == own.split(".")[:2]
    return Trait(
        "server", same, f"answers, MLflow {version}; here {own}", f"pip install mlflow=={own} on both"
    )


def _check_transport(address: str) -> Trait:
    parts = urlsplit(address)
    if parts.scheme == "https":
        return Trait("transport", True, "encrypted")
    if parts.hostname in LOOPBACK:
        return Trait("transport", True, "stays on this machine")
    message = "passwords and runs cross the network in the clear"
    return Trait("transport", False, message, "put a proxy with TLS in front of it, and use https://")


def _check_status(
    what: str, url: str, wanted: Collection[int], who: str, remedy: str, **asking: Any
) -> Trait:
    """Ask for a page that somebody must not get, and see that he is refused."""
    status, _ = _get(url, **asking)
    return Trait(what, status in wanted, f"{who} gets status {status}", remedy)


def _check_files(address: str) -> Trait:
    what = "artifact store"
    status, body = _get(address + DEFAULT, own=True)
    if status != 200:
        return Trait(what, False, f"cannot be asked for (status {status})", f"set {USER} and {OWN_PASSWORD}")
    try:
        place = str(parse_json(body)["experiment"]["artifact_location"])
    except (ValueError, KeyError, TypeError):
        return Trait(what, False, "no experiment 0 in its answer", "is it an MLflow server?")
    shared = urlsplit(place).scheme not in ("", "file")
    return Trait(what, shared, f"new files go to {place}", "start it with --artifacts-destination")


def _get(url: str, *, host: str | None = None, own: bool = False) -> tuple[int, str]:
    request = as_oneself(url) if own else urllib.request.Request(url)
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status), answer.read(100_000).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code), ""


def start_lines(*, store: str | None, artifacts: str | None, hosts: Sequence[str]) -> list[str]:
    """Return the lines that start such a server on loopback; its secrets come from the environment."""
    address = store if store and not has_secret(store) else DATABASE
    switches = [f"{name}={value}" for name, value in SWITCHES.items()]
    served = ["--app-name", "basic-auth", "--host", HOST, "--port", str(PORT)]
    files = ["--artifacts-destination", artifacts or "s3://BUCKET/PATH"]
    names = ["--allowed-hosts", ",".join(hosts) or "NAME"]
    return [
        command_line(f"MLFLOW_BACKEND_STORE_URI={address}", program="export"),
        command_line(*switches, program="export"),
        continued("server", *served, *files, *names, program="mlflow"),
    ]


def proxy_lines(hosts: Sequence[str]) -> list[str]:
    """Return the settings of a proxy (Caddy) that speaks TLS before the server and closes what must be."""
    name = hosts[0].partition(":")[0] if hosts else "NAME"
    return [
        f"{name} {{",
        "    # tls internal   for a name that only this network knows",
        "    @closed path */mlflow/assistant* /gateway*",
        "    respond @closed 404",
        f"    reverse_proxy {HOST}:{PORT}",
        "}",
    ]
