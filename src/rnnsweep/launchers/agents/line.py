"""A line between a controller and an agent, over a transport that may lose, double, delay or reorder.

Messages are numbered. A letter carries those that the other end has not confirmed, and confirms what arrived
here; what is not confirmed in time is sent again. So each message arrives once, and in order.
"""

import pickle
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

RESEND_S = 1.0  # until a letter that nobody confirmed is sent again
WINDOW = 32  # messages on their way at once; the largest are pieces of files, of 1 MiB


@dataclass(frozen=True)
class Letter:
    """What travels: some messages, and how many of the other end's have arrived.

    Attributes:
        line: the name of the line; no two lines ever have the same.
        arrived: the number of the last message that arrived in order.
        first: the number of the first message in it.
        messages: some that follow each other; none in a letter that only confirms.
    """

    line: str
    arrived: int
    first: int
    messages: tuple[Any, ...] = ()

    def pack(self) -> bytes:
        """Return it as bytes, as transports carry it."""
        return pickle.dumps(self, protocol=pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def unpack(data: bytes) -> "Letter":
        """Return the letter that was packed; both ends trust each other: they run the same user's code."""
        letter = pickle.loads(data)
        assert isinstance(letter, Letter)
        return letter


class Line:
    """One end of a line. Not for several threads at once.

    Attributes:
        name: of the line.
        arrived: the number of the last message that arrived in order.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.arrived = name, 0
        self._clock = clock
        self._unconfirmed: deque[Any] = deque()
        self._confirmed = 0  # number of the last message that the other end has
        self._sent = 0  # number of the last message that was sent at least once
        self._sent_at = 0.0
        self._owes = False  # messages arrived and were not confirmed yet

    def put(self, message: Any) -> None:
        """Send a message, with the next letter."""
        self._unconfirmed.append(message)

    @property
    def waiting(self) -> int:
        """Count the messages that the other end has not confirmed."""
        return len(self._unconfirmed)

    def letter(self, *, always: bool = False) -> Letter | None:
        """Return what is to be sent now; None where nothing is, unless a letter is wanted `always`."""
        now = self._clock()
        skipped = self._sent - self._confirmed  # on their way
        if skipped and now - self._sent_at > RESEND_S:
            skipped = 0
        messages = tuple(islice(self._unconfirmed, skipped, WINDOW))
        if not (messages or self._owes or always):
            return None
        if messages:
            self._sent, self._sent_at = self._confirmed + skipped + len(messages), now
        self._owes = False
        return Letter(self.name, self.arrived, self._confirmed + skipped + 1, messages)

    def take(self, letter: Letter) -> list[Any]:
        """Take what arrived; return the messages that are new, in order."""
        if letter.line != self.name:
            return []
        while self._confirmed < letter.arrived and self._unconfirmed:
            self._unconfirmed.popleft()
            self._confirmed += 1
        self._owes = self._owes or bool(letter.messages)
        skipped = self.arrived + 1 - letter.first
        if skipped < 0:  # one before it is still on its way, and will be sent again
            return []
        new = list(letter.messages[skipped:])
        self.arrived += len(new)
        return new
