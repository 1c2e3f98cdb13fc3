"""The names that a request may call a server on this machine by.

A page of another site can let its own name lead to 127.0.0.1 (DNS rebinding), and its requests then count as
those of one origin; they carry that name as their host.
"""

import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from rnnsweep.errors import UserError

Application = Callable[[Any, Any, Any], Awaitable[None]]
HOST = "127.0.0.1"
HOSTS = (HOST, "localhost")
PORT = 5000  # that the UI tries first
TRIES = 50  # ports that are tried after the one asked for


def why_taken(port: int) -> str:
    """Return why a server cannot listen on a port of this machine; empty where it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            return getattr(error, "strerror", None) or str(error)
    return ""


def free_port(first: int) -> int:
    """Return the first free port from `first` on.

    Raises:
        UserError: none is free.
    """
    ports = range(first, min(first + TRIES, 65536))
    for port in ports:
        if not why_taken(port):
            return port
    raise UserError(f"port={first}: none of {first} to {ports.stop - 1} is free; give another with --port")


def is_own(host: str) -> bool:
    """Return whether a header ``Host`` names this machine, with any port."""
    try:
        return urlsplit(f"//{host}").hostname in HOSTS
    except ValueError:
        return False


def with_own_hosts(app: Application) -> Application:
    """Answer 403 to every request, on every path, that calls this machine by another name."""
    from starlette.responses import PlainTextResponse  # commands that start no server know the names too

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        named = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"host"]
        if scope["type"] == "lifespan" or all(map(is_own, named)):
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            words = f"this server answers as {' or '.join(HOSTS)} only"
            await PlainTextResponse(words, 403)(scope, receive, send)

    return guarded
