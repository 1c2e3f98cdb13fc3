"""The MLflow UI on 10,000 runs of one experiment: from an address to the rows on the page, in a real browser.

The runs are one real run's rows, copied in the database under other numbers, settings and scores. Beside
`rnnsweep ui` stands `mlflow server` with one worker on the same database. Timed by the clock and, as the
machine may do other work, by the processor time of browser and server together.
"""

import json
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rnnsweep.config import compose, flatten
from rnnsweep.tracking import RunRecord, sync
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.store.store import analyse, local_uri
from rnnsweep.tracking.ui.views import OTHERS, SweepPicture, experiment_tags, page_of

RUNS, TURNS = 10_000, 3
NAME = "many"
ARCHITECTURES = ["bag", "gru", "lstm", "bilstm"]
REPLICATES = 10  # of each architecture
FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"),
    *("disable-background-networking", "disable-component-update", "disable-dev-shm-usage"),
    "window-size=1600,1000",
)
PATIENCE = 120.0  # seconds until a page must show its rows
# how many rows of the runs' table have words in them
ROWS = """return [...document.querySelectorAll('.ag-center-cols-container .ag-row')]
.filter(row => row.innerText.trim()).length"""
TABLE = (
    "#/experiments/{}/runs?workflowType=machine_learning&compareRunsMode=TABLE"
    "&orderByKey=metrics.%60best%2Fvalidation_accuracy%60&orderByAsc=false"
)


@dataclass(frozen=True)
class Look:
    """One opening: seconds by the clock, and of the processor, browser and server together."""

    wall: float
    cpu: float


_SCORES = ("accuracy", "macro_f1", "loss")
MEASURED = [f"{part}/{name}" for part in ("train", "validation") for name in _SCORES]
BEST = [f"best/validation_{name}" for name in _SCORES]


def fill(mlruns: Path, *, runs: int = RUNS) -> str:
    """Record one run for real and copy it; give the number of the experiment."""
    lr = "optimizer.lr"
    picture = SweepPicture("Does the page stay quick?", ARCHITECTURES, [lr], [lr])
    tags = {"rnnsweep.sweep": NAME, "rnnsweep.role": "trial", "rnnsweep.architecture": "bag"}
    more = {"rnnsweep.trial": "0", "rnnsweep.study": "many/bag", "rnnsweep.overrides": '["model=bag"]'}
    record = RunRecord.open(
        mlruns,
        experiment=NAME,
        name="t00 bag",
        key="many.seed",
        tags=tags | more,
        params=flatten(compose(["model=bag"])),
        experiment_tags=experiment_tags(picture, created_ms=1),
        log_scaled=[lr],
        description="`rnnsweep train model=bag`",
    )
    for step in range(1, 6):
        record.metrics({name: step / 10 for name in MEASURED} | {"epoch": step}, step=step)
    record.summary({name: 0.5 for name in (*BEST, *MEASURED, *OTHERS[:8])})
    record.summary({"test/accuracy": 0.5, "test/macro_f1": 0.5})
    record.end("complete")
    assert not sync(mlruns).waiting
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as database:
        _copy(database, runs)
        database.commit()
    analyse(mlruns)
    return read_note(mlruns, "many.seed").experiment_id


def _copy(database: sqlite3.Connection, runs: int) -> None:
    draw = random.Random(1)
    (seed,) = database.execute("SELECT run_uuid FROM runs").fetchone()
    replicates = REPLICATES * len(ARCHITECTURES)
    plan = [
        (f"{n:032x}", "replicate" if n < replicates else "trial", ARCHITECTURES[n % 4], n, draw.random())
        for n in range(runs)
    ]
    database.execute("CREATE TEMP TABLE copies (id PRIMARY KEY, role, architecture, number, score)")
    database.executemany("INSERT INTO copies VALUES (?, ?, ?, ?, ?)", plan)
    for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        chosen = ", ".join("c.id" if name == "run_uuid" else f"t.{name}" for name in columns)
        database.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} t, copies c"
            f" WHERE t.run_uuid = '{seed}'"
        )
    for table, key, column in (
        ("tags", "rnnsweep.role", "role"),
        ("tags", "rnnsweep.architecture", "architecture"),
        ("tags", "rnnsweep.trial", "number"),
        ("params", "model", "architecture"),
        ("params", "optimizer.lr", "printf('%.4g', score)"),
        ("latest_metrics", "best/validation_accuracy", "score"),
        ("latest_metrics", "test/accuracy", "score"),
    ):
        database.execute(
            f"UPDATE {table} SET value = (SELECT {column} FROM copies WHERE id = run_uuid)"
            " WHERE key = ? AND run_uuid IN (SELECT id FROM copies)",
            (key,),
        )
    database.execute("UPDATE runs SET start_time = start_time + rowid, artifact_uri = artifact_uri || rowid")
    for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
        database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (seed,))


