"""What was sent to a store, what was not, and how people are told."""

from dataclasses import dataclass, field

BUSY = "another process ships to this store"


@dataclass
class Shipped:
    """What was sent, and what waits and why."""

    runs: int = 0  # looked at
    points: int = 0
    waiting: list[str] = field(default_factory=list)  # keys with lines that the store does not have
    errors: list[str] = field(default_factory=list)  # one at most of each destination
    owned: list[str] = field(default_factory=list)  # of `waiting`, those whose processes still write them
    sweeps: list[str] = field(default_factory=list)  # running ones, of which they are

    @property
    def line(self) -> str:
        """What to tell the user; empty where there was nothing to do."""
        if not self.waiting:
            runs = runs_in_words(self.runs)
            return f"Sent {self.points} points of {runs} to the store." if self.runs else ""
        late = self.waiting
        said = []
        if self.errors in ([], [BUSY]):
            late = [key for key in self.waiting if key not in self.owned]
            if self.owned:
                said.append(self._say_owned())
        if late and self.errors == [BUSY]:
            said.append(f"{runs_in_words(len(late))} not yet in the store: another process is sending.")
        elif late and self.errors:
            said.append(
                f"{runs_in_words(len(late))} could not be sent to the store ({self.errors[0]}); kept in"
                " mlruns/spool. To try again: rnnsweep sync"
            )
        elif late:
            said.append(
                f"{runs_in_words(len(late))} not yet in the store; kept in mlruns/spool."
                " To send now: rnnsweep sync"
            )
        return " ".join(said)

    def _say_owned(self) -> str:
        runs = runs_in_words(len(self.owned))
        if not self.sweeps:
            return f"{runs} not yet whole in the store: what trains now sends the rest."
        who = "sweep" if len(self.sweeps) == 1 else "sweeps"
        verb = "sends" if len(self.sweeps) == 1 else "send"
        of = " and ".join(self.sweeps)
        return f"{runs} not yet whole in the store: the running {who} {of} {verb} the rest."


def runs_in_words(count: int) -> str:
    """Return how many runs, in words."""
    return "1 run" if count == 1 else f"{count} runs"
