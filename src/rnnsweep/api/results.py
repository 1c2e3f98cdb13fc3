"""What the calls give back: plain typed values, each with a view as a DataFrame."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.safety.shell import command_line

if TYPE_CHECKING:
    import pandas

    from rnnsweep.comparison import Comparison
    from rnnsweep.state import Failure
    from rnnsweep.tasks import Score
    from rnnsweep.tracking.store.registry import Registered


class _Scored:
    """Results whose scores are attributes: those that the task has, by their names."""

    values: Mapping[str, float]

    def __getattr__(self, name: str) -> float:
        values = self.__dict__.get("values", {})
        if name in values:
            return float(values[name])
        raise AttributeError(f"{type(self).__name__} has no {name!r}; its scores are {', '.join(values)}")


@dataclass(frozen=True)
class Validation(_Scored):
    """One evaluation of the validation part, in mid-training; ``.loss`` and every score by its name."""

    epoch: float
    step: int
    score: "Score"  # the one that decides
    values: Mapping[str, float]  # natural values: every score of the task, and the loss
    running: Mapping[str, float]  # of the training part, while learning since the last validation
    seconds: float  # since the training began

    @property
    def train_loss(self) -> float | None:
        """The running loss."""
        return self.running.get("loss")


OnValidation = Callable[[Validation], None]
OnStop = Callable[[], None]


@dataclass(frozen=True)
class LoggedModels:
    """What a sweep's models are registered as."""

    name: str
    models: "tuple[Registered, ...]"
    missing: Mapping[str, str]  # architecture -> why it has none

    @property
    def champion(self) -> str | None:
        """The architecture that is ahead in the standings."""
        return next((one.architecture for one in self.models if one.champion), None)


@dataclass(frozen=True)
class TrainResult:
    """One training and where it is recorded."""

    run_id: str | None  # of MLflow; None where tracking is off; the run's key where the store does not answer
    name: str
    architecture: str
    validation: float  # natural value of `score` at the best validation
    score: "Score"  # the one that decided which validation is the best
    values: Mapping[str, float]  # all scores of that validation, and the loss
    parameters: int
    seconds: float
    epochs: float
    samples_per_second: float
    overrides: tuple[str, ...]
    checkpoint: Path | None
    stopped: str | None  # early | interrupted | None
    constant: float | None = None  # `score` of the best number of the training rows as every answer

    def __repr__(self) -> str:
        """The score and the run: what a Python prompt shows."""
        ended = f", {self.stopped}" if self.stopped else ""
        recorded = f"run {self.short_id}" if self.run_id else "not recorded"
        score = f"{_written(self.score, self.validation)} validation {self.score.title}"
        return f"{score}: {self.name} ({recorded}), {self.epochs:.3g} epochs in {self.seconds:.1f} s{ended}"

    @property
    def short_id(self) -> str:
        """What commands take for it: eight characters of MLflow's id, or its key; empty without a record."""
        run = self.run_id or ""
        return run if "." in run else run[:8]

    def frame(self) -> "pandas.DataFrame":
        """Return the result as a DataFrame of one row; each score has a column."""
        import pandas

        scores = {f"validation_{name}": value for name, value in self.values.items()}
        row = {name: value for name, value in vars(self).items() if name != "values"}
        return pandas.DataFrame([{**row, "score": self.score.name, **scores}])


@dataclass(frozen=True)
class EvaluateResult(_Scored):
    """The scores of one run on the test part: ``.loss`` and every score of the task by its name."""

    run_id: str
    name: str
    score: "Score"  # the one that decides
    titles: Mapping[str, str]  # name of each score -> as people write it
    values: Mapping[str, float]  # natural values: every score of the task, and the loss
    classes: list[dict[str, Any]]  # scores of each class, where there are classes

    def __repr__(self) -> str:
        """Every score of the test part: what a Python prompt shows."""
        titles = {**self.titles, "loss": "loss"}
        scores = ", ".join(f"{titles[name]} {value:.4f}" for name, value in self.values.items())
        return f"run {self.run_id[:8]} ({self.name}) on the test part: {scores}"

    def frame(self) -> "pandas.DataFrame":
        """Return the scores as a DataFrame of one row."""
        import pandas

        return pandas.DataFrame([{"run_id": self.run_id, "name": self.name, **self.values}])


@dataclass(frozen=True)
class BestResult:
    """The best configuration of an architecture, and how to repeat it."""

    sweep: str
    architecture: str
    run_id: str
    validation: float  # natural value
    score: "Score"  # what it is a value of
    overrides: tuple[str, ...]
    test: float | None = None  # natural mean of its replicates
    replicates: int = 0
    note: str = ""  # where validation names another architecture

    @property
    def command(self) -> str:
        """The command line that trains it again, with the same score."""
        return command_line("train", *self.overrides)

    def __repr__(self) -> str:
        """The score and the command that repeats it."""
        score = f"{self.score.title} {_written(self.score, self.validation)}"
        return f"{self.architecture}: validation {score}\n{self.command}"

    def frame(self) -> "pandas.DataFrame":
        """Return the result as a DataFrame of one row; the score by its name."""
        import pandas

        return pandas.DataFrame([{**vars(self), "score": self.score.name}])


@dataclass(frozen=True)
class SweepResult:
    """How a call of `sweep` ended, and the comparison where the sweep is finished."""

    sweep: str
    state: str  # finished | interrupted
    ran: int  # tasks that ended in this call; 0 where the sweep was finished before
    seconds: float
    slots_busy: float  # share of slot time in tasks
    trials: Mapping[str, int]  # complete, pruned, failed, running, waiting
    failures: "tuple[Failure, ...]" = ()
    comparison: "Comparison | None" = None
    models: "LoggedModels | None" = None

    def __repr__(self) -> str:
        """State, trials and the answer: what a Python prompt shows."""
        done = ", ".join(f"{number} {word}" for word, number in self.trials.items() if number)
        head = f"sweep {self.sweep}: {self.state}; trials: {done or 'none'}"
        return head if self.comparison is None else f"{head}\n{self.comparison!r}"

    def _repr_html_(self) -> str:
        """The comparison under the state: what a notebook shows."""
        head, _, rest = repr(self).partition("\n")
        return f"<p>{escape(head)}</p>{self.comparison._repr_html_() if self.comparison else escape(rest)}"

    def frame(self) -> "pandas.DataFrame":
        """Return the standings as a DataFrame; without rows where the sweep was interrupted."""
        import pandas

        return self.comparison.frame() if self.comparison else pandas.DataFrame()


OnAnswer = Callable[[SweepResult], object]


def _written(score: "Score", natural: float) -> str:
    return score.write(score.turned(natural))


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended a training or a sweep, after its checkpoints were written.

    It is a KeyboardInterrupt, so that a loop around the call ends too.

    Attributes:
        result: what was reached, as the call would have returned it.
        resume: the command that resumes it; empty where nothing was recorded.
    """

    def __init__(self, result: TrainResult | SweepResult, resume: str) -> None:
        super().__init__(f"interrupted; resume with: {resume}" if resume else "interrupted")
        self.result, self.resume = result, resume