@contextmanager
def browser(folder: Path) -> Iterator[Any]:
    """Return a headless Chromium with an empty profile."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"user-data-dir={folder}"):
        options.add_argument(f"--{flag}")
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield window
    finally:
        window.quit()


@contextmanager
def own_server(mlruns: Path) -> Iterator[tuple[str, int]]:
    """Run our UI; give its address and its process."""
    from rnnsweep.tracking.ui.serve import start_ui

    server = start_ui(mlruns, port=5700)
    try:
        yield server.address, server.process.pid
    finally:
        server.close()


@contextmanager
def their_server(mlruns: Path) -> Iterator[tuple[str, int]]:
    """Run MLflow's own server with one worker on the same database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["server", "--backend-store-uri", local_uri(mlruns), "--workers", "1", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address, process.pid
    finally:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for one in family:
            one.terminate()
        psutil.wait_procs(family, timeout=10)


def _wait_for(address: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


def cpu_of(*pids: int) -> float:
    """Return the processor seconds of processes and all that they started, those that ended included."""
    spent = 0.0
    for pid in pids:
        for one in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            times = one.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def look(window: Any, url: str, server: int, *, rows: int) -> Look:
    """Open a page as from a link and wait until its table shows so many rows."""
    window.get("about:blank")
    driver = window.service.process.pid
    before, began = cpu_of(driver, server), time.perf_counter()
    window.get(url)
    while window.execute_script(ROWS) < rows:
        if time.perf_counter() - began > PATIENCE:
            raise TimeoutError(url)
        time.sleep(0.05)
    return Look(time.perf_counter() - began, cpu_of(driver, server) - before)


def ask(address: str, experiment: str, server: int) -> Look:
    """Search for the best 100 runs, as the page does."""
    order = ["metrics.`best/validation_accuracy` DESC"]
    body = json.dumps({"experiment_ids": [experiment], "max_results": 100, "order_by": order}).encode()
    request = urllib.request.Request(
        f"{address}/ajax-api/2.0/mlflow/runs/search", data=body, headers={"Content-Type": "application/json"}
    )
    before, began = cpu_of(server), time.perf_counter()
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert len(json.load(answer)["runs"]) == 100
    return Look(time.perf_counter() - began, cpu_of(server) - before)


def measure(mlruns: Path, experiment: str, *, turns: int = TURNS) -> dict[str, list[tuple[Look, Look]]]:
    """Open the pages on both servers in turns, each in a browser of its own: {case: [(ours, theirs)]}."""
    pages = {
        "standings of a sweep": (page_of(experiment, "standings"), len(ARCHITECTURES)),
        "table of the best 100 runs": (TABLE.format(experiment), 10),
    }
    found: dict[str, list[tuple[Look, Look]]] = {}
    with ExitStack() as stack:
        sides = []
        for server in (own_server, their_server):
            address, pid = stack.enter_context(server(mlruns))
            profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            sides.append((address, pid, stack.enter_context(browser(Path(profile)))))
        for turn in range(turns + 1):
            for name, (page, rows) in pages.items():
                pair = [look(window, f"{address}/{page}", pid, rows=rows) for address, pid, window in sides]
                case = f"{name}, {'again' if turn else 'the first time'}"
                found.setdefault(case, []).append((pair[0], pair[1]))
            pair = [ask(address, experiment, pid) for address, pid, _ in sides]
            found.setdefault("search for the best 100 runs", []).append((pair[0], pair[1]))
    return found


def row(case: str, runs: int, looks: list[tuple[Look, Look]]) -> dict:
    """Make a row of the page from the medians."""
    wall = [statistics.median(pair[side].wall for pair in looks) for side in (0, 1)]
    cpu = statistics.median(ours.cpu for ours, _ in looks)
    ratios = [theirs.wall / ours.wall for ours, theirs in looks]
    found = {
        "case": f"UI, {runs:,} runs in an experiment: {case}",
        "ours": wall[0],
        "other": wall[1],
        "other_name": "mlflow server, one worker, the same database",
        "ratio": statistics.median(ratios),
        "unit": "s",
        "note": f"{cpu:.1f} s of processor time, browser and server together",
    }
    return found | ({"range": [min(ratios), max(ratios)]} if len(looks) > 1 else {})


def run(runs: int = RUNS, turns: int = TURNS) -> list[dict]:
    """Fill a database, open its pages; nothing where there is no Chromium."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        return []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        mlruns = Path(name) / "mlruns"
        looks = measure(mlruns, fill(mlruns, runs=runs), turns=turns)
    return [row(case, runs, pairs) for case, pairs in looks.items()]


if __name__ == "__main__":
    for each in run():
        print(each)
