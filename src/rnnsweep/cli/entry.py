"""Where the command line begins and ends: one line for a mistake, an exit status that says whose it is."""

import errno
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from rnnsweep.cli.command import Group
from rnnsweep.cli.control_characters import escape_control_characters
from rnnsweep.cli.output import INTERRUPTED
from rnnsweep.cli.wrapping import error_columns, wrapped
from rnnsweep.errors import UserError
from rnnsweep.files import is_full_disk
from rnnsweep.paths import find_paths
from rnnsweep.runtime.collector import collect_seldom
from rnnsweep.runtime.process import spare_loopback
from rnnsweep.runtime.spared_imports import spare_imports
from rnnsweep.safety.interpreter import leave_out_working_directory
from rnnsweep.safety.redaction import masked
from rnnsweep.safety.shell import command_line

USER, OURS = 2, 1
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_UNLOCKED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_DATABASE = ("attempt to write a readonly database", "unable to open database file")  # SQLite's words
_DAMAGED = (
    *("no such table", "no such column", "file is not a database", "file is encrypted"),
    *("database disk image is malformed", "malformed database schema", "Could not decode to UTF-8"),
)
_NO_ROOM = "database or disk is full"
_ROOM = "`rnnsweep clean` lists what can be removed"
_RIGHT = "give yourself the right, or copy it to where you have it"
_TRACEBACK = "--traceback"


def main(
    argv: Sequence[str] | None = None, *, program: click.Command | None = None, name: str = "rnnsweep"
) -> int:
    """Run one command and return its exit status: 0, 2 (user's mistake), 1 (ours) or 130 (interrupted).

    Args:
        argv: the arguments; None takes those of the process.
        program: a command of another program that ends as ours do; None is `rnnsweep` itself.
        name: of the program, as its help shows it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    leave_out_working_directory()
    _write_any_character()
    _end_on_sigterm_as_on_ctrl_c()
    collect_seldom()
    spare_imports()
    spare_loopback()
    try:
        status = (program or commands).main(arguments, prog_name=name, standalone_mode=False)
        if sys.stdout is not None:  # closed by who started us
            sys.stdout.flush()
    except (click.ClickException, UserError) as error:
        return _user_mistake(error, shown=_TRACEBACK in arguments)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted", "")
        return INTERRUPTED
    except BrokenPipeError:  # at the last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        if refused := _place_at_fault(error):
            return _user_mistake(refused, shown=_TRACEBACK in arguments)
        return _our_mistake(error, arguments)
    return status if isinstance(status, int) else 0


@click.group(cls=Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rnnsweep", prog_name="rnnsweep", message="%(prog)s %(version)s")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Sweeps, tracking and honest comparisons for recurrent networks.

    A run is composed from the files of conf/ and overrides as model=gru or optimizer.lr=0.01; a sweep
    asks one question of many runs and is a file of sweeps/; what came out lies in mlruns/.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _write_any_character() -> None:
    """Write what an output's encoding lacks as an escape: no result is lost for a character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end_on_sigterm_as_on_ctrl_c() -> None:
    """Let a run that is told to end by its machine get its end state, as one that is told by its user."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        try:
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # training knows it for no one's own
        except ValueError:  # not the main thread: the program around us decides
            return


def _user_mistake(error: Exception, *, shown: bool) -> int:
    if shown:
        traceback.print_exception(error)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        _say("error:", f"{error.format_message()} See: {error.ctx.command_path} --help")
    else:
        _say("error:", error.format_message() if isinstance(error, click.ClickException) else str(error))
    return USER


def _place_at_fault(error: BaseException) -> UserError | None:
    """Name what this user may not write, a disk that is full, a store that is damaged; None for others."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.errno in _REFUSED:
            return UserError(f"{inner.filename or 'a file'}: {inner.strerror}; {_RIGHT}")
        if isinstance(inner, OSError) and inner.errno in _UNLOCKED and inner.filename is None:
            places = "RNNSWEEP_HOME and RNNSWEEP_CACHE name folders on one that has"
            return UserError(f"the file system has no locks ({inner.strerror}); {places}")
        if is_full_disk(inner):
            place = getattr(inner, "filename", None) or find_paths().mlruns
            return UserError(f"{place}: the disk is full; {_ROOM}")
        if type(inner).__name__ in ("OperationalError", "DatabaseError") and (
            fault := _store_at_fault(inner)
        ):
            return fault
        inner = inner.__cause__
    return None


def _store_at_fault(error: BaseException) -> UserError | None:
    """Say in which state MLflow's database is, by what SQLite says of it."""
    database, said = find_paths().mlruns / "mlflow.db", str(error)
    if said.startswith(_NO_ROOM):
        return UserError(f"{database}: the disk is full; {_ROOM}")
    if said.startswith(_DATABASE):
        return UserError(f"{database}: {said}; {_RIGHT}")
    if said.startswith(_DAMAGED):
        from rnnsweep.tracking.store.opened import AGAIN

        return UserError(f"{database}: {' '.join(said.split())[:120]}; {AGAIN}")
    return None


def _our_mistake(error: Exception, arguments: Sequence[str]) -> int:
    if _TRACEBACK in arguments:
        traceback.print_exception(error)
        return OURS
    first = str(error).strip().splitlines()[0] if str(error).strip() else ""
    log = _write_log(error, arguments)
    _say("internal error:", masked(f"{type(error).__name__}: {first}")[:300])
    _say("", f"The traceback is in {log}; to see it here, add {_TRACEBACK}.")
    return OURS


def _write_log(error: Exception, arguments: Sequence[str]) -> Path:
    """Keep the traceback where it hurts nothing: in the user's folder for logs, else a temporary one."""
    import platformdirs

    text = "".join(traceback.format_exception(error))
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.log"
    for folder in (platformdirs.user_log_path("rnnsweep"), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            log = folder / name
            with open(
                os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
                "w",
                encoding="utf-8",
                errors="backslashreplace",
            ) as file:
                file.write(masked(f"{command_line(*arguments)}\n\n{text}"))
        except OSError:
            continue
        return log
    return Path(os.devnull)


def _say(word: str, text: str) -> None:
    styled = click.style(word, fg="red" if "error" in word else "yellow", bold=True) if word else ""
    shown, columns = escape_control_characters(text), error_columns()
    if columns is not None:
        shown = wrapped(shown, columns, taken=len(word) + 1 if word else 0)
    click.echo(" ".join(part for part in (styled, shown) if part), err=True)
