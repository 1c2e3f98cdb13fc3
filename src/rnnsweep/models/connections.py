"""Connections to the scoring server: so many at once, and each must ask or go.

Uvicorn bounds neither the number of open connections nor the time that one takes to send its request, so a
hundred sockets that say nothing would keep everybody else out.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 64  # connections at a time
REQUEST = 20.0  # seconds that a connection may take to send the head of a request
LOOK = 1.0  # seconds between two looks at a connection


class BoundedConnection(H11Protocol):
    """A connection that is closed where there are too many, or where it sends no request in time."""

    def connection_made(self, transport: Any) -> None:
        """Take the connection, or close it."""
        super().connection_made(transport)
        self._last = asyncio.get_running_loop().time()
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._look_later()

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(LOOK, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        now = asyncio.get_running_loop().time()
        if self.cycle is not None and not self.cycle.response_complete:
            self._last = now  # a request is being read or answered: the application has its own limits
        if now - self._last > REQUEST:
            self.transport.abort()
        else:
            self._look_later()
