"""Where runs go: the local store in mlruns/, or a user's own MLflow server that must answer at the start."""

import os
import socket
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from rnnsweep.errors import UserError
from rnnsweep.runtime.process import spare_loopback
from rnnsweep.safety.redaction import masked, refuse_secret
from rnnsweep.tracking.store.chosen import (
    LOCAL as LOCAL,
    PASSWORD,
    TOKEN,
    URI,
    USER,
    refuse_foreign_account,
    refuse_unchosen,
    same_server,
)

PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PATIENCE = 2.5  # seconds; with the rest of a start it stays under three


def destination(uri: str | None) -> str:
    """Resolve the setting `tracking.uri`: itself, else MLFLOW_TRACKING_URI, else the local store.

    Raises:
        UserError: an address that is neither a server nor a database, that holds a password, or that would
            get the account of another server; a database file that is not there, as none is made.
    """
    chosen = (uri or os.environ.get(URI) or LOCAL).strip()
    refuse_secret(_key(uri), chosen)
    scheme = urlsplit(chosen).scheme.split("+")[0]
    refuse_foreign_account(chosen, _key(uri))
    if scheme == "sqlite":
        _refuse_absent(chosen, _key(uri))
    if chosen == LOCAL or scheme in ("http", "https", "sqlite", *PORTS) or chosen.startswith("databricks"):
        return chosen
    raise UserError(
        f"{_key(uri)}={chosen!r}: must be http://, https://, sqlite:///, postgresql:// or local "
        "(MLflow no longer takes folders as stores)"
    )


def named_by_file(uri: str | None, place: str) -> str | None:
    """Return the store that a file names, if the user chose it before.

    Raises:
        UserError: only the file names it.
    """
    if uri is not None:
        refuse_unchosen(uri.strip(), place)
    return uri


def _refuse_absent(target: str, key: str) -> None:
    path = Path(target.partition(":///")[2].partition("?")[0])
    if not path.is_file():
        raise UserError(f"{key}={target!r}: there is no such database, and none is made there")


def check_answers(uri: str | None, *, patience_s: float = PATIENCE) -> str:
    """Resolve the setting and see that a server answers; give the destination.

    Raises:
        UserError: it does not, with what is wrong and how to use the local store.
    """
    target = destination(uri)
    fault = _knock_in_time(target, patience_s)
    if fault:
        raise UserError(
            f"{_key(uri)}={masked(target)!r} does not answer ({fault}): start the "
            f"server, or record in this project's own store with tracking.uri={LOCAL}"
        )
    return target


def _knock_in_time(target: str, patience_s: float) -> str | None:
    """Return what is wrong; a server may dribble for ever, so the time is measured from outside."""
    faults: list[str] = []

    def knock() -> None:
        try:
            _knock(target, patience_s)
        except (OSError, ValueError, HTTPException) as error:
            faults.append(_reason(error, patience_s))

    knocker = threading.Thread(target=knock, daemon=True)
    knocker.start()
    knocker.join(patience_s)
    silent = f"no word within {patience_s:g} s"
    return silent if knocker.is_alive() else (faults[0] if faults else None)


def _knock(target: str, patience_s: float) -> None:
    parts = urlsplit(target)
    kind = parts.scheme.split("+")[0]
    if kind in ("http", "https"):
        _knock_http(target.rstrip("/") + "/health", patience_s)
    elif kind in PORTS:
        address = (parts.hostname or "localhost", parts.port or PORTS[kind])
        socket.create_connection(address, timeout=patience_s).close()


def _knock_http(url: str, patience_s: float) -> None:
    spare_loopback()
    try:
        urllib.request.urlopen(as_oneself(url), timeout=patience_s).close()
    except urllib.error.HTTPError as error:  # it answers: what it says to a stranger is another matter
        error.close()


def _reason(error: Exception, patience_s: float) -> str:
    inner = getattr(error, "reason", error)
    if isinstance(inner, TimeoutError):
        return f"no word within {patience_s:g} s"
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def as_oneself(url: str) -> urllib.request.Request:
    """Make the request for a page, with the account of the environment where it is for this server."""
    request = urllib.request.Request(url)
    if not same_server(os.environ.get(URI, "").strip(), url):
        return request
    if user := os.environ.get(USER):
        pair = b64encode(f"{user}:{os.environ.get(PASSWORD, '')}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {pair}")
    elif os.environ.get(TOKEN):
        request.add_unredirected_header("Authorization", f"Bearer {os.environ[TOKEN]}")
    return request


def _key(uri: str | None) -> str:
    return "tracking.uri" if uri else URI
