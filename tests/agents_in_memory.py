"""Agents in this process, behind a transport that loses, doubles, delays and reorders letters."""

import heapq
import itertools
import random
import threading
import time
from queue import Empty, SimpleQueue

from rnnsweep.launchers.agents.node.agent import Agent
from rnnsweep.launchers.agents.transport import Arrived, Gone, Room


class Mail:
    """Delivers letters from a thread of its own, as the draws of a generator say."""

    def __init__(self, *, seed=0, lost=0.0, doubled=0.0, delay_s=0.0):
        self.draw = random.Random(seed)
        self.lost, self.doubled, self.delay_s = lost, doubled, delay_s
        self.counts = {"sent": 0, "lost": 0, "doubled": 0}
        self._queue, self._order = [], itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._deliver, daemon=True).start()

    def send(self, deliver):
        with self._changed:
            self.counts["sent"] += 1
            copies = 1
            if self.draw.random() < self.lost:
                copies = 0
                self.counts["lost"] += 1
            elif self.draw.random() < self.doubled:
                copies = 2
                self.counts["doubled"] += 1
            for _ in range(copies):
                at = time.monotonic() + self.draw.random() * self.delay_s
                heapq.heappush(self._queue, (at, next(self._order), deliver))
            self._changed.notify()

    def _deliver(self):
        while not self._closed:
            with self._changed:
                if not self._queue:
                    self._changed.wait(0.05)
                    continue
                wait = self._queue[0][0] - time.monotonic()
                if wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, deliver = heapq.heappop(self._queue)
            deliver()

    def close(self):
        self._closed = True


class MemoryTransport:
    """Fulfils `Transport`; `make` returns the launcher of an agent, and `cut` names agents cut off."""

    def __init__(self, rooms, make, *, silent_s=20.0, **mail):
        self.rooms, self._make, self._silent_s = rooms, make, silent_s
        self.mail = Mail(**mail)
        self.agents, self.released, self.cut = {}, [], set()
        self._inbox = SimpleQueue()
        self.closed = False

    def ask(self, room, settings):
        agent = self.agents[settings.name] = Agent(settings, self._make(settings), silent_s=self._silent_s)
        threading.Thread(target=self._collect, args=(settings.name, agent), daemon=True).start()

    def _collect(self, name, agent):
        while not agent.over:
            letter = agent.collect(0.2)
            self._home(name, Arrived(name, letter))
        self._inbox.put(Gone(name, "it has ended", ended=True))

    def _home(self, name, message):
        if name not in self.cut:
            self.mail.send(lambda: self._inbox.put(message))

    def send(self, agent, letter):
        if agent not in self.cut:
            self.mail.send(lambda: self.agents[agent].post(letter))

    def receive(self, timeout):
        try:
            arrived = [self._inbox.get(timeout=timeout) if timeout > 0 else self._inbox.get_nowait()]
        except Empty:
            return []
        while not self._inbox.empty():
            arrived.append(self._inbox.get())
        return arrived

    def release(self, agent):
        self.released.append(agent)

    def close(self):
        self.closed = True
        for agent in self.agents.values():
            agent.close()
        self.mail.close()


def rooms(*sizes):
    return tuple(Room(f"node-{number}", str(size)) for number, size in enumerate(sizes))
