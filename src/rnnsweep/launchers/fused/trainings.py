"""Several trainings in one process, their steps taken together: for programs, without a launcher."""

from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from rnnsweep.config import RunConfig
from rnnsweep.launchers.fused.meeting import Meeting, Seat
from rnnsweep.launchers.fused.module import FusedClassifier
from rnnsweep.launchers.fused.shape import shape_of
from rnnsweep.training import Scores, train
from rnnsweep.training.quiet import quiet

T = TypeVar("T")


def train_together(
    runs: Sequence[RunConfig],
    options: Sequence[dict[str, Any]] | None = None,
    *,
    meeting: Meeting | None = None,
) -> list[Scores | Exception]:
    """Train runs side by side; those of one shape take their steps together.

    Args:
        runs: the composed configurations.
        options: for each run what `rnnsweep.training.train` takes besides: logger, callbacks, folder, resume.
        meeting: where they meet; the default is one of their own.

    Returns:
        for each run its scores, or what it raised: one that fails disturbs no other.
    """
    given = options if options is not None else [{}] * len(runs)
    jobs = [(shape_of(run), partial(_train, run, more)) for run, more in zip(runs, given, strict=True)]
    with quiet():  # what each training changes of Python's warnings ends here
        return side_by_side(jobs, meeting or Meeting())


def _train(run: RunConfig, options: dict[str, Any], seat: Seat) -> Scores:
    return train(run, module=partial(FusedClassifier, seat=seat), **options)


def side_by_side(jobs: Sequence[tuple[str, Callable[[Seat], T]]], meeting: Meeting) -> list[T | Exception]:
    """Run functions in threads, each at a seat of its shape; give what they gave or raised."""
    found: dict[int, T | Exception] = {}

    def work(number: int, shape: str, function: Callable[[Seat], T]) -> None:
        try:
            with meeting.seat(shape) as seat:
                found[number] = function(seat)
        except Exception as error:
            found[number] = error

    threads = [
        Thread(target=work, args=(number, *job), name=f"training {number}") for number, job in enumerate(jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(jobs))]
