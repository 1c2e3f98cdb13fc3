"""A controller of 10 to 1,000 slots and 100,000 trials, on a cluster that is simulated: where it breaks.

`python -m benchmarks many_slots` simulates all of it in about 20 minutes of two cores, and renews
docs/many_slots.json, the tables of docs/many_slots.md and its picture.
`python -m benchmarks.many_slots --quick` prints the rows of a small run and writes nothing.
"""

import json
import multiprocessing
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks._cluster_simulated import NODE
from benchmarks._many_slots import Case, run_case, run_store

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, ROWS, PICTURE = DOCS / "many_slots.md", DOCS / "many_slots.json", DOCS / "pictures" / "many_slots.svg"
MOST = 1000  # slots
TYPICAL = Case(MOST, 2000)
BY_SLOTS = [Case(10, 400), Case(30, 400), Case(100, 1000), Case(300, 1500), TYPICAL]
BY_LENGTH = [Case(MOST, 1500, seconds=seconds) for seconds in (30, 10, 3)]
FEWER = [Case(100, 600, seconds=seconds) for seconds in (3, 1)]
BY_DISK = [Case(MOST, 1500, disk_ms=milliseconds) for milliseconds in (4.0, 12.0)]
LARGE = Case(MOST, 100_000)  # its marks show what a sweep of fewer trials costs
QUICK = [Case(4, 24, studies=2), Case(16, 96, studies=2), Case(16, 96, studies=2, seconds=0.3, disk_ms=12.0)]
Row = dict[str, Any]


