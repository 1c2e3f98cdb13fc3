"""Which servers and databases this user chose: a file that a person received does not choose one.

The command line and the environment are the user's word. What they named is kept in the user's own folder,
so that a later `sync` or `compare` continues with it; what only a file of conf/, a sweep or a spool names is
refused.
"""

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from rnnsweep.errors import UserError
from rnnsweep.safety.named_once import keep_name, named_once
from rnnsweep.safety.redaction import masked

LOCAL = "local"
DESTINATIONS = "destinations"
URI = "MLFLOW_TRACKING_URI"
USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{name}" for name in ("USERNAME", "PASSWORD", "TOKEN"))
CREDENTIALS = Path(".mlflow") / "credentials"  # MLflow's own file of an account, in the user's home
STANDARD = {"http": 80, "https": 443}


def remember(target: str) -> None:
    """Keep a destination that the user named; where that cannot be written, it must be named again."""
    if target == LOCAL or target in named_once(DESTINATIONS):
        return
    with suppress(OSError, UserError):
        keep_name(DESTINATIONS, target)


def refuse_unchosen(target: str, place: str) -> None:
    """Refuse a destination that only a file names.

    Args:
        target: as `destination` resolves it.
        place: the file, for the message.

    Raises:
        UserError: with the two ways to choose it.
    """
    if target in (LOCAL, os.environ.get(URI, "").strip()) or target in named_once(DESTINATIONS):
        return
    raise UserError(
        f"tracking.uri={masked(target)!r} ({place}): a file names this store, and nothing is sent to it or"
        f" read from it before you name it: set {URI} to it, or give `train` this setting once"
    )


def refuse_foreign_account(target: str, key: str) -> None:
    """Refuse a server that would get the account that the environment has for another one.

    Raises:
        UserError: naming the variable and the server that it is for.
    """
    account = _account()
    if account is None or not target.startswith(("http://", "https://")):
        return
    own = os.environ.get(URI, "").strip()
    if not same_server(own, target):
        whose = f"is the account of {URI}={masked(own)!r}" if own else f"is set without {URI}"
        raise UserError(
            f"{key}={masked(target)!r}: {account} {whose}, and goes to no other server; set {URI} to this"
            f" one, or take {account} away"
        )


def same_server(one: str, other: str) -> bool:
    """Return whether two addresses are of one server: scheme, host and port."""
    return _origin(one) == _origin(other) is not None


def _account() -> str | None:
    for name in (USER, TOKEN):
        if os.environ.get(name):
            return name
    file = Path.home() / CREDENTIALS
    return str(file) if file.is_file() else None


def _origin(address: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in STANDARD or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or STANDARD[parts.scheme]
