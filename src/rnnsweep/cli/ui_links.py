"""Where to look at a sweep in the MLflow UI, as lines under its answer."""

from rnnsweep.cli.output import out
from rnnsweep.paths import find_paths


def print_views(sweep: str) -> None:
    """Print the addresses of a sweep's prepared views, or the command that opens the UI."""
    from rnnsweep.tracking import key_of_sweep, sweep_links

    mlruns = find_paths().mlruns
    key = key_of_sweep(mlruns, sweep)
    links = sweep_links(mlruns, sweep, key) if key else {}
    out().print("All runs: rnnsweep ui" + (", and then" if links else ""), style="dim")
    for title, link in links.items():
        line = f"  {title:<16} {link}"
        out().print(line, style="dim", soft_wrap=True)
