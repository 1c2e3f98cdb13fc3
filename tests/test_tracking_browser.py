"""The four views in a real browser: the right rows, columns, charts and colours.

With RNNSWEEP_PICTURES set to a folder, the pictures are kept there.
"""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tracking_store import open_run, ship

from rnnsweep.drawing.palette import colour
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.ui.serve import start_ui
from rnnsweep.tracking.ui.views import TITLES, SweepPicture, description, experiment_tags, page_of

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.slow]

ARCHITECTURES = ["stacked_bigru", "gru", "stacked_bilstm"]
FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"),
    *("disable-background-networking", "disable-component-update", "disable-dev-shm-usage"),
    "window-size=1600,1400",
)
PATIENCE = 60  # seconds until a page must show what it should


@pytest.fixture(scope="module")
def mlruns(tmp_path_factory):
    """A sweep of three architectures: four trials and three replicates of each, one failure of each."""
    folder = tmp_path_factory.mktemp("views") / "mlruns"
    picture = SweepPicture(
        question="Which reads best?",
        architectures=ARCHITECTURES,
        searched=["optimizer.lr", "model.hidden_size"],
        log_scaled=["optimizer.lr"],
    )
    tags = {"rnnsweep.role": "sweep", "rnnsweep.sweep": "q"}
    with open_run(
        folder,
        "q",
        experiment="q",
        tags=tags,
        description=description(picture.question),
        experiment_tags=experiment_tags(picture, created_ms=1),
    ):
        for place, name in enumerate(ARCHITECTURES):
            for number in range(4):
                record(folder, name, role="trial", number=number, score=0.5 + 0.1 * place)
            for number in range(3):
                record(folder, name, role="replicate", number=number, score=0.5 + 0.1 * place)
    ship(folder)
    return folder


def record(mlruns: Path, architecture: str, *, role: str, number: int, score: float) -> None:
    key = f"q.{architecture}.{role}{number}"
    tags = {
        "rnnsweep.sweep": "q",
        "rnnsweep.role": role,
        "rnnsweep.architecture": architecture,
        "rnnsweep.trial": number,
    }
    params = {
        "model": architecture,
        "optimizer.lr": 0.001 * (number + 1),
        "model.hidden_size": 8 * (number + 1),
    }
    run = open_run(
        mlruns, key, experiment="q", parent_key="q", tags=tags, params=params, log_scaled=["optimizer.lr"]
    )
    if role == "trial" and number == 3:
        run.end("failed", "Diverged: the loss is nan")
        return
    for epoch in range(1, 6):
        value = score * (1 - 0.5**epoch) + number / 100
        run.metrics(  # each run has other rows, so that an epoch has another number of steps
            {"validation/accuracy": value, "validation/loss": 1 - value, "epoch": epoch},
            step=(10 + number) * epoch,
        )
    run.summary({"best/validation_accuracy": value, "params_total": 100, "time/seconds": 1.0})
    if role == "replicate":
        run.summary({"test/accuracy": value, "test/macro_f1": value})
    run.end("complete")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium, or a skip that says what is missing."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver on the PATH")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp("profile")
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={profile}")
    window = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield window
    window.quit()


@pytest.fixture(scope="module")
def links(mlruns):
    """The addresses of the views on a running UI."""
    server = start_ui(mlruns, port=5600)
    experiment = read_note(mlruns, "q").experiment_id
    yield {title: f"{server.address}/{page_of(experiment, view)}" for view, title in TITLES.items()}
    server.close()


def look(browser: Any, url: str, name: str, seen: Callable[[], Any], wanted: Any) -> None:
    """Open a page and wait until it shows what is wanted."""
    browser.get("about:blank")
    browser.get(url)
    end = time.monotonic() + PATIENCE
    while (found := seen()) != wanted and time.monotonic() < end:
        time.sleep(0.5)
    if folder := os.environ.get("RNNSWEEP_PICTURES"):
        browser.save_screenshot(str(Path(folder) / f"view-{name}.png"))
    assert found == wanted


def words(browser: Any) -> str:
    """All words of the page, in their order, on one line."""
    return str(browser.execute_script("return document.body.innerText || ''")).replace("\n", " ")


def left(browser: Any, text: str) -> float:
    """Say how far from the left an element of that text stands, in pixels; the page's order is another."""
    script = """return [...document.querySelectorAll('.ag-header-cell *')]
    .filter(e => e.textContent.trim() === arguments[0]).map(e => e.getBoundingClientRect().left)[0]"""
    return float(browser.execute_script(script, text))


