"""Pages of ours beside MLflow's: sweeps that run, reports, links to views, and what is switched off."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from rnnsweep.drawing.palette import colour, colours
from rnnsweep.drawing.times import about
from rnnsweep.errors import UserError
from rnnsweep.files import read_own
from rnnsweep.state import SweepStatus, read_status
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.read.local import experiments, last_sweep, read_points, read_rows, searches_yet
from rnnsweep.tracking.read.row import RunRow
from rnnsweep.tracking.read.runs import score_of
from rnnsweep.tracking.ui.hosts import Application
from rnnsweep.tracking.ui.links import LAST, SHORT, page_behind, page_of_last
from rnnsweep.tracking.ui.views import TITLES, UNFINISHED

LIVE, REPORT = "/live", "/report/"
UNWANTED = ("/mlflow/assistant", "/gateway/")
EVERY_S = 5  # between two loads of the page
SHOWN = 20  # sweeps on the page
CURVES = 60  # learning curves of a sweep, those of the newest runs
WIDTH, HEIGHT, EDGE = 720, 220, 52  # of their chart, in pixels, and what its labels take
_FRESH = {"cache-control": "no-store"}
_ACTIVE = ("running", "paused")
_TRAINED = ("trial", "replicate")  # roles of runs that have learning curves
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;margin:.5rem 0 1rem}"
    "td,th{text-align:right;padding:.15rem .8rem}td:first-child,th:first-child{text-align:left}"
    "progress{width:10rem}h2{margin:1.5rem 0 0}small{opacity:.7}svg{max-width:100%}"
    "svg text{font:12px system-ui,sans-serif;fill:currentColor}"
)


def with_own_pages(app: Application, mlruns: Path) -> Application:
    """Answer the paths that have a page of ours; everything else is MLflow's."""

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        await (_page(mlruns, scope.get("path", "")) or app)(scope, receive, send)

    return answered


def _page(mlruns: Path, path: str) -> Response | None:
    """Return the page of ours at a path; None where there is none.

    ``/view/SWEEP/VIEW``, which fits on a line of a terminal, leads to the page of the view, and ``/view``
    alone to that of the sweep that was started last: to its search until there is something to compare.
    """
    if any(part in path for part in UNWANTED):
        return PlainTextResponse("switched off", 404)
    if path == LIVE:
        return HTMLResponse(live_page(mlruns), headers=_FRESH)
    if path.startswith(REPORT):
        return _report(mlruns, path.removeprefix(REPORT))
    if path in (LAST, SHORT):
        last = last_sweep(mlruns)
        searches = last is not None and searches_yet(mlruns, last, unfinished=UNFINISHED)
        return RedirectResponse(page_of_last(last, view="search" if searches else "standings"))
    if not path.startswith(SHORT):
        return None
    known = experiments(mlruns)
    if page := page_behind(path, known):
        return RedirectResponse(page)
    return PlainTextResponse(f"no such view; sweeps here: {', '.join(sorted(known)) or 'none'}", 404)


def _report(mlruns: Path, sweep: str) -> Response:
    try:
        return HTMLResponse(read_own(SweepFolder.of(mlruns, sweep).report), headers=_FRESH)
    except (OSError, UserError):
        words = "this sweep has no report yet: rnnsweep compare SWEEP"
        return PlainTextResponse(words, 404, headers=_FRESH)


def live_page(mlruns: Path) -> str:
    """Return the page of all sweeps, those that run first; the browser loads it again every few seconds."""
    sweeps = sorted(_statuses(mlruns), key=lambda one: one.state not in _ACTIVE)[:SHOWN]
    running = sum(one.state in _ACTIVE for one in sweeps)
    drawn = [n == 0 or one.state in _ACTIVE for n, one in enumerate(sweeps)]
    body = "".join(_sweep(mlruns, one, drawn=curves) for one, curves in zip(sweeps, drawn, strict=True))
    body = body or "<p>No sweep was started yet: <code>rnnsweep sweep NAME</code></p>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="{EVERY_S}">'
        f"<title>{running} running</title><style>{_STYLE}</style></head>"
        f"<body><h1>Sweeps</h1><p><small>{running} running; this page loads itself again every {EVERY_S} s. "
        f'<a href="/">All runs in MLflow</a></small></p>{body}</body></html>'
    )


def _statuses(mlruns: Path) -> Iterator[SweepStatus]:
    for folder in SweepFolder.every(mlruns):
        with suppress(UserError, OSError, ValueError):  # a sweep of another version, or removed meanwhile
            yield read_status(mlruns, folder.name)


