"""What the architectures of a sweep read: a digest of each source of rows, test rows, word vectors."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.config import RunConfig, compose, quote
from rnnsweep.config.test_rows import row_keys, say_same_rows
from rnnsweep.errors import UserError
from rnnsweep.search.space import corners
from rnnsweep.sweepfile import Sweep

if TYPE_CHECKING:
    from rnnsweep.data import EncodedCorpus

Prepare = Callable[[RunConfig], str]  # makes a corpus ready for many readers and gives its digest


def read_digests(bases: Mapping[str, RunConfig], prepare: Prepare | None = None) -> dict[str, str]:
    """Make every corpus of a sweep ready, each once, and give the digest of each source of rows.

    Architectures may read different rows, as titles beside whole texts. Rows that only a searched setting
    leads to are not among them.
    """
    sources = {base.data.source: base for base in bases.values()}
    return {source: (prepare or _prepare)(base) for source, base in sources.items()}


def say_column(bases: Mapping[str, RunConfig], before: str) -> str:
    """Return which ``data.text`` reads the rows that a sweep started with; nothing where none does.

    Earlier versions read the column that its name says, where a fuller one is read now.

    Args:
        bases: the base of each architecture.
        before: common digest of the rows at the start.
    """
    from rnnsweep.data import columns_by_name, prepare

    digests, settings, now = {}, set(), set()
    for base in bases.values():
        source, data = base.data.source, base.data
        if source not in digests and data.corpus == "files" and data.text is None:
            by_name, read = columns_by_name(data), prepare(data).text_columns
            if by_name != read:
                data = replace(data, text=list(by_name))
                settings.add(quote("data.text", by_name[0] if len(by_name) == 1 else list(by_name)))
                now.add(" and ".join(map(repr, read)))
        if source not in digests:
            digests[source] = prepare(data).digest
    if len(settings) != 1 or common_digest(digests) != before:
        return ""
    return (
        f": texts are read from {now.pop()} now, as data.text is not set; {settings.pop()} under `overrides:`"
        " reads those that it started with"
    )


def files_digests(bases: Mapping[str, RunConfig]) -> list[str]:
    """Return the digests of the files that a sweep reads; none where its rows are of no file."""
    from rnnsweep.data import prepare

    return sorted({digest for base in bases.values() for digest in prepare(base.data).files.values()})


def say_other_rows(sweep: Sweep, bases: Mapping[str, RunConfig], *, conf: Path | None = None) -> str:
    """Return that parts of a sweep would be tested on different rows, and what to write; else nothing.

    Where test rows differ, no replicate of one architecture is paired with one of another.
    """
    from rnnsweep.data import prepare  # NumPy and the corpora are imported where used

    first: tuple[str, EncodedCorpus] | None = None
    for name, run in _runs_of_other_rows(sweep, bases, conf):
        corpus = prepare(run.data)
        first = first or (name, corpus)
        if corpus.tested == first[1].tested:
            continue
        settings = [_row_settings(each) for each in (first[1], corpus)]
        own = [
            {key: value for key, value in one.items() if value != other[key]}
            for one, other in (settings, settings[::-1])
        ]
        who = [
            f"{architecture} ({', '.join(quote(*one) for one in each.items())})"
            for architecture, each in zip((first[0], name), own, strict=True)
        ]
        return (
            f"{sweep.path}: architectures: {who[0]} and {who[1]} are tested on different rows, so no verdict"
            f" compares them; {say_same_rows(own)}"
        )
    return ""


def _runs_of_other_rows(
    sweep: Sweep, bases: Mapping[str, RunConfig], conf: Path | None
) -> Iterator[tuple[str, RunConfig]]:
    """Yield each architecture, and what a searched setting of the rows makes of it."""
    yield from bases.items()
    for name in bases:
        for dimension in sweep.dimensions(name):
            for value in corners(dimension) if dimension.key in row_keys() else ():
                overrides = [*sweep.chosen(name), quote(dimension.key, value)]
                yield name, compose(overrides, conf=conf, where=str(sweep.path))


def _row_settings(corpus: "EncodedCorpus") -> dict[str, Any]:
    """Return the settings that may decide which rows are tested, with the columns that were read."""
    names = sorted(key.removeprefix("data.") for key in row_keys() if key != "data")
    settings = {f"data.{name}": getattr(corpus.config, name) for name in names}
    read = corpus.text_columns
    if settings["data.text"] is None and read:
        settings["data.text"] = read[0] if len(read) == 1 else list(read)
    return settings


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
