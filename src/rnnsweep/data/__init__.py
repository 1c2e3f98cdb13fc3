"""Corpora, tokens and batches; names are loaded when first used, so that settings alone import at once."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.data.batching import Batch, batch_count, batch_rows, batches, gather, ordered_batches
    from rnnsweep.data.config import DataConfig
    from rnnsweep.data.encoded import EncodedCorpus, EncodedPart, prepare, read_texts

_HOMES = {
    "batching": ("Batch", "batch_count", "batch_rows", "batches", "gather", "ordered_batches"),
    "config": ("DataConfig",),
    "encoded": ("EncodedCorpus", "EncodedPart", "prepare", "read_texts"),
}
__all__ = [
    "Batch",
    "DataConfig",
    "EncodedCorpus",
    "EncodedPart",
    "batch_count",
    "batch_rows",
    "batches",
    "gather",
    "ordered_batches",
    "prepare",
    "read_texts",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rnnsweep.data.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
