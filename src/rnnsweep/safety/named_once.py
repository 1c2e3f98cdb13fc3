"""What the user named once, kept in the user's own folder: files of others may name it from then on."""

from contextlib import suppress
from pathlib import Path

from rnnsweep.files import PRIVATE_FOLDER, read_own, write_whole


def named_once(kind: str) -> list[str]:
    """List what was named, as ``destinations``; nothing where no file of this kind reads.

    Raises:
        UserError: the file is a link.
    """
    with suppress(OSError, ValueError):
        return read_own(_path(kind)).decode().splitlines()
    return []


def keep_name(kind: str, name: str) -> None:
    """Add one line to what was named.

    Raises:
        OSError: it cannot be written.
        UserError: the file is a link.
    """
    path = _path(kind)
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_whole(path, "".join(f"{one}\n" for one in [*named_once(kind), name]))


def _path(kind: str) -> Path:
    import platformdirs

    return platformdirs.user_config_path("rnnsweep") / kind
