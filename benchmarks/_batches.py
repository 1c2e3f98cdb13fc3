"""The batches of an epoch, as a training gathers them."""

from collections.abc import Iterator
from typing import Any

from rnnsweep.data import Batch, EncodedPart, batch_rows, gather


def batches(part: EncodedPart, **options: Any) -> Iterator[Batch]:
    """Yield the batches of one epoch; options are those of `batch_rows`."""
    return (gather(part, rows_B) for rows_B in batch_rows(part, **options))
