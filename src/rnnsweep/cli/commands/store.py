"""`ui`, `sync`, `store` and `migrate`: the store of all runs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from rnnsweep import api, tracking
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import complete_sweep
from rnnsweep.cli.output import echo, one_json_object, telling
from rnnsweep.cli.words import count
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.tracking.store.store import refuse_old_layout
from rnnsweep.tracking.ui.hosts import PORT

if TYPE_CHECKING:
    from rnnsweep.tracking.ship.rebuild import Rebuilt


@command(
    "ui",
    ("rnnsweep ui", "open the MLflow UI on mlruns/ of this project, from any folder"),
    ("rnnsweep ui --live", "watch the sweeps that run now"),
    ("rnnsweep ui --browser --port 5001", "the same in a browser, on another port"),
    ("rnnsweep ui --team", "what a server for several people needs"),
    ("rnnsweep ui --team --uri https://box.lab", "check a server that runs"),
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="The first one tried."
)
@click.option("--browser", is_flag=True, help="Open a browser on it.")
@click.option("--live", is_flag=True, help="Open at the sweeps that run now; the page renews itself.")
@click.option("--uri", help="The store, as setting tracking.uri. [default: MLFLOW_TRACKING_URI, mlruns/]")
@click.option("--team", is_flag=True, help="Check what a server for several people needs; starts none.")
@click.option("--store", help="With --team: its database, as postgresql://USER@HOST/DATABASE.")
@click.option("--artifacts", help="With --team: where it keeps files, as s3://BUCKET/PATH or a folder.")
@click.option("--host", "hosts", multiple=True, help="With --team: a name that people open it by.")
def ui_command(
    port: int,
    browser: bool,
    live: bool,
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

    places = find_paths()
    if line := tracking.sync(places.mlruns, uri, patient=False).line:
        echo(line, err=True)
    tracking.serve_ui(places.mlruns, port=port, open_browser=browser, uri=uri, live=live, say=echo)
    return 0


def _check_team(uri: str | None, *, store: str | None, artifacts: str | None, hosts: tuple[str, ...]) -> int:
    """Print what was tried and what to do; 1 where a point does not hold."""
    from rnnsweep.tracking.ui.team import check_parts, check_server, proxy_lines, start_lines

    if uri and not uri.startswith(("http://", "https://")):
        raise click.UsageError(f"--uri {uri}: --team asks a server; give http:// or https://, or --store.")
    checks = check_server(uri) if uri else check_parts(store=store, artifacts=artifacts, hosts=hosts)
    for one in checks:
        sign = click.style("holds  ", fg="green") if one.holds else click.style("missing", fg="red")
        echo(f"{sign}  {one.what:<14}  {one.found}")
        if not one.holds:
            echo(f"{'':<25}{one.remedy}")
    if not uri:
        echo("\nIt is started on its machine, where it listens on loopback alone, with:")
        echo("\n".join(start_lines(store=store, artifacts=artifacts, hosts=hosts)))
        echo("\nIn front of it runs a proxy with TLS that closes the assistant. For Caddy:")
        echo("\n".join(proxy_lines(hosts)))
        echo("\nPeople use it with MLFLOW_TRACKING_URI=https://NAME, MLFLOW_TRACKING_USERNAME and")
        echo("MLFLOW_TRACKING_PASSWORD in their environment.")
    return 0 if all(one.holds for one in checks) else 1


@command("sync", ("rnnsweep sync", "send what could not be sent, because a server was down"))
def sync_command() -> int:
    """Send to the store what earlier commands could not send."""
    refuse_old_layout(find_paths().mlruns)
    result = tracking.sync(find_paths().mlruns)
    echo(result.line or "Nothing waits: all runs are in the store.")
    return 1 if result.waiting else 0


@command(
    "store",
    ("rnnsweep store rebuild", "make mlruns/mlflow.db and mlruns/artifacts/ again from mlruns/records/"),
    ("rnnsweep store rebuild quickstart", "the same for the runs of one sweep"),
)
@click.argument("action", type=click.Choice(["rebuild"]))
@click.argument("sweep", shell_complete=complete_sweep, required=False)
@json_option
def store_command(action: str, sweep: str | None, as_json: bool) -> int:
    """Make MLflow's database and artifacts again from the records.

    Every run keeps what it recorded in mlruns/records/. After mlflow.db or artifacts/ were lost or damaged
    (move a damaged one away), this brings runs, points, parameters, tags and files back. Runs that are there
    keep their ids and get what they lack; runs that were deleted in the UI stay deleted. Registered models
    come back with `rnnsweep sweep SWEEP`.
    """
    with one_json_object(as_json) as emit, telling() as tell:
        done = api.rebuild_store(sweep, tell=tell)
        emit(asdict(done))
    if not as_json:
        for line in _rebuilt(done):
            echo(line)
    return 1 if done.waiting else 0


def _rebuilt(done: "Rebuilt") -> Iterator[str]:
    yield f"{count(done.runs, 'run')} with {done.points:,} points sent to the store again."
    if done.deleted:
        yield f"{count(len(done.deleted), 'run')} deleted in the UI, and left so; see `rnnsweep clean`."
    if done.elsewhere:
        yield f"{count(len(done.elsewhere), 'run')} left alone: they belong to a tracking server."
    if done.waiting:
        why = f" ({done.errors[0]})" if done.errors else ""
        yield f"{count(len(done.waiting), 'run')} not taken by the store{why}: `rnnsweep sync` sends them."


@command("migrate", ("rnnsweep migrate", "how the runs of an old file store come into mlruns/mlflow.db"))
def migrate_command() -> None:
    """Print MLflow's command that takes over an old file store.

    MLflow kept runs as folders in mlruns/ until 3.13; its own command brings them into a database.
    """
    mlruns = find_paths().mlruns
    refuse_old_layout(mlruns)
    raise UserError(f"{mlruns} has no runs of MLflow older than 3.13 in folders; nothing to migrate")
