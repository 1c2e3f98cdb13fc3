"""Pages of ours beside MLflow's: the sweeps that run, renewed by themselves, and each sweep's report."""

from collections.abc import Awaitable, Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rnnsweep.errors import UserError
from rnnsweep.files import read_own
from rnnsweep.palette import colour
from rnnsweep.state import SweepStatus, read_status
from rnnsweep.state.folder import SweepFolder

Application = Callable[[Any, Any, Any], Awaitable[None]]
LIVE, REPORT = "/live", "/report/"
EVERY_S = 5  # between two loads of the page
SHOWN = 20  # sweeps on the page
_ACTIVE = ("running", "paused")
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;margin:.5rem 0 1rem}"
    "td,th{text-align:right;padding:.15rem .8rem}td:first-child,th:first-child{text-align:left}"
    "progress{width:10rem}h2{margin:1.5rem 0 0}small{opacity:.7}"
)


def with_own_pages(app: Application, mlruns: Path) -> Application:
    """Answer `/live` and `/report/SWEEP`; everything else is MLflow's."""

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == LIVE or path.startswith(REPORT)):
            await app(scope, receive, send)
            return
        page = live_page(mlruns).encode() if path == LIVE else _report(mlruns, path.removeprefix(REPORT))
        status, body = (200, page) if page else (404, b"this sweep has no report yet: rnnsweep compare SWEEP")
        kind = b"text/html; charset=utf-8" if page else b"text/plain; charset=utf-8"
        headers = [(b"content-type", kind), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answered


def _report(mlruns: Path, sweep: str) -> bytes | None:
    try:
        return read_own(SweepFolder.of(mlruns, sweep).report)
    except (OSError, UserError):
        return None


def live_page(mlruns: Path) -> str:
    """Return the page of all sweeps, those that run first; the browser loads it again every few seconds."""
    sweeps = sorted(_statuses(mlruns), key=lambda one: one.state not in _ACTIVE)[:SHOWN]
    running = sum(one.state in _ACTIVE for one in sweeps)
    body = "".join(map(_sweep, sweeps)) or "<p>No sweep was started yet: <code>rnnsweep sweep NAME</code></p>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="{EVERY_S}">'
        f"<title>{running} running</title><style>{_STYLE}</style></head>"
        f"<body><h1>Sweeps</h1><p><small>{running} running; this page renews itself every {EVERY_S} s. "
        f'<a href="/">All runs in MLflow</a></small></p>{body}</body></html>'
    )


def _statuses(mlruns: Path) -> Iterator[SweepStatus]:
    for folder in SweepFolder.every(mlruns):
        try:
            yield read_status(mlruns, folder.name)
        except (UserError, OSError, ValueError):  # a sweep of another version, or removed meanwhile
            continue


def _sweep(status: SweepStatus) -> str:
    name = quote(status.sweep)
    views = {
        "Standings": "standings",
        "Learning curves": "curves",
        "Search": "search",
        "Failures": "failures",
    }
    links = [f'<a href="/view/{name}/{view}">{title}</a>' for title, view in views.items()]
    if SweepFolder(status.folder).report.is_file():
        links.insert(0, f'<a href="{REPORT}{name}">Report</a>')
    failed = len(status.failures)
    failures = f"{failed} failed" if failed else "nothing failed"
    heads = "".join(f"<th>{head}</th>" for head in ("architecture", "", "trials", "best", "replicates"))
    rows = "".join(
        f'<tr><td><span style="color:{colour(one.architecture)}">&#9679;</span>'
        f" {escape(one.architecture)}</td>"
        f'<td><progress value="{_share(one.ended, one.budget, one.share):.3f}"></progress></td>'
        f"<td>{one.ended}{'' if one.budget is None else f' of {one.budget}'}</td>"
        f"<td>{'' if one.best is None else format(one.best, '.4f')}</td>"
        f"<td>{one.replicates} of {one.replicates_wanted}</td></tr>"
        for one in status.standings
    )
    return (
        f"<h2>{escape(status.sweep)} <small>{status.state}, {failures}</small></h2>"
        f"<table><tr>{heads}</tr>{rows}</table><p>{' · '.join(links)}</p>"
    )


def _share(ended: int, budget: int | None, share: float) -> float:
    return share if budget is None else min(1.0, ended / max(1, budget))
