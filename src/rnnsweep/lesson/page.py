"""What the rows gave, kept beside the runs and written as a table of docs/lesson.md."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnsweep.config import RunConfig, compose
from rnnsweep.lesson.rows import Outcome, find_rows, read_rows

BEGIN, END = "<!-- rows: written by `rnnsweep lesson` -->", "<!-- end of rows -->"
HEADER = (
    "| row | network | setting | the lesson's figure | training, running | validation | test | weights | s |",
    "|---|---|---|---|---|---|---|---|---|",
)


def keep(folder: Path, outcomes: Sequence[Outcome], *, form: str) -> tuple[Outcome, ...]:
    """Add outcomes to those kept of a form (full or quick); give all of them in the lesson's order."""
    path = folder / f"{form}.json"
    known: dict[str, dict[str, object]] = {}
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
    known |= {outcome.name: outcome.to_json() for outcome in outcomes}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return tuple(Outcome(**known[row.name]) for row in read_rows() if row.name in known)  # type: ignore[arg-type]


def write_page(path: Path, outcomes: Sequence[Outcome], *, facts: Mapping[str, str], form: str) -> Path:
    """Write the table into a page; what stands outside of its marks stays as it is."""
    table = "\n".join([BEGIN, "", *_table(outcomes, facts, form), "", END])
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, mark, rest = text.partition(BEGIN)
    if mark and END in rest:
        text = before + table + rest.partition(END)[2]
    else:
        text = f"# The lesson, row by row\n\n{table}\n" if not text else f"{text.rstrip()}\n\n{table}\n"
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
        f"one thread, PyTorch {_version(facts)}. One seed each: the pairs below say what differs."
    )


def _version(facts: Mapping[str, str]) -> str:
    versions = dict(item.partition("=")[::2] for item in facts.get("versions", "").split())
    return versions.get("torch", "of unknown version")


def setting(run: RunConfig) -> str:
    """Say in a few words how a row's run is set."""
    model, data = run.model, run.data
    read = "one-hot characters" if model.input == "one_hot" else f"embedding {model.embedding_size}"
    way = "both directions, " if model.bidirectional else ""
    layers = f"{model.num_layers} layers, " if model.num_layers > 1 else ""
    padding = "masked" if model.masked else "padding read"
    return f"{read}, {layers}{way}{model.pooling}, {padding}, batch {data.batch_size}"
