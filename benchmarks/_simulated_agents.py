"""The real launcher of agents over a cluster that is simulated, all of it in the time of one clock."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from benchmarks._cluster_simulated import SimulatedCluster
from benchmarks._simulated_time import Clock
from benchmarks._simulated_world import World
from rnnsweep.launchers.agents.controller import fleet, launcher as launching
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.agents.line import RESEND_S, Line


class SimulatedAgents(AgentLauncher):
    """The launcher of agents, whose beat is called by the clock instead of a thread."""

    def __init__(self, cluster: SimulatedCluster, locker: Path) -> None:
        self._clock = cluster.clock
        self.silent_s = 0.0  # the longest time in which no agent was sent a word
        self._next_beat = 0.0
        super().__init__(cluster, machine="simulated", locker=str(locker))

    def _beat_on(self) -> None:
        """Leave the thread at once."""

    def _beat(self) -> None:
        self.silent_s = max(self.silent_s, self._clock() - self._beat_at)
        super()._beat()

    def events(self, timeout: float) -> list[Any]:
        """See `AgentLauncher.events`; what the thread would have sent between two calls is sent first."""
        now = self._clock()
        if now >= self._next_beat:
            self._next_beat = now + min(RESEND_S, launching.BEAT_S)
            super()._beat()
        before = self._beat_at
        events = super().events(timeout)
        if self._beat_at == before:
            self.silent_s = max(self.silent_s, self._clock() - before)
        return events


@contextmanager
def simulated(world: World, locker: Path) -> Iterator[tuple[SimulatedAgents, SimulatedCluster, Clock]]:
    """Yield a launcher over a cluster that is simulated, in whose time all of it works."""
    clock = Clock(world.disk_s)
    timed = SimpleNamespace(monotonic=clock, time=clock)
    with (
        mock.patch.object(launching, "time", timed),
        mock.patch.object(fleet, "time", timed),
        mock.patch.object(fleet, "Line", partial(Line, clock=clock)),
        mock.patch.object(os, "fsync", clock.sync),
    ):
        cluster = SimulatedCluster(world, clock)
        yield SimulatedAgents(cluster, locker), cluster, clock
