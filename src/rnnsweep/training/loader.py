"""The mini-batches of a training in chunks, from any position on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data import Batch, DataConfig, EncodedPart, batch_count, batch_rows, gather, ordered_batches

TEXTS_OF_A_CHUNK = 1024  # Lightning's cost disappears; a stop is heard after a fraction of a second
VALIDATION_BATCH = 512


def steps_of_a_chunk(batch_size: int) -> int:
    """Count the steps of a chunk at most."""
    return max(1, TEXTS_OF_A_CHUNK // batch_size)


@dataclass
class Position:
    """How far a training is."""

    epoch: int = 0  # epochs done
    batch: int = 0  # mini-batches done in this epoch
    step: int = 0  # optimiser steps done
    validation_due: bool = False  # a validation belongs here and has not been done


class Chunk:
    """Some mini-batches in a row, gathered as they are asked for.

    Args:
        part: the rows.
        source: rows of each mini-batch; the chunk takes its own from it.
        count: mini-batches of the chunk.
        batch_size: rows of a mini-batch.
        validate: a validation is due after the chunk.
    """

    def __init__(
        self,
        part: EncodedPart,
        source: Iterator[NDArray[np.int64]],
        count: int,
        *,
        batch_size: int,
        validate: bool,
    ) -> None:
        self.part, self.batch_size, self.validate = part, batch_size, validate
        self._source, self._count = source, count

    def __iter__(self) -> Iterator[Batch]:
        return (gather(self.part, rows_B) for rows_B in islice(self._source, self._count))

    def take(self, rows: Sequence[NDArray[np.int64]], *, validate: bool) -> None:
        """Have these rows in each mini-batch, in place of the chunk's own."""
        self._source, self._count, self.validate = iter(rows), len(rows), validate

    def rows(self) -> list[NDArray[np.int64]]:
        """Return the rows' numbers of each mini-batch, in place of the mini-batches."""
        return list(islice(self._source, self._count))


class TrainingChunks:
    """What Lightning takes for a DataLoader: going over it gives the rest of the epoch at `position`.

    Args:
        part: the rows.
        batch_size: rows of a mini-batch.
        seed: of their order.
        validate_every: share of an epoch between two validations.
        position: of the training; it moves on.
        grouped: as for `batch_rows`.
    """

    def __init__(
        self,
        part: EncodedPart,
        *,
        batch_size: int,
        seed: int,
        validate_every: float,
        position: Position,
        grouped: bool = True,
    ) -> None:
        self._part, self._batch_size, self._seed = part, batch_size, seed
        self._position, self._grouped = position, grouped
        self._count = batch_count(part, batch_size=batch_size)
        self._validations = validation_points(self._count, validate_every)

    def __len__(self) -> int:
        return len(self._bounds(0)) - 1

    def __iter__(self) -> Iterator[Chunk]:
        position = self._position
        if position.validation_due:
            yield self._chunk(iter(()), 0, validate=True)
        start = position.batch
        source = batch_rows(
            self._part,
            batch_size=self._batch_size,
            seed=self._seed,
            epoch=position.epoch,
            start=start,
            grouped=self._grouped,
        )
        for first, end in pairwise(self._bounds(start)):
            yield self._chunk(source, end - first, validate=end in self._validations)

    def _chunk(self, source: Iterator[NDArray[np.int64]], count: int, *, validate: bool) -> Chunk:
        return Chunk(self._part, source, count, batch_size=self._batch_size, validate=validate)

    def _bounds(self, start: int) -> list[int]:
        """Cut the rest of an epoch where a chunk is full and where a validation is due."""
        steps = steps_of_a_chunk(self._batch_size)
        bounds = [start]
        for end in (point for point in self._validations if point > start):
            bounds += [*range(bounds[-1] + steps, end, steps), end]
        return bounds


def validation_points(count: int, every: float) -> list[int]:
    """Return the mini-batches of an epoch after which to validate: each fraction `every`, and the end."""
    return sorted({min(max(round(share * count), 1), count) for share in _shares(every)})


def validated_share(batch: int, count: int, every: float) -> float:
    """Return the share of an epoch that a validation is meant to follow: half, after 80 of 161 batches.

    Args:
        batch: mini-batches done of the epoch.
        count: all of them.
        every: as of `validation_points`; away from its points the share is that of the batches.
    """
    done = batch / count
    nearest = min(_shares(every), key=lambda share: abs(share - done))
    return round(nearest if abs(nearest - done) * count <= 1 else done, 6)


def _shares(every: float) -> list[float]:
    return [*(turn * every for turn in range(1, int(1 / every) + 1)), 1.0]


class ValidationBatches:
    """Every row of a part once, in large batches by length; this process's share of them.

    Args:
        part: the rows.
        data: the settings of the corpus.
        rank: number of this process.
        world: how many processes share the rows.
    """

    def __init__(self, part: EncodedPart, data: DataConfig, *, rank: int = 0, world: int = 1) -> None:
        self._part, self._data, self._rank, self._world = part, data, rank, world

    def __iter__(self) -> Iterator[Batch]:
        ordered = judged_batches(self._part, self._data, rank=self._rank, world=self._world)
        return (batch for _, batch in ordered)


def judged_batches(
    part: EncodedPart, data: DataConfig, *, rank: int = 0, world: int = 1
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Return the rows of a part to score, with their numbers.

    Without grouping, in batches as they are trained on: a network that reads padding must meet as much of it.

    Args:
        part: rows to score.
        data: the settings of the corpus.
        rank: number of this process.
        world: how many processes share the rows.
    """
    grouped = data.grouping == "length"
    size = VALIDATION_BATCH if grouped else data.batch_size
    return ordered_batches(part, batch_size=size, rank=rank, world=world, grouped=grouped)
