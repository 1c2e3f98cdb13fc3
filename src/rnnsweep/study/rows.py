"""The rows that a sweep's architectures read: one digest for each source, kept from the start."""

import hashlib
import json
from collections.abc import Callable, Mapping

from rnnsweep.config import RunConfig

Prepare = Callable[[RunConfig], str]  # makes a corpus ready for many readers and gives its digest


def read_digests(bases: Mapping[str, RunConfig], prepare: Prepare | None = None) -> dict[str, str]:
    """Make every corpus of a sweep ready, each once, and give the digest of each source of rows.

    Architectures may read different rows, as titles beside whole texts. Rows that only a searched setting
    leads to are not among them.
    """
    sources = {base.data.source: base for base in bases.values()}
    return {source: (prepare or _prepare)(base) for source, base in sources.items()}


def common_digest(digests: Mapping[str, str]) -> str:
    """Give one digest for all sources: that of the one, or one over the digests of several."""
    if len(digests) == 1:
        return next(iter(digests.values()))
    return hashlib.sha256(json.dumps(sorted(digests.items())).encode()).hexdigest()


def _prepare(run: RunConfig) -> str:
    from rnnsweep.data import prepare  # NumPy and the corpora are imported where used

    return prepare(run.data).digest
