"""Several trainings in one process, their steps taken together: for programs, without a launcher."""

from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from rnnsweep.config import RunConfig
from rnnsweep.launchers.fused.barrier import Barrier, Member
from rnnsweep.launchers.fused.module import FusedTrainingModule
from rnnsweep.launchers.fused.shape import shape_of
from rnnsweep.training import Scores, train
from rnnsweep.training.quiet import quiet

T = TypeVar("T")


def train_together(
    runs: Sequence[RunConfig],
    options: Sequence[dict[str, Any]] | None = None,
    *,
    barrier: Barrier | None = None,
) -> list[Scores | Exception]:
    """Train runs side by side; those of one shape take their steps together.

    Args:
        runs: the composed configurations.
        options: for each run what `rnnsweep.training.train` takes besides: logger, callbacks, folder, resume.
        barrier: that they share; the default is a new one.

    Returns:
        for each run its scores, or what it raised: one that fails leaves the others as they are.
    """
    options_of_runs = options if options is not None else [{}] * len(runs)
    jobs = [
        (shape_of(run), partial(_train, run, more)) for run, more in zip(runs, options_of_runs, strict=True)
    ]
    with quiet():  # what each training changes of Python's warnings ends here
        return side_by_side(jobs, barrier or Barrier())


def _train(run: RunConfig, options: dict[str, Any], member: Member) -> Scores:
    return train(run, module=partial(FusedTrainingModule, member=member), **options)


def side_by_side(jobs: Sequence[tuple[str, Callable[[Member], T]]], barrier: Barrier) -> list[T | Exception]:
    """Run functions in threads, each with a member of its shape; return what they returned or raised."""
    results: dict[int, T | Exception] = {}

    def work(number: int, shape: str, function: Callable[[Member], T]) -> None:
        try:
            with barrier.member(shape) as member:
                results[number] = function(member)
        except Exception as error:
            results[number] = error

    threads = [
        Thread(target=work, args=(number, *job), name=f"training {number}") for number, job in enumerate(jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in range(len(jobs))]
