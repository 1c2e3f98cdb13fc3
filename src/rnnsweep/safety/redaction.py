"""Passwords in addresses: refused where they would be recorded, masked where a text is shown or written."""

import re
from urllib.parse import parse_qsl, urlsplit

from rnnsweep.errors import UserError

_IN_ACCOUNT = re.compile(r"(?<=://)([^\s/?#@:'\"]*):[^\s/?#'\"]*@")
_NAMES = "password|passwd|pwd|sslpassword|token|access_token|api_key|apikey|secret|secret_key|signature|sig"
_IN_QUERY = re.compile(rf"([?&](?:{_NAMES})=)[^\s&#'\"]+", re.IGNORECASE)
_ACCOUNT_OF_SERVER = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
# where the driver of a database looks for a password that the address does not have
_INSTEAD = {
    "http": _ACCOUNT_OF_SERVER,
    "https": _ACCOUNT_OF_SERVER,
    "postgresql": "PGPASSWORD, or a line in ~/.pgpass",
    "mysql": "a file of options, as mysql+pymysql://USER@HOST/DATABASE?read_default_file=~/.my.cnf",
}


def masked(text: str) -> str:
    """Replace passwords of addresses in a text: ``postgresql://me:***@host/x``, ``?token=***``."""
    return _IN_QUERY.sub(r"\1***", _IN_ACCOUNT.sub(r"\1:***@", text))


def has_secret(address: str) -> bool:
    """Return whether an address holds a password, a token, or an account of a web server."""
    try:
        parts = urlsplit(address)
        account = parts.username if parts.scheme in ("http", "https") else parts.password
    except ValueError:  # no address at all: whoever opens it refuses it
        return masked(address) != address
    named = re.compile(_NAMES, re.IGNORECASE)
    return account is not None or any(named.fullmatch(key) for key, _ in parse_qsl(parts.query))


def refuse_secret(key: str, address: str | None) -> None:
    """Refuse an address that holds a secret: it would be recorded with every run.

    Raises:
        UserError: naming the key, the masked address and where the secret belongs.
    """
    if address is None or not has_secret(address):
        return
    kind = urlsplit(address).scheme.split("+")[0]
    instead = _INSTEAD.get(kind, "the variable or file that its driver reads")
    raise UserError(
        f"{key}={_shown(address)!r}: an address is recorded with every run and seen in the list of processes,"
        f" so it must hold no password or token; set {instead}"
    )


def _shown(address: str) -> str:
    """Mask the password, and the user of a web server too: a token may stand in its place."""
    return re.sub(r"(?<=://)[^\s/?#@:]*@", "***@", masked(address))
