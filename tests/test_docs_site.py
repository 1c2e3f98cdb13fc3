"""The built site answers a newcomer's questions: its own search finds the page that holds the answer."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
FIRST = 3  # results that somebody reads
# what somebody types -> a page that answers, and what must be on it
QUESTIONS = {
    "install without cuda": ("how_do_i", "download.pytorch.org/whl/cpu"),
    "check my installation": ("how_do_i", "rnnsweep doctor"),
    "start with my own csv": ("how_do_i", "rnnsweep init my-project --from reviews.csv"),
    "where are my runs saved": ("how_do_i", "RNNSWEEP_HOME"),
    "tab completion": ("how_do_i", "rnnsweep completion bash"),
    "which settings are there": ("how_do_i", "rnnsweep config --explain"),
    "set the learning rate schedule": ("how_do_i", "optimizer.schedule=one_cycle"),
    "change the batch size": ("how_do_i", "data.batch_size=32"),
    "stop training early": ("how_do_i", "trainer.patience=3"),
    "resume one run": ("how_do_i", "rnnsweep train --resume RUN"),
    "resume a sweep": ("how_do_i", "the same command again"),
    "use a gpu": ("how_do_i", "trainer.accelerator=gpu"),
    "run it on slurm": ("how_do_i", "--on slurm"),
    "slurm": ("machines", "A Slurm cluster"),
    "use my metric": ("how_do_i", "rnnsweep compare --scores"),
    "imbalanced classes": ("how_do_i", "task.class_weights=balanced"),
    "predict a number": ("how_do_i", "task=regression"),
    "pretrained word vectors": ("how_do_i", "data.vectors=glove.6B.100d.txt"),
    "how long does a sweep take": ("how_do_i", "rnnsweep plan NAME"),
    "limit the time of a trial": ("how_do_i", "time_limit: 300"),
    "equal size networks": ("how_do_i", "parameters: 50000"),
    "what does the interval cover": ("how_do_i", "other seeds"),
    "how many seeds do I need": ("how_do_i", "Six are the fewest"),
    "what is the baseline": ("how_do_i", "without a recurrent network"),
    "compare wandb runs": ("bring_scores", "wandb.Api().runs"),
    "mlflow export": ("bring_scores", "mlflow experiments csv"),
    "see the learning curves": ("how_do_i", "rnnsweep ui --live"),
    "show a colleague": ("how_do_i", "report.html"),
    "export onnx": ("how_do_i", "rnnsweep export-model champion.onnx"),
    "free disk space": ("how_do_i", "rnnsweep clean --yes"),
    "my own cell": ("extending", "model.cell=cells/minimal.py:MINIMAL"),
    "call it from a notebook": ("how_do_i", "import rnnsweep"),
    "ray tune": ("coming_from", "ASHAScheduler"),
    "command not found": ("how_do_i", "source .venv/bin/activate"),
    "cross validation": ("how_do_i", "data.folds=5"),
    "docker": ("how_do_i", "docker build -f Containerfile"),
    "number of layers": ("how_do_i", "model.num_layers=2"),
    "maximum sequence length": ("how_do_i", "data.max_length=200"),
    "tokenizer": ("how_do_i", "data.tokens="),
    "text from two columns": ("how_do_i", "data.text=[title,body]"),
    "keep rows of one author together": ("how_do_i", "data.group=author"),
    "where is the checkpoint": ("how_do_i", "mlruns/runs/KEY/"),
    "log runs to an mlflow server": ("how_do_i", "export MLFLOW_TRACKING_URI="),
    "turn off mlflow": ("how_do_i", "tracking.enabled=false"),
    "offline": ("how_do_i", "once it is installed"),
    "transformer": ("how_do_i", "compare their scores"),
    "which architectures are there": ("how_do_i", "rnnsweep config --explain model"),
    "compare learning rate schedules": ("how_do_i", "optimizer.schedule=one_cycle]"),
    "compare one direction with two": ("how_do_i", "stacked_bilstm"),
    "grid search": ("how_do_i", "sampler: grid"),
    "stop a running sweep": ("how_do_i", "rnnsweep stop NAME"),
    "add more trials": ("how_do_i", "rnnsweep sweep NAME --trials 30"),
    "start a sweep over": ("how_do_i", "another name:"),
    "out of memory": ("how_do_i", "trainer.accumulate=4"),
    "make a sweep faster": ("how_do_i", "what shortens it most"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built from a copy of docs/ without a warning."""
    docs = shutil.copytree(ROOT / "docs", tmp_path_factory.mktemp("docs") / "docs")
    built = docs.parent / "site"
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        str(docs),
        str(built),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return built


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A page of headless Chromium, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("needs chromium on the PATH")
    with playwright.sync_playwright() as started:
        window = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield window.new_page()
        window.close()


def results(browser, site: Path, words: str) -> list[str]:
    """The pages that the site's search lists first, in its order."""
    browser.goto("about:blank")
    browser.goto(f"{(site / 'search.html').as_uri()}?q={quote(words)}")
    browser.wait_for_function(
        "() => { const s = document.querySelector('#search-results .search-summary');"
        " return s && !/Searching|Preparing/.test(s.innerText) && s.innerText.length > 20 }",
        timeout=30_000,
    )
    browser.wait_for_timeout(300)
    links = browser.eval_on_selector_all(
        "#search-results ul.search li a", "all => all.map(one => one.getAttribute('href'))"
    )
    pages = [unquote(urldefrag(link.partition("?")[0])[0]) for link in links]
    return list(dict.fromkeys(page.removesuffix(".html") for page in pages))


def text_of(page: Path) -> str:
    import html

    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page.read_text())).split())


def test_there_are_twenty_questions_at_least():
    assert len(QUESTIONS) >= 20


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_search_of_the_site_finds_the_page_that_answers(words, site, browser):
    page, answer = QUESTIONS[words]
    assert page in results(browser, site, words)[:FIRST]
    assert answer in text_of(site / f"{page}.html")


def test_each_page_of_an_answer_is_one_link_from_the_front_page(site):
    links = set(re.findall(r'href="([\w/]+)\.html', (site / "index.html").read_text()))
    assert {page for page, _ in QUESTIONS.values()} <= links


def test_each_link_of_the_site_leads_to_a_page_and_an_anchor_of_it(site):
    pages = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    ids = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in pages.items()}
    broken = []
    for name, text in pages.items():
        for link in re.findall(r'<a[^>]*\bhref="([^"]+)"', text):
            if re.match(r"(https?|mailto|javascript):", link):
                continue
            target, anchor = urldefrag(link)
            there = (site / name).parent / unquote(target) if target else site / name
            key = there.resolve().relative_to(site.resolve()).as_posix()
            if not there.exists() or (
                anchor and key in ids and unquote(anchor) not in ids[key] | {"", "top"}
            ):
                broken.append(f"{name}: {link}")
    assert broken == []
