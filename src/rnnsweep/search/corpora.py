"""What the architectures of a sweep read: one digest for each source of rows; files of word vectors."""

import hashlib
import json
from collections.abc import Callable, Mapping

from rnnsweep.config import RunConfig
from rnnsweep.errors import UserError
from rnnsweep.search.space import corners
from rnnsweep.sweepfile import Sweep

Prepare = Callable[[RunConfig], str]  # makes a corpus ready for many readers and gives its digest


def read_digests(bases: Mapping[str, RunConfig], prepare: Prepare | None = None) -> dict[str, str]:
    """Make every corpus of a sweep ready, each once, and give the digest of each source of rows.

    Architectures may read different rows, as titles beside whole texts. Rows that only a searched setting
    leads to are not among them.
    """
    sources = {base.data.source: base for base in bases.values()}
    return {source: (prepare or _prepare)(base) for source, base in sources.items()}


def vectors_digests(sweep: Sweep, bases: Mapping[str, RunConfig]) -> dict[str, str]:
    """Return the digest of each file of word vectors, named or searched, before anything runs.

    Raises:
        UserError: there is no such file.
    """
    from rnnsweep.data.word_vectors.places import OWN, vectors_digest  # NumPy is imported where used

    named = {base.data.vectors for base in bases.values()}
    for name in sweep.architectures:
        named.update(*(corners(d) for d in sweep.dimensions(name) if d.key == "data.vectors"))
    try:
        return {file: vectors_digest(file) for file in sorted(str(each) for each in named - {None, OWN})}
    except UserError as error:
        raise UserError(f"{sweep.path}: {error}") from None


def common_digest(digests: Mapping[str, str]) -> str:
    """Return one digest for all sources: that of the one, or one over the digests of several."""
    if len(digests) == 1:
        return next(iter(digests.values()))
    return hashlib.sha256(json.dumps(sorted(digests.items())).encode()).hexdigest()


def _prepare(run: RunConfig) -> str:
    from rnnsweep.data import prepare  # NumPy and the corpora are imported where used

    return prepare(run.data).digest
