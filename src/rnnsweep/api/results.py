"""What the calls give back: plain typed values, each with a view as a DataFrame."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.shell import command_line

if TYPE_CHECKING:
    import pandas

    from rnnsweep.comparison import Comparison
    from rnnsweep.state import Failure
    from rnnsweep.tracking.store.registry import Registered


@dataclass(frozen=True)
class Validation:
    """One look at the validation part, in mid-training."""

    epoch: float
    step: int
    accuracy: float
    loss: float
    train_loss: float | None
    seconds: float  # since the training began
    train_accuracy: float | None = None  # running, since the last look


OnValidation = Callable[[Validation], None]


@dataclass(frozen=True)
class LoggedModels:
    """What a sweep's models are registered as."""

    name: str
    models: "tuple[Registered, ...]"
    missing: Mapping[str, str]  # architecture -> why it has none

    @property
    def champion(self) -> str | None:
        """The architecture with the best validation over its replicates."""
        return next((one.architecture for one in self.models if one.champion), None)


class _Framed:
    """Results of one row."""

    def frame(self) -> "pandas.DataFrame":
        """Give the result as a DataFrame of one row."""
        import pandas

        return pandas.DataFrame([asdict(self)])  # type: ignore[call-overload]


@dataclass(frozen=True)
class TrainResult(_Framed):
    """One training and where it is recorded."""

    run_id: str | None  # of MLflow; None where tracking is off; the run's key where the store does not answer
    name: str
    architecture: str
    validation: float  # best validation accuracy
    parameters: int
    seconds: float
    epochs: float
    samples_per_second: float
    overrides: tuple[str, ...]
    checkpoint: Path | None
    stopped: str | None  # early | interrupted | None


@dataclass(frozen=True)
class EvaluateResult(_Framed):
    """The scores of one run on the test part."""

    run_id: str
    name: str
    accuracy: float
    macro_f1: float
    loss: float


@dataclass(frozen=True)
class BestResult(_Framed):
    """The best trial of a sweep, and how to repeat it."""

    sweep: str
    architecture: str
    run_id: str
    validation: float
    overrides: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command line that trains it again, with the same score."""
        return command_line("train", *self.overrides)


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

    def frame(self) -> "pandas.DataFrame":
        """Give the standings as a DataFrame; without rows where the sweep was interrupted."""
        import pandas

        return self.comparison.frame() if self.comparison else pandas.DataFrame()
