"""An answer of a web application held back until it is whole, so that its body can be changed."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any


class HeldAnswer:
    """Takes what an ASGI application sends; gives it on, with another body, when asked to."""

    def __init__(self, send: Callable[[Any], Awaitable[None]]) -> None:
        self._send = send
        self._start: dict[str, Any] = {}
        self.body = b""

    @property
    def status(self) -> int:
        """The HTTP status that the application chose."""
        return int(self._start["status"])

    async def take(self, message: dict[str, Any]) -> None:
        """Collect what the application sends."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self.body += message.get("body", b"")

    async def give(self, body: bytes, *, without: Collection[bytes] = ()) -> None:
        """Send the answer with this body, its own length, and none of the headers named in lower case."""
        stale = {b"content-length", *without}
        others = [(name, value) for name, value in self._start["headers"] if name.lower() not in stale]
        headers = [*others, (b"content-length", str(len(body)).encode())]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
