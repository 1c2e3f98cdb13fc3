"""What README and docs show can be pasted: commands parse, examples print what they show, links lead on."""

import io
import os
import random
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.cli.command import _HOMES
from rnnsweep.cli.entry import commands
from rnnsweep.config import GROUPS, compose, known_keys
from rnnsweep.sweepfile.explanations import explain_sweep_keys

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<marker>[^>]*) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S
)
HOW = re.compile(r"(run: (quick|slow)(, [^>]+)?|not run: .{20,})")
ENDS = ("|", "||", "&&", ";", ">", ">>", "<")
# addresses of others that the docs name; nothing is asked of them in a test
HOSTS = {
    *("download.pytorch.org", "semver.org", "github.com", "arxiv.org", "doi.org", "nlp.stanford.edu"),
    *("localhost", "127.0.0.1", "box.lab", "mirror.example", "mlflow.example", "db.lab"),
}


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    body: str
    marker: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    return [
        Block(
            page.name, text[: one.start()].count("\n") + 1, one["language"], one["body"], one["marker"] or ""
        )
        for page in PAGES
        for text in [page.read_text()]
        for one in BLOCK.finditer(text)
        if one["language"] in languages
    ]


def command_lines(block: Block) -> list[str]:
    """The lines that a reader pastes: all of a shell block, those with a prompt of a console block."""
    lines = block.body.replace("\\\n", " ").splitlines()
    if block.language == "console":
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return lines