def run_all(cases: Iterable[Case], *, workers: int = 2) -> Iterable[Row]:
    """Yield the row of each case as soon as it is there; each is simulated in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(run_case, case) for case in dict.fromkeys(cases)]):
            yield done.result()


def renew() -> None:
    """Simulate what the page shows, write each row when it is there, then the page."""
    from benchmarks.__main__ import commit, hardware

    found = read() if ROWS.is_file() else {"rows": [], "marks": []}
    stamp = {"date": time.strftime("%Y-%m-%d"), "commit": commit(), "machine": hardware()}
    found = {**found, **stamp, "store": run_store(), "remark": ""}
    for row in run_all([LARGE, *BY_SLOTS, *BY_LENGTH, *FEWER, *BY_DISK]):
        print(json.dumps(row), file=sys.stderr, flush=True)
        keep(found, row)
    write(found)


def keep(found: dict[str, Any], row: Row) -> None:
    """Put a row in the place of the older one of its case, and write all of them."""
    marks = row.pop("marks")
    if case_of(row) == LARGE:
        found["marks"] = marks
    found["rows"] = [*(old for old in found["rows"] if case_of(old) != case_of(row)), row]
    ROWS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def read() -> dict[str, Any]:
    """Return the rows that were simulated last, and of what."""
    found: dict[str, Any] = json.loads(ROWS.read_text(encoding="utf-8"))
    return found


def write(found: dict[str, Any]) -> None:
    """Write the tables of the page, and its picture."""
    from benchmarks import statistics

    page = PAGE.read_text(encoding="utf-8")
    for name, text in tables(found).items():
        page = statistics.replaced(page, name, text)
    PAGE.write_text(page, encoding="utf-8")
    PICTURE.write_text(picture(found), encoding="utf-8")


def case_of(row: Row) -> Case:
    """Return the case of a row."""
    return Case(**{name: row[name] for name in asdict(Case(1, 1))})


def rows_of(found: dict[str, Any], cases: Sequence[Case]) -> list[Row]:
    """Return the rows of some cases, in their order; those that are not simulated yet are left out."""
    known = {case_of(row): row for row in found["rows"]}
    return [known[case] for case in cases if case in known]


def shortest(row: Row) -> float:
    """Return the average seconds of trials at which the controller has no time left."""
    return float(row["seconds"] * (row["load"] + row["disk"]))


def percent(share: float) -> str:
    """Write a share in percent, in two digits at least."""
    return f"{100 * share:.3g} %" if share < 0.1 else f"{100 * share:.0f} %"


def tables(found: dict[str, Any]) -> dict[str, str]:
    """Return the tables of the page by their names."""
    return {
        "slots": _by_slots(rows_of(found, BY_SLOTS)),
        "length": _by_length(rows_of(found, [TYPICAL, *BY_LENGTH, *FEWER])),
        "disk": _by_disk(rows_of(found, [TYPICAL, *BY_DISK])),
        "trials": _by_trials(found["marks"]),
        "store": _store(rows_of(found, [TYPICAL]), found["store"]),
        "stamp": f"The figures are of {found['date']}, commit {found['commit']}. {found['remark']}".strip(),
    }


def _by_slots(rows: list[Row]) -> str:
    heads = ("slots", "nodes", "ms an event", "computes", "waits for the disk", "slots busy", "keeps up from")
    return _table(
        heads,
        [
            (
                f"{row['slots']:,}",
                row["nodes"],
                f"{row['event_ms']:.2f}",
                percent(row["load"]),
                percent(row["disk"]),
                f"{100 * row['busy']:.1f} %",
                f"{shortest(row):.2g} s",
            )
            for row in rows
        ],
    )


def _by_length(rows: list[Row]) -> str:
    heads = ("slots", "seconds of a trial", "trials a second", *LOADED)
    lines = [(f"{row['slots']:,}", f"{row['seconds']:g}", f"{row['trials_a_second']:.1f}") for row in rows]
    return _table(heads, [(*line, *_loaded(row)) for line, row in zip(lines, rows, strict=True)])


def _by_disk(rows: list[Row]) -> str:
    lines = [(f"{row['disk_ms']:g} ms", f"{row['trials_a_second']:.1f}") for row in rows]
    heads = ("one wait", "trials a second", *LOADED)
    return _table(heads, [(*line, *_loaded(row)) for line, row in zip(lines, rows, strict=True)])


LOADED = ("computes", "waits for the disk", "slots busy", "silent for")


def _loaded(row: Row) -> tuple[str, ...]:
    shares = (percent(row[name]) for name in ("load", "disk", "busy"))
    silent = "-" if row.get("silent_s") is None else f"{row['silent_s']:.1f} s"
    return (*shares, silent)


def _by_trials(marks: list[Row]) -> str:
    heads = ("trials", "sweep", "slot hours", "node hours", "controller computes", "a trial", "memory")
    return _table(
        heads,
        [
            (
                f"{mark['trials']:,}",
                f"{mark['hours']:.2f} h",
                f"{mark['hours'] * LARGE.slots:,.0f}",
                f"{mark['hours'] * LARGE.slots / NODE:,.1f}",
                f"{mark['computed'] / 60:.1f} min",
                f"{mark['trial_ms']:.1f} ms",
                f"{mark['memory_MiB']:,.0f} MiB",
            )
            for mark in marks
        ],
    )


def _store(rows: list[Row], store: dict[str, float]) -> str:
    words = {
        "journal_bytes": "journal of the search",
        "ledger_bytes": "ledger",
        "folder_bytes": "folder of the trial: outcome, log",
        "spool_bytes": "spool, until it is sent",
        "database_bytes": "MLflow's SQLite, sent for real",
        "record_bytes": "record and artifacts, sent for real",
    }
    (row,) = rows
    sizes = {**row, **store}
    lines = [
        (text, f"{sizes[name] / 1000:.2f} kB", f"{sizes[name] * LARGE.trials / 1e9:.2f} GB")
        for name, text in words.items()
    ]
    return _table(("what", "a trial", f"{LARGE.trials:,} trials"), lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (heads, rule, *rows))


def picture(found: dict[str, Any]) -> str:
    """Draw the load by the number of slots, and how busy slots are by the length of trials."""
    import altair as alt

    from rnnsweep.comparison.figures import drawing

    names = {"load": "computes", "disk": "waits for the disk"}
    shades = {"computes": "var(--calm)", "waits for the disk": "var(--good)", "both": "var(--ink)"}
    by_slots = rows_of(found, BY_SLOTS)
    points = [(row["slots"], word, row[name]) for row in by_slots for name, word in names.items()]
    points += [(row["slots"], "both", row["load"] + row["disk"]) for row in by_slots]
    data = drawing.table(points, "slots", "part", "load")
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=list(shades), range=list(shades.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    log = alt.Scale(type="log")
    slots = alt.X("slots:Q", scale=log, title="slots", axis=alt.Axis(values=[10, 30, 100, 300, 1000]))
    load = alt.Y(
        "load:Q",
        scale=log,
        title="share of the controller's time",
        axis=alt.Axis(format="~%", values=[0.001, 0.01, 0.1, 1]),
    )
    limit = alt.Chart(drawing.table([(1.0,)], "load")).mark_rule(strokeDash=[4, 4], color="var(--bad)")
    left = alt.Chart(data).mark_line(point=True).encode(x=slots, y=load, color=colour)
    busy = [(row["seconds"], row["busy"]) for row in rows_of(found, [TYPICAL, *BY_LENGTH])]
    right = alt.Chart(drawing.table(busy, "seconds", "busy"))
    right = right.mark_line(point={"color": "var(--ink)"}, color="var(--ink)")
    right = right.encode(
        x=alt.X("seconds:Q", scale=log, title="seconds of a trial", axis=alt.Axis(values=[3, 10, 30, 90])),
        y=alt.Y(
            "busy:Q",
            scale=alt.Scale(domain=[0, 1]),
            title=f"slots busy, of {MOST:,}",
            axis=alt.Axis(format="~%"),
        ),
    )
    panels = alt.hconcat(
        alt.layer(limit.encode(y="load:Q"), left).properties(width=270, height=220),
        right.properties(width=270, height=220),
        spacing=40,
    )
    label = "The controller's load by the number of slots, and how busy slots are by the length of trials"
    return drawing.standalone(drawing.draw(panels, "many-slots", label), {}) + "\n"


def main(words: Sequence[str]) -> None:
    """Print the rows of a small run, or renew the page."""
    if words == ["--quick"]:
        print(json.dumps(list(run_all(QUICK)), indent=1))
    elif words:
        sys.exit(f"{words[0]}: --quick, or nothing")
    else:
        renew()


if __name__ == "__main__":
    main(sys.argv[1:])
