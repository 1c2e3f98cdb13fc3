"""`ui` and `sync`: the store of all runs."""

import click

from rnnsweep.cli.command import command
from rnnsweep.places import find_places


@command(
    "ui",
    ("rnnsweep ui", "open the MLflow UI on mlruns/ of this project, from any folder"),
    ("rnnsweep ui --browser --port 5001", "the same in a browser, on another port"),
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="The first one tried."
)
@click.option("--browser", is_flag=True, help="Open a browser on it.")
@click.option("--uri", help="The store, as setting tracking.uri. [default: MLFLOW_TRACKING_URI, mlruns/]")
def ui_command(port: int, browser: bool, uri: str | None) -> None:
    """Open the MLflow UI on all runs.

    It opens at the last sweep. Ctrl-C ends it.
    """
    from rnnsweep.tracking import serve_ui, sync

    places = find_places()
    if line := sync(places.mlruns, uri).line:
        click.echo(line, err=True)
    serve_ui(places.mlruns, port=port, open_browser=browser, uri=uri, say=click.echo)


@command("sync", ("rnnsweep sync", "send what could not be sent, because a server was down"))
def sync_command() -> int:
    """Send to the store what earlier commands could not send."""
    from rnnsweep.tracking import sync

    found = sync(find_places().mlruns)
    click.echo(found.line or "Nothing waits: all runs are in the store.")
    return 1 if found.waiting else 0
