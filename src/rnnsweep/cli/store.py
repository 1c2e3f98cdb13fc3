"""`ui` and `sync`: the store of all runs."""

import click

from rnnsweep.cli.command import command
from rnnsweep.places import find_places


@command(
    "ui",
    ("rnnsweep ui", "open the MLflow UI on mlruns/ of this project, from any folder"),
    ("rnnsweep ui --port 5001 --no-browser", "on another port, to look at from elsewhere"),
)
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--browser/--no-browser", default=True, help="Open a browser.")
def ui_command(port: int, host: str, browser: bool) -> int:
    """Open the MLflow UI on all runs. Ctrl-C ends it."""
    from rnnsweep.tracking import serve_ui

    return int(serve_ui(find_places().mlruns, host=host, port=port, browser=browser))


@command("sync", ("rnnsweep sync", "send what could not be sent, because a server was down"))
def sync_command() -> int:
    """Send to the store what earlier commands could not send."""
    from rnnsweep.tracking import sync

    found = sync(find_places().mlruns)
    click.echo(found.line or "Nothing waits: all runs are in the store.")
    return 1 if found.waiting else 0
