"""Files in pieces, as they travel between the controller's machine and a node."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rnnsweep.launchers.agents.messages import PIECE, Piece


def pieces_of(path: Path, attempt: int, name: str, *, is_artifact: bool = False) -> Iterator[Piece]:
    """Yield a file in pieces; nothing where there is none. It is replaced as a whole while it is read.

    Args:
        path: the file.
        attempt: that it belongs to.
        name: under which it travels.
        is_artifact: whether `name` is of an artifact.
    """
    with suppress(FileNotFoundError):
        for data, is_last in read_pieces(path):
            yield Piece(attempt, name, data, is_last, is_artifact)


def read_pieces(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Yield the pieces of a file, one at least, and whether each is the last.

    Raises:
        FileNotFoundError: there is none.
    """
    with path.open("rb") as file:
        data = file.read(PIECE)
        while True:
            after = file.read(PIECE)
            yield data, not after
            if not after:
                return
            data = after


class Pieces:
    """Pieces that have arrived, of files that are not whole yet."""

    def __init__(self) -> None:
        self._parts: dict[str, list[bytes]] = {}

    def take(self, piece: Piece) -> bytes | None:
        """Take a piece; return the whole file with its last one, and None before."""
        self._parts.setdefault(piece.name, []).append(piece.data)
        return b"".join(self._parts.pop(piece.name)) if piece.is_last else None
