"""Whether there is a Ray cluster at an address, within seconds: Ray itself may wait for a minute."""

import os
import socket
from importlib.util import find_spec
from pathlib import Path

from rnnsweep.errors import UserError

CONNECT_S = 3.0
AUTO = "auto"
# what a client of HTTP/2 begins with, and the kind of frame with which a server of gRPC answers, as Ray does
_HELLO, _SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), 4
_CURRENT = Path("/tmp/ray/ray_current_cluster")  # where `ray start` notes the address of this host's cluster


def check_reachable(address: str, *, place: str) -> None:
    """Refuse an address at which nobody listens.

    Args:
        address: ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``.
        place: the file that says so, for messages.

    Raises:
        UserError: Ray is not installed, the address does not read, or nobody listens there.
    """
    if find_spec("ray") is None:
        raise UserError(f"{place}: engine ray needs Ray", remedy="pip install 'rnnsweep[cluster]'")
    where = f"{place}: address={address!r}"
    target = _current() if address == AUTO else address.removeprefix("ray://")
    if target is None:
        raise UserError(
            f"{where}: no Ray cluster runs on this machine",
            remedy="start one with `ray start --head`, or give HOST:PORT of its head",
        )
    host, _, port = target.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal():
        raise UserError(f"{where}: must be auto, HOST:PORT or ray://HOST:PORT")
    try:
        with socket.create_connection((host, int(port)), CONNECT_S) as link:
            is_ray = bool(os.environ.get("RAY_USE_TLS")) or _answers(link)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{where}: no Ray cluster answers at {target} ({reason})",
            remedy="`ray start --head` prints its address",
        ) from None
    if not is_ray:
        raise UserError(
            f"{where}: what listens at {target} is no Ray cluster: it does not answer as one",
            remedy="`ray start --head` prints its address",
        )


def _answers(link: socket.socket) -> bool:
    """Return whether a server of gRPC is at the other end: Ray tries for 20 s to speak to any other."""
    try:
        link.sendall(_HELLO)
        return link.recv(4, socket.MSG_WAITALL)[3:] == bytes((_SETTINGS,))
    except OSError:
        return False


def _current() -> str | None:
    """Return the address of the cluster that `auto` means: the environment's, or this host's."""
    named = os.environ.get("RAY_ADDRESS")
    if named:
        return named.removeprefix("ray://")
    try:
        return _CURRENT.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
