"""The tables of docs/lesson.md: what the rows came to, kept beside the runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from examples.lesson.rows import Outcome, find_rows, read_rows
from rnnsweep.config import RunConfig, compose

BEGIN, END = "<!-- rows: written by `python -m examples.lesson` -->", "<!-- end of rows -->"
HEADER = (
    "| row | network | setting | the lesson's figure | training, running | validation | test | weights | s |",
    "|---|---|---|---|---|---|---|---|---|",
)


def write(outcomes: Sequence[Outcome], *, quick: bool, page: Path | None = None) -> Path:
    """Write the rows that were ever trained here, full or quick, into a page.

    Args:
        outcomes: those of now.
        quick: they are of 3,000 rows.
        page: None writes docs/lesson.md, or mlruns/lesson/quick.md in the quick form.

    Returns:
        the page.
    """
    from rnnsweep.paths import find_paths
    from rnnsweep.tracking import provenance

    paths = find_paths()
    form, folder = "quick" if quick else "full", paths.mlruns / "lesson"
    page = page or (folder / "quick.md" if quick else paths.root / "docs" / "lesson.md")
    facts = {str(key): str(value) for key, value in provenance().items()}
    table = _table(add(folder, outcomes, form=form), facts, form)
    return write_between(page, (BEGIN, END), table, title="# The lesson, row by row\n\n")


def add(folder: Path, outcomes: Sequence[Outcome], *, form: str) -> tuple[Outcome, ...]:
    """Add outcomes to the earlier ones of a form (full or quick); return all in the lesson's order."""
    path = folder / f"{form}.json"
    known: dict[str, dict[str, object]] = {}
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
    known |= {outcome.name: outcome.to_json() for outcome in outcomes}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return tuple(Outcome(**known[row.name]) for row in read_rows() if row.name in known)  # type: ignore[arg-type]


def write_between(path: Path, marks: tuple[str, str], lines: Sequence[str], *, title: str = "") -> Path:
    """Write lines between two marks of a page, or at its end; what stands around them stays.

    Args:
        path: the page.
        marks: how the part begins and ends.
        lines: of the part.
        title: of a page that is not there yet.

    Returns:
        the page.
    """
    begin, end = marks
    part = "\n".join([begin, "", *lines, "", end])
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, _, rest = text.partition(begin)
    if end in rest:
        text = before + part + rest.partition(end)[2]
    else:
        text = (f"{text.rstrip()}\n\n" if text else title) + part + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _table(outcomes: Sequence[Outcome], facts: Mapping[str, str], form: str) -> list[str]:
    rows = {row.name: row for row in find_rows()}
    lines = [_where(outcomes, facts, form), "", *HEADER]
    for one in outcomes:
        row = rows[one.name]
        figures = " | ".join(f"{value:.4f}".lstrip("0") for value in (one.train, one.validation, one.test))
        lines.append(
            f"| {row.row} | {row.name} | {setting(compose([f'experiment={row.experiment}']))} | {row.figure} "
            f"| {figures} | {one.parameters:,} | {one.seconds:.0f} |"
        )
    return [*lines, "", *(f"* **Row {rows[o.name].row}, {o.name}.** {rows[o.name].shows}" for o in outcomes)]


def _where(outcomes: Sequence[Outcome], facts: Mapping[str, str], form: str) -> str:
    counts = sorted({one.training_rows for one in outcomes})
    rows = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return (
        f"The {form} form on {rows} training rows; {facts.get('cpu', 'unknown processor')}, "
        f"one thread, PyTorch {_version(facts)}. One seed each; the pairs below test differences."
    )


def _version(facts: Mapping[str, str]) -> str:
    versions = dict(item.partition("=")[::2] for item in facts.get("versions", "").split())
    return versions.get("torch", "of unknown version")


def setting(run: RunConfig) -> str:
    """Write in a few words how a row's run is set."""
    model, data = run.model, run.data
    read = "one-hot characters" if model.input == "one_hot" else f"embedding {model.embedding_size}"
    directions = "both directions, " if model.bidirectional else ""
    layers = f"{model.num_layers} layers, " if model.num_layers > 1 else ""
    padding = "masked" if model.masked else "padding read"
    return f"{read}, {layers}{directions}{model.pooling}, {padding}, batch {data.batch_size}"
