"""The report in headless Chromium: nothing leaves, complains or sticks out, and everybody can read it.

With RNNSWEEP_PICTURES set to a folder, the pictures of docs/ are kept there.
"""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sweep_records import LEVELS, SHARES, make_curves, make_runs

from rnnsweep.comparison import compare_corpora, compare_records, write_corpora_report, write_report
from rnnsweep.comparison.mistakes import Predictions
from rnnsweep.sweepfile import read_sweep

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LONG = "stacked_bilstm_with_a_long_name"
PAPER = 680  # pixels of A4 between margins of 15 mm
SWEEP = """# Which recurrent network tells news topics apart best?
architectures: [bilstm, gru, lstm, rnn]
trials: 20
sampler: random
pruner: none
objectives: [validation, parameters]
space:
  optimizer.lr: {type: float, low: 1e-4, high: 1e-1, log: true}
  model.hidden_size: {type: int, low: 8, high: 128, log: true}
"""

# the words of drawings that stick out of them, and pairs that overlap
WORDS_AMISS = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const frame = svg.getBoundingClientRect()
  const words = [...svg.querySelectorAll('text')].map(one => [one.textContent, one.getBoundingClientRect()])
    .filter(([text, box]) => text.trim() && box.width && frame.width > 60)
  const cut = words.filter(([_, box]) => box.left < frame.left - 1 || box.right > frame.right + 1
    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(([text]) => text)
  const over = words.flatMap(([text, a], n) => words.slice(n + 1).filter(([_, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3).map(([other]) => [text, other]))
  return [...cut, ...over]
})"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


def whole_comparison(folder: Path):
    """A comparison with every section that a report can have."""
    (folder / "news.yaml").write_text(SWEEP)
    runs = make_runs({**LEVELS, LONG: 0.69}, pruning=False)
    rng = np.random.default_rng(0)
    targets_N = rng.integers(0, 4, 300)
    predictions = {}
    for row in runs[runs.role == "replicate"].to_dict("records"):
        wrong_N = (rng.random(300) > row["test"]) * rng.integers(1, 4, 300)
        predictions[row["run_id"]] = Predictions(targets_N, (targets_N + wrong_N) % 4)
    return compare_records(
        runs,
        make_curves(runs),
        sweep=read_sweep(folder / "news.yaml"),
        importances=SHARES,
        predictions=predictions,
        labels=("World", "Sports", "Business", "Science and technology"),
        texts=lambda rows: [f"Oil rises as storm {n} nears a coast far away" for n in rows],
        test_reads={"linear": 1, **{f"gru-0-r{n}": 1 for n in range(50)}},
        facts={"torch": "2.13", "git.diff": "+x\n" * 400},
    )


def corpora(folder: Path):
    """A comparison over three corpora."""
    levels = {**LEVELS, LONG: 0.69}
    return compare_corpora([compare_records(make_runs(levels, seed=n), sweep=f"corpus{n}") for n in range(3)])


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    write_report(whole_comparison(folder), folder / "report.html")
    write_corpora_report(corpora(folder), folder / "corpora.html")
    return folder


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as started:
        window = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield window
        window.close()


@contextmanager
def opened(browser, path, **options):
    """A page, with what it asked for and what it complained of."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(path.as_uri())
    yield page
    context.close()


def picture(page, name, *, whole=False):
    if folder := os.environ.get("RNNSWEEP_PICTURES"):
        page.screenshot(path=Path(folder) / f"report-{name}.png", full_page=whole)


@pytest.mark.parametrize("name", ["report", "corpora"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_asks_for_nothing_complains_of_nothing_fits_and_is_accessible(
    browser, pages, name, width, scheme
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    path = pages / f"{name}.html"
    view = {"width": width, "height": 900}
    with opened(browser, path, viewport=view, color_scheme=scheme) as page:
        picture(page, f"{name}-{scheme}-{width}")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.Axe().run(page).response
        assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
        assert len(found["passes"]) > 15
        assert (page.asked, page.said) == ([path.as_uri()], [])


def test_no_column_of_the_standings_is_cut_at_1440_pixels_however_large_its_numbers(browser, tmp_path):
    runs = make_runs({"stacked_bilstm_wide_attention": 0.8, "gru": 0.75})
    large = runs.assign(parameters=123_456_789, seconds=123_456.7, samples_per_second=1_234_567)
    path = write_report(compare_records(large, sweep="wide"), tmp_path / "report.html")
    with opened(browser, path, viewport={"width": 1440, "height": 900}) as page:
        size = "document.querySelector('.scroll[aria-label=Standings]')"
        assert page.evaluate(f"{size}.scrollWidth") == page.evaluate(f"{size}.clientWidth")


@pytest.mark.parametrize("networks", [3, 24])
@pytest.mark.parametrize("width", [400, 1280])
def test_no_words_of_a_picture_are_cut_or_cover_others(browser, tmp_path, networks, width):
    names = ["peephole_lstm_long_name", *(f"network_{n}" for n in range(networks - 1))]
    levels = {name: 0.6 + 0.3 * n / networks for n, name in enumerate(names)}
    runs = make_runs(levels, pruning=False)
    importances = dict.fromkeys(names, next(iter(SHARES.values())))
    found = compare_records(runs, make_curves(runs), importances=importances, sweep="wide")
    path = write_report(found, tmp_path / "report.html")
    with opened(browser, path, viewport={"width": width, "height": 900}) as page:
        assert page.evaluate("document.querySelectorAll('svg text').length") > 5 * networks
        assert page.evaluate(WORDS_AMISS) == []


def test_the_accessibility_check_finds_what_is_wrong(browser, pages):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    with opened(browser, pages / "report.html") as page:
        page.add_style_tag(content=".answer { color: #bbb }")
        assert "color-contrast" in {v["id"] for v in axe.Axe().run(page).response["violations"]}


FOCUS = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  const name = at.getAttribute('aria-label') || (at.labels && at.labels[0] || at).innerText || '';
  return {tag: at.tagName, name: name.trim().slice(0, 40), top: Math.round(box.top + scrollY),
          ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0};
}"""


def test_the_keyboard_reaches_everything_in_reading_order_and_shows_where_it_is(browser, pages):
    with opened(browser, pages / "report.html", viewport={"width": 1400, "height": 900}) as page:
        stops = []
        for _ in range(200):
            page.keyboard.press("Tab")
            stop = page.evaluate(FOCUS)
            if stop["tag"] == "BODY":
                break
            stops.append(stop)
        boxes = page.locator("[data-toggle]").count()
        assert sum(stop["tag"] == "INPUT" for stop in stops) == boxes == 6
        assert {"A", "DIV", "SUMMARY", "PRE"} <= {stop["tag"] for stop in stops}
        assert [stop for stop in stops if not stop["name"] or not stop["ring"]] == []
        tops = [stop["top"] for stop in stops if stop["tag"] != "INPUT"]  # their legend moves with the page
        assert tops == sorted(tops)


def test_the_space_bar_hides_an_architecture_and_brings_it_back(browser, pages):
    with opened(browser, pages / "report.html") as page:
        page.focus('[data-toggle="gru"]')
        marks = page.locator('[data-a="gru"]:not(.hidden)').count()
        page.keyboard.press("Space")
        assert (page.locator('[data-a="gru"]:not(.hidden)').count(), marks > 5) == (0, True)
        page.keyboard.press("Space")
        assert page.locator(".hidden").count() == 0


def test_a_screen_reader_hears_what_each_picture_and_table_is(browser, pages):
    with opened(browser, pages / "report.html") as page:
        heard = page.locator("body").aria_snapshot()
        for words in (
            'heading "Which recurrent network tells news topics apart best?" [level=1]',
            'img "Differences of test scores between pairs, with 95 % intervals"',
            'img "bilstm: 0.7115, 95 % interval 0.7088 to 0.7142"',
            'img "Expected best validation score by seconds of search"',
            f'rowheader "{LONG}"',
            'columnheader "best validation"',
            'checkbox "gru" [checked]',
            'group "Budget by architecture and outcome"',
        ):
            assert words in heard
        assert "- img\n" not in heard


@pytest.mark.parametrize("name", ["report", "corpora"])
def test_on_paper_nothing_is_cut_off_and_the_ground_is_white(browser, pages, name):
    view = {"width": PAPER, "height": 960}
    with opened(browser, pages / f"{name}.html", viewport=view, color_scheme="dark") as page:
        page.emulate_media(media="print")
        picture(page, f"{name}-print")
        cut = """() => [...document.querySelectorAll('.scroll, pre, table, figure')]
            .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => one.outerHTML.slice(0, 90))"""
        assert page.evaluate(cut) == []
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        margins = dict.fromkeys(("top", "bottom", "left", "right"), "15mm")
        assert page.pdf(format="A4", margin=margins).startswith(b"%PDF-")
