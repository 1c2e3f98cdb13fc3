"""The table in PostgreSQL of copies of sweeps: pieces of files, by sweep, file and first byte."""

import contextlib
from types import ModuleType
from typing import TYPE_CHECKING, LiteralString

from rnnsweep.errors import UserError, first_line

if TYPE_CHECKING:
    import psycopg

PATIENCE_S = 5  # seconds in which the server must answer
_TABLE = """
CREATE TABLE IF NOT EXISTS rnnsweep_state (
    sweep text NOT NULL, file text NOT NULL, start bigint NOT NULL, content bytea NOT NULL,
    PRIMARY KEY (sweep, file, start)
)"""
_APPEND = "INSERT INTO rnnsweep_state VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_REPLACE = (
    "INSERT INTO rnnsweep_state VALUES (%s, %s, 0, %s)"
    " ON CONFLICT (sweep, file, start) DO UPDATE SET content = EXCLUDED.content"
)
_READ = "SELECT file, content FROM rnnsweep_state WHERE sweep = %s ORDER BY file, start"
_PIECE = "SELECT content FROM rnnsweep_state WHERE sweep = %s AND file = %s AND start = %s"
_FORGET = "DELETE FROM rnnsweep_state WHERE sweep = %s AND file = %s"
_LOCK = "SELECT pg_try_advisory_lock(hashtext('rnnsweep'), hashtext(%s))"


class CopyTable:
    """One sweep's rows. A statement that follows a broken connection makes a new one.

    Args:
        address: of the database, without a password: libpq takes it from PGPASSWORD or ~/.pgpass.
        sweep: its name.
    """

    def __init__(self, address: str, sweep: str) -> None:
        self.address, self.sweep = address, sweep
        self._connection: psycopg.Connection | None = None

    def connect(self) -> bool:
        """Connect where there is no connection; return False where another session has the sweep's lock.

        After a broken connection that may be our own, which the server has not missed yet.
        """
        if self._connection is not None:
            return True
        self._connection = connection = driver().connect(
            self.address,
            connect_timeout=PATIENCE_S,
            tcp_user_timeout=1000 * PATIENCE_S,
            options=f"-c statement_timeout={1000 * PATIENCE_S}",
            application_name=f"rnnsweep {self.sweep}",
            autocommit=True,
        )
        connection.execute(_TABLE)
        return bool(connection.execute(_LOCK, [self.sweep]).fetchone()[0])

    def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(driver().Error):
                connection.close()

    def read(self) -> dict[str, bytes]:
        """Return all files."""
        files: dict[str, bytearray] = {}
        for name, content in self._execute(_READ, self.sweep):
            files.setdefault(name, bytearray()).extend(content)
        return {name: bytes(content) for name, content in files.items()}

    def replace(self, name: str, content: bytes) -> None:
        """Write a file whole."""
        self._execute(_REPLACE, self.sweep, name, content)

    def forget(self, name: str) -> None:
        """Remove a file."""
        self._execute(_FORGET, self.sweep, name)

    def append(self, name: str, start: int, content: bytes) -> bytes:
        """Write the piece of a file that starts at a byte; return the piece that is there then.

        One that is there already was sent before the connection broke, or is another controller's.
        """
        if self._execute(_APPEND, self.sweep, name, start, content).rowcount:
            return content
        (there,) = self._execute(_PIECE, self.sweep, name, start).fetchone() or (b"",)
        return bytes(there)

    def _execute(self, query: LiteralString, *values: object) -> "psycopg.Cursor":
        self.connect()
        assert self._connection is not None
        return self._connection.execute(query, values)


def check_answers(address: str) -> None:
    """Connect to a database and disconnect.

    Raises:
        UserError: it does not answer.
    """
    try:
        driver().connect(address, connect_timeout=PATIENCE_S).close()
    except driver().Error as error:
        raise UserError(f"studies={address!r} does not answer ({first_line(error)})") from error


def driver() -> ModuleType:
    """Import the driver.

    Raises:
        UserError: it is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise UserError("a copy in PostgreSQL needs its driver: pip install 'rnnsweep[postgres]'") from error
    return psycopg
