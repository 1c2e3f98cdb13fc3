"""A PostgreSQL of one's own on loopback, where it is installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def own_postgres() -> Iterator[str | None]:
    """Give the address of a new, empty database; None where PostgreSQL or psycopg is not installed."""
    programs = [shutil.which(name, path=_path()) for name in ("initdb", "pg_ctl")]
    if not all(programs) or not find_spec("psycopg"):
        yield None
        return
    initdb, control = programs
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, port = Path(name), _free_port()
        user = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            user = ["runuser", "-u", "nobody", "--"]
            shutil.chown(folder, "nobody")

        def run(*command: str | None) -> None:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
            subprocess.run([*user, *map(str, command)], check=True, cwd=folder, **quiet)

        data, log = str(folder / "data"), str(folder / "log.txt")
        run(initdb, "-D", data, "-A", "trust", "-U", "me")
        run(control, "-D", data, "-l", log, "-w", "-o", f"-p {port} -k {folder} -h 127.0.0.1", "start")
        try:
            yield f"postgresql://me@127.0.0.1:{port}/postgres"
        finally:
            run(control, "-D", data, "-m", "immediate", "stop")


def _path() -> str:
    """Return the programs' folders, Debian's for PostgreSQL, which it leaves out of PATH, among them."""
    return os.pathsep.join(
        [os.environ.get("PATH", ""), *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))]
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
