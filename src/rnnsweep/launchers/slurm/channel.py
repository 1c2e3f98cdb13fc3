"""The connection of a job to its controller: `multiprocessing.connection` over TCP, with a secret key.

Both ends prove that they know the key before anything else is read. It is in a file that only the user may
read, in a folder that all nodes see. Letters are not encrypted: the network is the cluster's own.
"""

import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path

CONNECT_S = 10.0
HANDSHAKE_S = 10  # that each word of a peer may take until it has proved itself
UNPROVEN = 64  # peers at a time that have not
NAME_BYTES = 256  # of an agent's name at most


class Peer:
    """One end of a connection; `receive` and `send` may each be called by one thread."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(True)
        self._sock = sock
        self._connection = Connection(os.dup(sock.fileno()))

    def prove(self, key: bytes, *, first: bool) -> None:
        """Prove to know the key, and let the other end prove it; one of both is `first` to be asked.

        Raises:
            OSError, EOFError, AuthenticationError: it does not, or takes too long.
        """
        if first:
            answer_challenge(self._connection, key)
            deliver_challenge(self._connection, key)
        else:
            deliver_challenge(self._connection, key)
            answer_challenge(self._connection, key)

    def limit(self, seconds: int) -> None:
        """Set how long a read may wait; 0 is for ever."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, 0))

    def send(self, data: bytes) -> None:
        """Send bytes; blocks while the other end reads nothing.

        Raises:
            OSError: the connection has ended.
        """
        self._connection.send_bytes(data)

    def receive(self, most: int | None = None) -> bytes:
        """Wait for bytes.

        Raises:
            EOFError, OSError: the connection has ended, or there are more than `most`.
        """
        return self._connection.recv_bytes(most)

    def end(self) -> None:
        """End the connection: whoever waits for it returns. Any thread may call it."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free what belongs to it; no thread may use it any more."""
        self.end()
        self._connection.close()
        self._sock.close()


@dataclass(frozen=True)
class ControllerAddress:
    """Where a job finds its controller."""

    host: str
    port: int
    key_file: str

    def connect(self, name: str) -> Peer:
        """Connect as an agent of this name.

        Raises:
            OSError, EOFError, AuthenticationError: nobody answers there, or it has another key.
        """
        key = Path(self.key_file).read_bytes()
        peer = Peer(socket.create_connection((self.host, self.port), CONNECT_S))
        try:
            peer.limit(HANDSHAKE_S)
            peer.prove(key, first=True)
            peer.send(name.encode())
            peer.limit(0)
        except BaseException:
            peer.close()
            raise
        return peer


class ChannelListener:
    """Accepts connections of jobs.

    Attributes:
        port: where it listens.
    """

    def __init__(self, host: str, port: int, key: bytes, connected: Callable[[str, Peer], None]) -> None:
        """Listen.

        Args:
            host: an address or name of this machine.
            port: 0 takes a free one.
            key: that peers must know.
            connected: takes an agent's name and its peer, from a thread that is the peer's own.

        Raises:
            OSError: this machine has no such address, or the port is taken.
        """
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._server = socket.create_server((str(address[0]), port), family=family, backlog=UNPROVEN)
        self.port: int = self._server.getsockname()[1]
        self._key, self._connected = key, connected
        self._unproven = threading.Semaphore(UNPROVEN)
        threading.Thread(target=self._listen, name="listener", daemon=True).start()

    def close(self) -> None:
        """Accept nobody any more."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            if self._unproven.acquire(blocking=False):
                threading.Thread(target=self._greet, args=(sock,), daemon=True).start()
            else:
                sock.close()

    def _greet(self, sock: socket.socket) -> None:
        peer = Peer(sock)
        try:
            peer.limit(HANDSHAKE_S)
            peer.prove(self._key, first=False)
            name = peer.receive(NAME_BYTES).decode()
            peer.limit(0)
        except (OSError, EOFError, AuthenticationError, ValueError):
            peer.close()
            return
        finally:
            self._unproven.release()
        self._connected(name, peer)
