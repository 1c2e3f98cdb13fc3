"""The connection of a job to its controller: `multiprocessing.connection` over TCP, with a secret key.

Both ends prove that they know the key before anything else is read. It is in a file that only the user may
read, in a folder that all nodes see. Letters are not encrypted: the network is the cluster's own.

A connection that breaks is replaced by another one of the same process. What was lost with it is sent again
by the line between controller and agent, which numbers its messages.
"""

import os
import queue
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path

CONNECT_S = 5.0
HANDSHAKE_S = 10  # that each word of a peer may take until it has proved itself
UNPROVEN = 64  # peers at a time that have not
NAME_BYTES = 256  # of an agent's name and its process at most
LETTERS = 8  # that wait to be sent; more are lost, and sent again
GOODBYE = b""  # in place of a letter: the agent ends on purpose
_TAKEN, _REFUSED = b"taken", b"refused"  # the controller's answer to a name


class RefusedError(ConnectionError):
    """The controller expects nothing of this agent any more, or has another process of its name."""


class Peer:
    """One end of a connection; `receive` and `send` may each be called by one thread.

    Its socket is freed with it: only then no thread waits there any more.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(True)
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

    def __del__(self) -> None:
        """Free the socket; the connection does so by itself."""
        self._sock.close()


@dataclass(frozen=True)
class ControllerAddress:
    """Where a job finds its controller."""

    host: str
    port: int
    key_file: str

    def connect(self, name: str, process: str) -> Peer:
        """Connect as an agent of this name.

        Args:
            name: of the agent.
            process: a word that no other process has; later connections of an agent have the same.

        Raises:
            RefusedError: the controller does not want this agent.
            OSError, EOFError, AuthenticationError: nobody answers there, or it has another key.
        """
        key = Path(self.key_file).read_bytes()
        peer = Peer(socket.create_connection((self.host, self.port), CONNECT_S))
        peer.limit(HANDSHAKE_S)
        peer.prove(key, first=True)
        peer.send(f"{name} {process}".encode())
        if peer.receive(NAME_BYTES) != _TAKEN:
            raise RefusedError("it expects nothing of this agent")
        peer.limit(0)
        return peer


def refuse(peer: Peer) -> None:
    """Tell an agent that nothing of it is expected, and end its connection."""
    with suppress(OSError):
        peer.send(_REFUSED)
    peer.end()


class AgentConnection:
    """The controller's end of one agent, over the connections that the agent makes one after the other.

    Attributes:
        has_begun: whether the agent has connected at all.
    """

    def __init__(self, wait_s: float) -> None:
        """Wait for the first connection.

        Args:
            wait_s: seconds that an agent whose connection broke has to connect again.
        """
        self.has_begun = False
        self._wait_s = wait_s
        self._changed = threading.Condition()  # guards what follows, but for the letters
        self._peer: Peer | None = None
        self._process: str | None = None  # the only one that may connect: another one knows nothing of it
        self._ended = False
        self._letters: queue.Queue[bytes | None] = queue.Queue(LETTERS)

    @property
    def is_there(self) -> bool:
        """Whether the agent is connected."""
        return self._peer is not None

    def take(self, process: str, peer: Peer) -> bool:
        """Take a connection in place of an earlier one, or refuse it; return whether it is the first."""
        with self._changed:  # as a whole: the agent connects again as soon as it is told that it is taken
            if self._ended or self._process not in (None, process):
                refuse(peer)
                return False
            self._process = process
            try:
                peer.send(_TAKEN)  # before any letter; its buffer is empty, so that it does not block
            except OSError:
                return False
            earlier, self._peer = self._peer, peer
            is_first, self.has_begun = not self.has_begun, True
            self._changed.notify_all()
        if earlier is not None:
            earlier.end()
        return is_first

    def receive(self) -> bytes:
        """Wait for a letter of the agent, also while it connects again.

        Raises:
            EOFError: it said goodbye, did not connect again in time, or nobody wants its letters any more.
        """
        while True:
            with self._changed:
                if self._peer is None:
                    self._changed.wait_for(lambda: self._peer is not None or self._ended, self._wait_s)
                if self._ended:
                    raise EOFError("it was given up")
                peer = self._peer
            if peer is None:
                raise EOFError(
                    f"its connection broke, and it did not connect again within {self._wait_s:g} s"
                )
            try:
                letter = peer.receive()
            except (OSError, EOFError):
                self._break(peer)
                continue
            if letter == GOODBYE:
                raise EOFError("it has left")
            return letter

    def send(self, letter: bytes) -> None:
        """Send a letter soon; it is lost where the agent is not connected, or too slow."""
        if self.is_there:
            with suppress(queue.Full):
                self._letters.put_nowait(letter)

    def send_all(self) -> None:
        """Send letters until the connection is ended; for a thread of its own."""
        while not self._ended and (letter := self._letters.get()) is not None:
            peer = self._peer
            if peer is not None:
                try:
                    peer.send(letter)
                except OSError:
                    self._break(peer)

    def end(self) -> None:
        """Take nothing of the agent any more. Any thread may call it."""
        with self._changed:
            self._ended = True
            peer, self._peer = self._peer, None
            self._changed.notify_all()
        if peer is not None:
            peer.end()
        with suppress(queue.Full):
            self._letters.put_nowait(None)

    def _break(self, peer: Peer) -> None:
        """Take note that a connection broke, unless another one is there already."""
        peer.end()
        with self._changed:
            if self._peer is peer:
                self._peer = None


class ChannelListener:
    """Accepts connections of jobs.

    Attributes:
        port: where it listens.
    """

    def __init__(self, host: str, port: int, key: bytes, connected: Callable[[str, str, Peer], None]) -> None:
        """Listen.

        Args:
            host: an address or name of this machine.
            port: 0 takes a free one.
            key: that peers must know.
            connected: takes an agent's name, its process and the peer, from a thread that is the peer's own.

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
        try:
            peer = Peer(sock)
            peer.limit(HANDSHAKE_S)
            peer.prove(self._key, first=False)
            name, process = peer.receive(NAME_BYTES).decode().split(" ")
            peer.limit(0)
        except (OSError, EOFError, AuthenticationError, ValueError):
            return
        finally:
            self._unproven.release()
        self._connected(name, process, peer)