def groups(browser: Any) -> list[str]:
    return list(dict.fromkeys(re.findall(r"Group: (\S+)", words(browser))))


def colours(browser: Any) -> set[str]:
    """Every colour of a dot, a line or a bar on the page, as #rrggbb."""
    page = browser.execute_script("return document.documentElement.outerHTML")
    triples = re.findall(r"rgba?\((\d+), (\d+), (\d+)", page)
    return {"#" + "".join(f"{int(part):02x}" for part in triple) for triple in triples}


def test_standings_have_one_row_an_architecture_best_first_in_its_colour(browser, links):
    look(browser, links["Standings"], "standings", lambda: groups(browser), ARCHITECTURES[::-1])
    assert {colour(name) for name in ARCHITECTURES} <= colours(browser)
    page = words(browser)
    assert "9 matching runs" in page
    heads = [left(browser, name) for name in ("test/accuracy", "test/macro_f1", "best/validation_accuracy")]
    assert heads == sorted(heads)
    cut = """return [...document.querySelectorAll('.ag-cell *')]
    .filter(e => e.textContent.startsWith('Group: ') && e.scrollWidth > e.clientWidth)
    .filter(e => getComputedStyle(e).textOverflow === 'ellipsis').map(e => e.textContent)"""
    assert browser.execute_script(cut) == []
    assert "Not compared yet: means are of the runs so far" in page


def test_metrics_have_five_digits_in_the_table_and_all_of_them_in_the_tooltip(browser, links):
    script = """return [...document.querySelectorAll('.ag-cell[col-id="metrics.`test/accuracy`"]')]
    .map(e => [e.innerText.split(' ')[0], e.title])"""

    def cells() -> list[float]:
        shown = browser.execute_script(script)
        assert all(
            len(word) <= 7 and (not title or abs(float(title) - float(word)) < 1e-5) for word, title in shown
        )
        return sorted(float(title or word) for word, title in shown if word)

    means = [score * 31 / 32 + 0.01 for score in (0.5, 0.6, 0.7)]
    look(browser, links["Standings"], "rounded", lambda: cells() == pytest.approx(means), True)


def test_search_shows_every_trial_and_its_settings(browser, links):
    wanted = ("12 matching runs", "optimizer.log10_lr", "model.hidden_size")

    def seen() -> list[str]:
        return [text for text in wanted if text in words(browser)]

    look(browser, links["Search"], "search", seen, list(wanted))
    assert {colour(name) for name in ARCHITECTURES} <= colours(browser)


def test_learning_curves_are_one_an_architecture_in_its_colour(browser, links):
    def lines() -> list[str]:
        return sorted(set(re.findall(r"(\w+) \(validation/accuracy\)", words(browser))))

    look(browser, links["Learning curves"], "curves", lines, sorted(ARCHITECTURES))
    assert {colour(name) for name in ARCHITECTURES} <= colours(browser)


def test_mean_curves_join_replicates_whose_epochs_have_other_numbers_of_steps(browser, links):
    script = """return [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot.data)
    .filter(trace => trace.y && trace.y.length > 1 && (trace.mode || '').includes('lines'))
    .map(trace => [[...trace.x], Math.max(...trace.y)])"""
    tops = {round(score * 31 / 32 + 0.01, 6) for score in (0.5, 0.6, 0.7)}

    def means() -> set[float]:
        return {round(top, 6) for x, top in browser.execute_script(script) if x == [1, 2, 3, 4, 5]} & tops

    look(browser, links["Learning curves"], "joined", means, tops)


def test_failures_show_the_reason(browser, links):
    look(browser, links["Failures"], "failures", lambda: words(browser).count("Diverged: the loss is nan"), 3)


def test_neither_the_assistant_nor_the_other_mode_is_in_the_way(browser, links):
    home = links["Standings"].split("#")[0]
    look(browser, home + "#/experiments", "experiments", lambda: "Default" in words(browser), True)
    assert "MLflow Assistant" not in words(browser)


def test_the_description_of_the_experiment_links_to_its_views(mlruns):
    number = read_note(mlruns, "q").experiment_id
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        query = "SELECT value FROM experiment_tags WHERE key = 'mlflow.note.content'"
        (text,) = connection.execute(query).fetchone()
    assert text.count(f"(#/experiments/{number}/runs?") == 4
