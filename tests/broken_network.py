"""A network whose connections break: a proxy that ends them, takes no new ones, or carries nothing."""

import select
import socket
import threading
from contextlib import suppress


class Proxy:
    """Carries bytes between those that connect to its port and another port of this machine.

    Attributes:
        port: where it listens.
        is_open: whether new connections are carried; others are ended at once.
        taken: connections that were carried.
    """

    def __init__(self, target):
        self._target, self.is_open, self.taken = target, True, 0
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._server.getsockname()[1]
        self._pairs = []  # one entry a connection: its two ends, and whether it carries nothing
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self):
        """End all connections."""
        for pair in self._pairs:
            pair.end()
        self._pairs = []

    def silence(self):
        """Carry nothing any more on the connections of now, and end none: as where packets are dropped."""
        for pair in self._pairs:
            pair.is_silent = True

    def close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _listen(self):
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            if not self.is_open:
                near.close()
                continue
            self.taken += 1
            self._pairs.append(_Pair(near, socket.create_connection(("127.0.0.1", self._target))))


class _Pair:
    def __init__(self, *ends):
        self._ends, self.is_silent = ends, False
        threading.Thread(target=self._carry, daemon=True).start()

    def end(self):
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _carry(self):
        other = dict(zip(self._ends, reversed(self._ends), strict=True))
        with suppress(OSError):
            while True:
                for end in select.select(self._ends, (), ())[0]:
                    data = end.recv(1 << 16)
                    if not data:
                        raise ConnectionError
                    if not self.is_silent:
                        other[end].sendall(data)
        self.end()
        for end in self._ends:
            end.close()
