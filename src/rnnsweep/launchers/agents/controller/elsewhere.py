"""What the controller has outside of mlruns/ while trials run: checkpoints and corpora in the locker."""

import time
from contextlib import suppress

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.controller.fleet import RemoteAgent
from rnnsweep.launchers.agents.controller.home import Home
from rnnsweep.launchers.agents.corpora import CorpusSender
from rnnsweep.launchers.agents.messages import Hello, Lacks
from rnnsweep.launchers.agents.store import Store
from rnnsweep.trial import TrialTask

BRING_S = 60.0  # that checkpoints may take to come home from a locker at the end


class Elsewhere:
    """The locker of one controller, where there is one. Whoever calls it holds the launcher's lock.

    Attributes:
        is_used: whether a node has stored a file: a locker that fails after that is no mistake of the file.
    """

    def __init__(self, locker: str | None) -> None:
        """Use a locker; None has all files travel in letters.

        Raises:
            UserError: a locker of another kind, or the library for S3 is missing.
        """
        self.is_used = False
        self._store = None if locker is None else Store(locker)
        self._corpora = CorpusSender(self._store)
        self._homes: dict[str, Home] = {}  # of tasks that may resume, with files in the locker alone

    def home(self, task: TrialTask, attempt: int) -> Home:
        """Return what writes an attempt's files."""
        self._homes.pop(task.key, None)
        return Home(task, attempt, self._store)

    def check(self, machine: str, hello: Hello) -> None:
        """Refuse a node that cannot use the locker, as far as no other could.

        Raises:
            UserError: with the node, and why.
        """
        if hello.fault is not None and not self.is_used:
            raise UserError(f"machine {machine}: node {hello.node}: {hello.fault}")

    def send_corpus(self, agent: RemoteAgent, lacks: Lacks) -> None:
        """Send an agent a corpus that its node lacks."""
        uses_locker = agent.hello is not None and agent.hello.fault is None
        agent.sending.append(self._corpora.send(lacks, uses_locker))

    def ended(self, home: Home) -> None:
        """Take note of an attempt that ended: its task may resume from what lies in the locker."""
        home.close()
        if home.stored():
            self._homes[home.task.key] = home

    def close(self) -> None:
        """Fetch the checkpoints that lie in the locker alone, for a while, and remove what lies there."""
        if self._store is None:
            return
        until = time.monotonic() + BRING_S
        for home in self._homes.values():
            if time.monotonic() < until:
                with suppress(UserError, OSError):
                    home.bring()
        self._corpora.close()
        self._store.close()