def _sweep(mlruns: Path, status: SweepStatus, *, drawn: bool) -> str:
    name = quote(status.sweep)
    links = [f'<a href="/view/{name}/{view}">{title}</a>' for view, title in TITLES.items()]
    if SweepFolder(status.folder).report.is_file():
        links.insert(0, f'<a href="{REPORT}{name}">Report</a>')
    failed = len(status.failures)
    failures = f"{failed} failed" if failed else "nothing failed"
    heads = "".join(f"<th>{head}</th>" for head in ("architecture", "", "trials", "best", "replicates"))
    shades = colours(one.architecture for one in status.standings)
    rows = "".join(
        f'<tr><td><span style="color:{shades[one.architecture]}">&#9679;</span>'
        f" {escape(one.architecture)}</td>"
        f'<td><progress value="{one.share:.3f}"></progress></td>'
        f"<td>{one.ended}{'' if one.budget is None else f' of {one.budget}'}</td>"
        f"<td>{'' if one.best is None else format(one.best, '.4f')}</td>"
        f"<td>{one.replicates} of {one.replicates_wanted}</td></tr>"
        for one in status.standings
    )
    expected = about(status.eta, status.eta_most)
    left = f", {expected} left" if expected else ""
    curves = _curves(mlruns, status.sweep, shades) if drawn else ""
    return (
        f"<h2>{escape(status.sweep)} <small>{status.state}{left}, {failures}</small></h2>{curves}"
        f"<table><tr>{heads}</tr>{rows}</table><p>{' · '.join(links)}</p>"
    )


def _curves(mlruns: Path, sweep: str, shades: Mapping[str, str]) -> str:
    """Return a chart of the newest runs' validation scores over optimiser steps; ended runs are pale."""
    rows = [row for row in read_rows(mlruns, sweep) if row.tags.get("rnnsweep.role") in _TRAINED]
    newest = {row.run_id: row for row in sorted(rows, key=lambda row: row.started)[-CURVES:]}
    if not newest:
        return ""
    score = score_of(rows[-1])
    points: dict[str, list[tuple[int, float]]] = {}
    for run_id, _, step, value in read_points(mlruns, sweep, {f"validation/{score.name}"}):
        if run_id in newest and math.isfinite(value):
            points.setdefault(run_id, []).append((step, value))
    if not points:
        return ""
    frame = _Frame.around(points)
    lines = [_line(newest[run_id], sorted(curve), frame, shades) for run_id, curve in points.items()]
    return frame.draw(f"validation {score.title}", "".join(lines))


def _line(row: RunRow, curve: Sequence[tuple[int, float]], frame: "_Frame", shades: Mapping[str, str]) -> str:
    name = row.tags.get("rnnsweep.architecture", "")
    opacity = 1.0 if row.tags.get("rnnsweep.state") == "running" else 0.35
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (frame.place(*point) for point in curve))
    (x, y), shade = frame.place(*curve[-1]), shades.get(name) or colour(name)
    return (
        f'<g opacity="{opacity}"><title>{escape(row.name)}</title>'
        f'<polyline fill="none" stroke="{shade}" stroke-width="1.5" points="{path}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{shade}"/></g>'
    )


@dataclass(frozen=True)
class _Frame:
    """The scales of a chart: steps to the right, scores upwards."""

    last: int  # step
    low: float
    high: float

    @classmethod
    def around(cls, curves: Mapping[str, Sequence[tuple[int, float]]]) -> "_Frame":
        """Return the frame that has room for all points."""
        steps, values = zip(*(point for curve in curves.values() for point in curve), strict=True)
        return cls(max(1, *steps), min(values), max(values))

    def place(self, step: int, value: float) -> tuple[float, float]:
        """Return where a point is, in pixels."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        across = EDGE + (WIDTH - 2 * EDGE) * step / self.last
        return across, HEIGHT - EDGE / 2 - (HEIGHT - EDGE) * share

    def draw(self, title: str, lines: str) -> str:
        """Return the chart with its labels around the lines."""
        bottom = HEIGHT - EDGE / 2
        return (
            f'<p><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{escape(title)}">'
            f'<path d="M{EDGE} {EDGE / 2}V{bottom}H{WIDTH - EDGE}" fill="none" stroke="currentColor"/>'
            f'<text x="{EDGE}" y="14">{escape(title)}</text>'
            f'<text x="{EDGE - 4}" y="{EDGE / 2 + 8}" text-anchor="end">{self.high:.3g}</text>'
            f'<text x="{EDGE - 4}" y="{bottom}" text-anchor="end">{self.low:.3g}</text>'
            f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 4}" text-anchor="end">step {self.last:,}</text>'
            f"{lines}</svg></p>"
        )
