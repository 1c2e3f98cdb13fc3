"""Which file of word vectors a name means: one of this machine, or one that was carried here from another."""

import hashlib
from pathlib import Path

from rnnsweep.data.corpora import expected
from rnnsweep.data.store import find_cache, is_intact, key_of, made_once, read_json, write_json
from rnnsweep.data.tables import file_state
from rnnsweep.errors import UserError

OWN = "own"  # in the place of a path
VECTORS_FILE = "vectors"  # a carried file, in a folder of its own


def check_vectors_file(name: str | None) -> None:
    """Refuse a file of word vectors that is not there; before a corpus is read, as that may take minutes.

    Raises:
        UserError: there is no such file.
    """
    if name not in (None, OWN) and not Path(name).expanduser().is_file():
        raise UserError(f"data.vectors={name!r}: no such file")


def vectors_digest(name: str) -> str:
    """Return the SHA-256 of a file of word vectors; it is computed once for each state of the file.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    check_vectors_file(name)
    path = Path(name).expanduser().absolute()
    folder = find_cache() / "vectors" / f"digest-{key_of(file_state(path))}"
    return str(read_json(made_once(folder, lambda into: _keep_digest(path, into)) / "digest.json"))


def _keep_digest(path: Path, folder: Path) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"data.vectors={str(path)!r}: cannot be read: {error.strerror or error}") from error
    write_json(folder / "digest.json", digest)


def carried_vectors(digest: str, cache: Path) -> Path:
    """Return where the cache has a file of word vectors that came from another machine."""
    return cache / "vectors" / f"carried-{digest[:32]}" / VECTORS_FILE


def find_vectors(name: str, cache: Path) -> Path:
    """Return the file that a name means: this machine's, else the one that was carried here.

    Raises:
        UserError: there is neither.
    """
    path = Path(name).expanduser().absolute()
    if not path.is_file() and name in expected:
        carried = carried_vectors(expected[name], cache)
        if is_intact(carried.parent):
            return carried
    check_vectors_file(name)
    return path
