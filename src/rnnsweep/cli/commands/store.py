"""`ui` and `sync`: the store of all runs."""

import click

from rnnsweep.cli.command import command
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths


@command(
    "ui",
    ("rnnsweep ui", "open the MLflow UI on mlruns/ of this project, from any folder"),
    ("rnnsweep ui --browser --port 5001", "the same in a browser, on another port"),
    ("rnnsweep ui --team", "what a server for several people needs"),
    ("rnnsweep ui --team --uri https://box.lab", "ask one that runs whether it has it"),
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="The first one tried."
)
@click.option("--browser", is_flag=True, help="Open a browser on it.")
@click.option("--uri", help="The store, as setting tracking.uri. [default: MLFLOW_TRACKING_URI, mlruns/]")
@click.option("--team", is_flag=True, help="Check what a server for several people needs; starts none.")
@click.option("--store", help="With --team: its database, as postgresql://USER@HOST/DATABASE.")
@click.option("--artifacts", help="With --team: where it keeps files, as s3://BUCKET/PATH or a folder.")
@click.option("--host", "hosts", multiple=True, help="With --team: a name that people open it by.")
def ui_command(
    port: int,
    browser: bool,
    uri: str | None,
    team: bool,
    store: str | None,
    artifacts: str | None,
    hosts: tuple[str, ...],
) -> int:
    """Open the MLflow UI on all runs.

    It opens at the last sweep. Ctrl-C ends it.
    """
    if team:
        return _check_team(uri, store=store, artifacts=artifacts, hosts=hosts)
    if store or artifacts or hosts:
        raise click.UsageError("--store, --artifacts and --host belong to --team.")
    from rnnsweep.tracking import serve_ui, sync

    places = find_paths()
    if line := sync(places.mlruns, uri).line:
        click.echo(line, err=True)
    serve_ui(places.mlruns, port=port, open_browser=browser, uri=uri, say=click.echo)
    return 0


def _check_team(uri: str | None, *, store: str | None, artifacts: str | None, hosts: tuple[str, ...]) -> int:
    """Print what was tried and what to do; 1 where a point does not hold."""
    from rnnsweep.tracking.ui.team import check_parts, check_server, proxy_lines, start_lines

    if uri and not uri.startswith(("http://", "https://")):
        raise click.UsageError(f"--uri {uri}: --team asks a server; give http:// or https://, or --store.")
    checks = check_server(uri) if uri else check_parts(store=store, artifacts=artifacts, hosts=hosts)
    for one in checks:
        sign = click.style("holds  ", fg="green") if one.holds else click.style("missing", fg="red")
        click.echo(f"{sign}  {one.what:<14}  {one.found}")
        if not one.holds:
            click.echo(f"{'':<25}{one.remedy}")
    if not uri:
        click.echo("\nIt is started on its machine, where it listens on loopback alone, with:")
        click.echo("\n".join(start_lines(store=store, artifacts=artifacts, hosts=hosts)))
        click.echo("\nBefore it stands a proxy that speaks TLS and closes the assistant, as Caddy with:")
        click.echo("\n".join(proxy_lines(hosts)))
        click.echo("\nPeople use it with MLFLOW_TRACKING_URI=https://NAME, MLFLOW_TRACKING_USERNAME and")
        click.echo("MLFLOW_TRACKING_PASSWORD in their environment.")
    return 0 if all(one.holds for one in checks) else 1


@command("sync", ("rnnsweep sync", "send what could not be sent, because a server was down"))
def sync_command() -> int:
    """Send to the store what earlier commands could not send."""
    from rnnsweep.tracking import sync
    from rnnsweep.tracking.store.store import refuse_old_layout

    refuse_old_layout(find_paths().mlruns)
    found = sync(find_paths().mlruns)
    click.echo(found.line or "Nothing waits: all runs are in the store.")
    return 1 if found.waiting else 0


@command("migrate", ("rnnsweep migrate", "how the runs of an old file store come into mlruns/mlflow.db"))
def migrate_command() -> None:
    """Print MLflow's command that takes over an old file store.

    MLflow kept runs as folders in mlruns/ until 3.13; its own command brings them into a database.
    """
    from rnnsweep.tracking.store.store import refuse_old_layout

    mlruns = find_paths().mlruns
    refuse_old_layout(mlruns)
    raise UserError(f"{mlruns}: is no MLflow file store without a database; nothing to migrate")