def calls(text: str) -> list[list[str]]:
    """The calls of rnnsweep in a line of a shell, as lists of arguments."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in ENDS:
            found.append([])
        else:
            found[-1].append(word)
    return [words[1:] for words in found if words[:1] == ["rnnsweep"]]


def check_call(arguments: list[str]) -> None:
    """Parse a call as the command line does, and look up the keys that it sets."""
    name = arguments[0]
    if name in ("COMMAND", "--help", "-h", "--version"):
        return
    assert name in _HOMES, name
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    try:
        command.make_context(name, list(arguments[1:]), parent=click.Context(commands))
    except click.exceptions.Exit:  # of --help
        return
    if name in ("train", "data", "config", "vectors"):
        keys = [
            one.partition("=")[0].lstrip("+~") for one in arguments[1:] if re.match(r"[+~]*[a-z_.]+=", one)
        ]
        assert [key for key in keys if key not in GROUPS and key not in known_keys()] == []


@pytest.mark.parametrize("block", blocks("sh", "console"), ids=str)
def test_each_command_of_a_block_is_one_that_the_command_line_takes(block):
    for line in command_lines(block):
        for arguments in calls(line):
            check_call(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_within_a_sentence_is_one_that_the_command_line_takes(page):
    text = BLOCK.sub("", page.read_text())
    for inline in re.findall(r"`(rnnsweep [^`]+)`", text):
        if "..." in inline or "KEY=" in inline:  # an ellipsis for the reader
            continue
        for arguments in calls(inline.replace("\n", " ").replace("\\|", "|")):
            check_call(arguments)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_each_python_block_compiles_and_names_what_there_is(block):
    compile(block.body, str(block), "exec")
    for name in re.findall(r"\brnnsweep\.([a-z_]\w*)\(", block.body):
        assert callable(getattr(rnnsweep, name)), name


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_each_yaml_block_has_keys_of_a_sweep_of_a_machine_of_a_model_or_of_a_task(block):
    known = {key.partition(".")[0] for key in explain_sweep_keys()}
    machine = {"engine", "address", "slots", "locker", "studies", "slurm"}
    model = {key.removeprefix("model.") for key in known_keys() if key.startswith("model.")}
    task = {key.removeprefix("task.") for key in known_keys() if key.startswith("task.")}
    values = set(yaml.safe_load(block.body))
    if "cluster_name" in values:
        return  # of Ray: test_docs_cloud.py
    assert any(values <= keys for keys in (known, machine, model, task))


def test_each_architecture_of_ones_own_that_a_page_shows_is_one_that_a_sweep_can_train():
    shown = [yaml.safe_load(block.body).get("architectures") for block in blocks("yaml")]
    named = [one for one in shown if isinstance(one, dict)]
    assert named
    for overrides in (each for one in named for each in one.values()):
        compose(overrides)


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_each_block_with_output_says_whether_a_test_runs_it(block):
    assert HOW.fullmatch(block.marker), "<!-- run: quick --> or <!-- not run: REASON --> is missing above it"


def reviews(folder: Path) -> None:
    """Write reviews.csv: 1,500 texts of three classes."""
    draw = random.Random(1)
    words = {"good": ["great", "lovely"], "bad": ["awful", "poor"], "neutral": ["plain", "usual"]}
    rest = [
        "the",
        "a",
        "book",
        "film",
        "it",
        "was",
        "very",
        "service",
        "came",
        "today",
        "with",
        "price",
        "and",
        "but",
    ]
    rows = []
    for number in range(1500):
        label = ("good", "bad", "neutral")[number % 3]
        rows.append(f"{' '.join(draw.choices(rest + 3 * words[label], k=20))} {number},{label}")
    (folder / "reviews.csv").write_text("\n".join(["text,stars", *rows]) + "\n")


_NEWS = re.compile(r"^.+ \.\.\. \d+ s\n", re.MULTILINE)  # a busy machine prints what it is doing


def run_lines(block: Block) -> str:
    """Run the commands of a block in this process, in the working directory; return what a terminal shows."""
    shown = io.StringIO()
    for line in command_lines(block):
        shown.write(f"$ {line}\n")
        if line.startswith("cd "):
            os.chdir(line.removeprefix("cd "))
            continue
        with redirect_stdout(shown), redirect_stderr(shown):
            assert main(shlex.split(line)[1:]) == 0, shown.getvalue()
    return _NEWS.sub("", shown.getvalue())


def pattern(expected: str) -> str:
    """Return the pattern of what a block shows: numbers and ids are free, `...` is anything."""
    lines = []
    for line in expected.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            shapes = (_shape(word) for word in line.split())
            lines.append(r"\s*" + r"\s+".join(shapes) + r"\s*\n")
    return "".join(lines)


def _shape(word: str) -> str:
    if re.fullmatch(r"[0-9a-f]{8}", word):
        return "[0-9a-f]{8}"
    shape = re.sub(r"\d[\d,]*(\.\d+)?", "#", word)
    return re.escape(shape).replace(re.escape("..."), ".*").replace(re.escape("#"), r"\d[\d,.]*")


@pytest.fixture
def free(tmp_path, monkeypatch) -> Path:
    """A folder without a project, in which nothing says where home is."""
    monkeypatch.delenv("RNNSWEEP_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def page_runs(page: str, how: str) -> list[Block]:
    return [one for one in blocks("console") if one.page == page and one.marker.startswith(f"run: {how}")]


def check_blocks(found: list[Block]) -> None:
    assert found
    for block in found:
        shown = run_lines(block)
        if "output of one machine" not in block.marker:
            assert re.fullmatch(pattern(block.body), shown), f"{block} prints:\n{shown}"


def test_the_first_sweep_prints_what_its_page_shows(free):
    reviews(free)
    check_blocks(page_runs("first_sweep.md", "quick"))


@pytest.mark.slow
def test_your_own_corpus_prints_what_its_page_shows(free, monkeypatch):
    monkeypatch.setenv("RNNSWEEP_HOME", str(free))
    program = next(block for block in blocks("python") if block.page == "own_corpus.md")
    exec(compile(program.body, str(program), "exec"), {})
    check_blocks(page_runs("own_corpus.md", "slow"))


def slug(heading: str) -> str:
    """The anchor of a heading, as the site and GitHub make it."""
    plain = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading)
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    return {slug(one) for one in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARCHITECTURE.md"], ids=lambda page: page.name)
def test_each_link_leads_to_a_page_and_a_heading(page):
    text = BLOCK.sub("", page.read_text())
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_addresses_of_others_are_those_that_are_listed(page):
    hosts = {host.partition(":")[0] for host in re.findall(r"https?://([^/\s)`'\"<>]+)", page.read_text())}
    assert hosts - HOSTS == set()
