"""Rich's console; apart, because importing rich takes a while."""

from rich.console import Console


class QuietConsole(Console):
    """A console that lets the command line decide what a closed pipe means; rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Pass it on."""
        raise BrokenPipeError
