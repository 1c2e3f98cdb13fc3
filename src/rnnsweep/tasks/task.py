"""What a task is: its settings, what is known of it before any data is read, and the task on a corpus.

A task is three settings: *level* (an answer for a row, or for each step), *answer* (one of several, several
of several, numbers) and *target* (a column, or the row's own next step). Each kind of answer is one module of
this package with a constant ``TASK``; it is found by being there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple

from rnnsweep.errors import UserError, nearest
from rnnsweep.settings import check_settings, setting
from rnnsweep.tasks.score import Counts, Score

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

LEVELS = ("row", "step")
ANSWERS = ("numbers", "one", "several")
TARGETS = ("column", "next")
DEFAULT = "classification"  # of runs that were recorded before there were other tasks
LOSS = "loss"  # the name of what is minimised, beside the scores
SCORES = "rnnsweep.scores"  # entry points TASK.SCORE of other distributions


class RunTable(NamedTuple):
    """One file beside a run: its name, its text, and the picture that is drawn of it, if any."""

    name: str
    text: str
    picture: str | None = None


@dataclass
class TaskConfig:
    """What is learnt. A file of ``conf/task/`` gives these values and its name to a task."""

    level: str = setting(
        "row", "what gets an answer: each row, or each step of a row", choices=LEVELS, example="row"
    )
    answer: str = setting(
        "one",
        "one: one of several classes; several: any of several classes; numbers: a number",
        choices=ANSWERS,
        example="numbers",
    )
    target: str = setting(
        "column",
        "what is learnt: a column, or next: the row's own next step",
        choices=TARGETS,
        example="column",
    )
    class_weights: Any = setting(
        None,
        "weights of the classes in the loss: balanced, or a weight for each class",
        kind="balanced, or a mapping {class: weight}",
        suggestions=("balanced",),
        null="counts every row the same",
        example="balanced",
    )

    def __post_init__(self) -> None:
        """Refuse values that do not exist, naming the key."""
        check_settings("task", self)
        if self.class_weights is not None:
            refuse_wrong_weights(self.class_weights)
            if self.answer == "numbers":
                raise UserError(
                    f"task.class_weights={self.class_weights!r}: must be null, as task.answer=numbers has"
                    " no classes"
                )


def refuse_wrong_weights(weights: Any) -> None:
    """Refuse class weights that are neither ``balanced`` nor a mapping of classes to numbers above 0.

    Raises:
        UserError: naming the class and its weight.
    """
    right = "balanced, {class: weight} or null"
    if isinstance(weights, Mapping) and weights:
        for name, weight in weights.items():
            number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not number or not 0 < weight < float("inf"):
                raise UserError(f"task.class_weights.{name}={weight!r}: must be a number above 0")
    elif weights != "balanced":
        raise UserError(f"task.class_weights={weights!r}: must be {right}")


@dataclass(frozen=True)
class Facts:
    """What a task must know of a corpus."""

    labels: tuple[str, ...]  # names of the classes; empty where targets are numbers
    targets_N: "NDArray[Any]"  # of the training part


class Task(ABC):
    """A task on a corpus: how outputs of a network are compared with targets.

    Shapes: B rows of a batch, K outputs for each.
    """

    outputs: int  # K

    @abstractmethod
    def loss(self, outputs_BK: "Tensor", targets_B: "Tensor") -> "Tensor":
        """Return the weighted losses of some rows, added up, in single precision at least."""

    def judge(self, outputs_BK: "Tensor", targets_B: "Tensor", weight: float) -> "tuple[Tensor, Tensor]":
        """Return the loss of some rows, and the gradients_BK of the loss divided by `weight`."""
        import torch

        with torch.enable_grad():
            leaf_BK = outputs_BK.detach().requires_grad_()
            loss = self.loss(leaf_BK, targets_B)
            (gradients_BK,) = torch.autograd.grad(loss / weight, leaf_BK)
        return loss.detach(), gradients_BK

    @abstractmethod
    def weight(self, targets_B: "Tensor") -> float:
        """Return what the loss of some rows is divided by to be a mean."""

    @abstractmethod
    def empty(self, *, full: bool, device: "torch.device | str") -> "dict[str, Tensor]":
        """Return counts of no row: those of `running` scores, or of every score where `full`."""

    @abstractmethod
    def add(self, counts: "dict[str, Tensor]", outputs_BK: "Tensor", targets_B: "Tensor") -> None:
        """Add some rows to counts, in place."""

    @abstractmethod
    def total_weight(self, counts: Counts) -> float:
        """Return the weight of all rows that were counted."""

    @abstractmethod
    def answers(self, outputs_BK: "Tensor") -> "dict[str, NDArray[Any]]":
        """Return what is kept for each row: ``predictions_N`` and, where there is one, ``confidence_N``."""

    def by_class(self, counts: Counts) -> list[dict[str, Any]]:
        """Return scores of each class, where there are classes."""
        return []

    def counts(self, outputs_BK: "Tensor", targets_B: "Tensor") -> "dict[str, Tensor]":
        """Return the counts of some rows, of every score."""
        row_counts = self.empty(full=True, device=outputs_BK.device)
        self.add(row_counts, outputs_BK, targets_B)
        return row_counts

    @abstractmethod
    def baseline(self, penalty: float, start: Any = None) -> Any:
        """Return scikit-learn's unfitted linear model, for one of the `TaskSpec.penalties`.

        `start` is a fitted model of another penalty, from whose weights the fit may begin.
        """

    @abstractmethod
    def baseline_outputs(self, model: Any, features: Any) -> "Tensor":
        """Return outputs_NK of a fitted baseline, comparable with those of a network."""


@dataclass(frozen=True)
class TaskSpec:
    """What is known of a task before any data is read."""

    name: str  # of the file of conf/task/
    level: str
    answer: str
    target: str
    scores: tuple[Score, ...]  # the first is primary
    running: tuple[str, ...]  # scores that are also computed while training
    targets: str  # classes | numbers: what the column of targets holds
    make: Callable[[TaskConfig, Facts], Task]
    outputs: Callable[[int], int]  # of the network's head for a row, from the number of classes
    baseline: str  # what the baseline is, in words
    penalties: tuple[
        float, ...
    ]  # of the baseline, the strongest first; the best on the validation part is taken
    tables: Callable[
        ..., list[RunTable]
    ]  # (labels, targets_N, answers, columns of rows_M) -> files of a test part

    def score(self, name: str | None = None, *, key: str = "objective") -> Score:
        """Return a score by its name; None is the primary one.

        Raises:
            UserError: the task has no such score.
        """
        for one in self.scores:
            if name in (None, one.name):
                return one
        names = [one.name for one in self.scores]
        raise UserError(
            f"{key}={name!r}: task={self.name} has the scores {', '.join(names)}.{nearest(str(name), names)}"
        )

    def values(self, counts: Counts, names: Sequence[str] | None = None) -> dict[str, float]:
        """Compute scores from counts, in natural values: those of `names`, or all."""
        return {one.name: one.of(counts) for one in self.scores if names is None or one.name in names}


def _score_of(entry: EntryPoint, tasks: Mapping[str, TaskSpec]) -> tuple[str, Score]:
    """Import the score that another distribution offers; return it after the task that it is added to."""
    where = f"entry point {entry.name} = {entry.value} of {SCORES}"
    task, _, _ = entry.name.partition(".")
    if task not in tasks:
        raise UserError(f"{where}: must be named TASK.SCORE, with a task of {', '.join(tasks)}")
    try:
        score = entry.load()
    except Exception as error:
        raise UserError(f"{where}: cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(score, Score):
        raise UserError(f"{where}: is a {type(score).__name__}; it must be a rnnsweep.tasks.Score")
    if score.name in (LOSS, *(one.name for one in tasks[task].scores)):
        raise UserError(f"{where}: task={task} already has a score {score.name!r}; choose another name")
    return task, score


@cache
def specs() -> dict[str, TaskSpec]:
    """Return the tasks that there are, by name, the default first, with the scores of other distributions.

    Raises:
        UserError: an entry point of `SCORES` that is no score of a task.
    """
    package = import_module("rnnsweep.tasks")
    modules = (
        import_module(f"rnnsweep.tasks.{m.name}") for m in iter_modules(package.__path__) if not m.ispkg
    )
    by_name = {module.TASK.name: module.TASK for module in modules if hasattr(module, "TASK")}
    for entry in sorted(entry_points(group=SCORES), key=lambda entry: entry.name):
        task, score = _score_of(entry, by_name)
        by_name[task] = replace(by_name[task], scores=(*by_name[task].scores, score))
    return {name: by_name[name] for name in sorted(by_name, key=lambda name: (name != DEFAULT, name))}


def find_spec(config: TaskConfig) -> TaskSpec:
    """Return the task that has a run's three settings.

    Raises:
        UserError: there is none.
    """
    for spec in specs().values():
        if (spec.level, spec.answer, spec.target) == (config.level, config.answer, config.target):
            return spec
    settings = f"task.level={config.level} task.answer={config.answer} task.target={config.target}"
    raise UserError(f"{settings}: there is no such task; take one of task={', task='.join(specs())}")


def spec_named(name: str | None) -> TaskSpec:
    """Return the task of a record by its name; records without one are of the default task."""
    return specs().get(name or DEFAULT) or specs()[DEFAULT]


def score_named(task: str | None = None, score: str | None = None) -> Score:
    """Return the score by which a recorded run was chosen; older records do not name it.

    Raises:
        UserError: the task has no such score here.
    """
    spec = spec_named(task)
    for one in spec.scores:
        if score in (None, one.name):
            return one
    raise UserError(
        f"score {score!r} of task={spec.name}, by which runs were chosen, is not installed: install the"
        f" package that has it as an entry point of {SCORES}"
    )


def spec_of(score: Score) -> TaskSpec:
    """Return the task that a score belongs to."""
    return next((spec for spec in specs().values() if score in spec.scores), spec_named(None))
