"""A new project: a folder with conf/, sweeps/ with one question, a Makefile and a .gitignore."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap

from rnnsweep.api.project.table import LONGEST, SKIP_EMPTY, SKIP_UNLABELLED, ProjectTable, read_table
from rnnsweep.api.project.test_share import FEW_TEST_ROWS, larger_test_share
from rnnsweep.config import compose, quote
from rnnsweep.data.summary.remarks import CorpusFacts
from rnnsweep.errors import UserError
from rnnsweep.files import write_whole
from rnnsweep.safety.shell import command_line
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import read_sweep

WIDTH = 80  # columns of a file that people read in a terminal

_GITIGNORE = """# answers of rnnsweep: MLflow's database, checkpoints, reports
/mlruns/
.venv/
__pycache__/
"""

_MAKEFILE = """# `make sweep` starts the sweep, or resumes it; `make ui` opens the runs in a browser.
RNNSWEEP ?= rnnsweep
SWEEP ?= {name}

.PHONY: plan sweep status compare ui
plan:
\t$(RNNSWEEP) plan $(SWEEP)
sweep:
\t$(RNNSWEEP) sweep $(SWEEP)
status:
\t$(RNNSWEEP) status $(SWEEP)
compare:
\t$(RNNSWEEP) compare $(SWEEP)
ui:
\t$(RNNSWEEP) ui
"""

_MODEL = """# An architecture of your own: its name is the name of this file, so `model=wide_gru` trains it.
# Files here come before those of rnnsweep with the same name.
# Every key: rnnsweep config --explain model.cell
cell: gru
hidden_size: 128
"""

_SWEEP = """{question}
# `rnnsweep plan {name}` estimates the time, and says what shortens it.
# `rnnsweep sweep {name}` starts the sweep, or resumes it.
# Every key: rnnsweep config --explain KEY, as trials or space.KEY.low
name: {name}

# names of files in conf/model/; wide_gru, which is yours, may be added.
# bag ignores the order of words
architectures: [bag, gru, lstm, bilstm]

# configurations to try for each architecture
trials: {trials}
# replicates: the best configuration of each, trained again with other seeds.
# The comparison uses these runs
replicates: {{first: 6, most: 15, looks: 2}}

# settings of every run, as on the command line
overrides:
{overrides}

# what is searched
space:
  optimizer.lr: {{type: float, low: 1.0e-3, high: 2.0e-2, log: true}}
  model.hidden_size:
    {{type: int, low: 32, high: 128, log: true, when: {{model.cell: [gru, lstm]}}}}
  model.dropout: {{type: float, low: 0.0, high: 0.5, step: 0.1}}

per_architecture:
  bag:  # has no hidden units: the width is that of the embedding
    model.embedding_size: {{type: int, low: 32, high: 128, log: true}}
#  wide_gru:  # one width: were it searched, wide_gru would be gru again
#    model.hidden_size: [128]
"""


@dataclass(frozen=True)
class NewProject:
    """A project that was made: its folder, its files, and the command that comes next."""

    folder: Path
    files: tuple[Path, ...]  # that were written
    sweep: str
    next: str
    kept: tuple[Path, ...] = ()  # files that were there already
    guessed: tuple[str, ...] = ()  # settings of columns that were found by their values, as data.label=stars
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # setting -> columns that it reads
    # columns that may be the label too, where its column was found by its values -> number of values
    other_labels: Mapping[str, int] = field(default_factory=dict)
    other_texts: tuple[str, ...] = ()  # columns that may hold texts too, and are not read
    left_out: int = 0  # rows without text, which the sweep leaves out
    rows: int = 0  # of the table that have a label, those without text among them
    remarks: tuple[str, ...] = ()  # what is left out, words that are unknown, a column of groups


def init(
    folder: str | Path = ".",
    *,
    table: str | Path | None = None,
    text: str | Sequence[str] | None = None,
    label: str | None = None,
) -> NewProject:
    """Make a project in a folder, which is made where it is not there.

    A file that is there already is kept, so a project takes a sweep of each table. Only a sweep file that an
    earlier `init` wrote for other columns, nobody edited and no sweep started from is written again.

    Args:
        folder: of the project.
        table: your rows (CSV, TSV, JSON Lines, Parquet): the sweep then fits their size and classes.
        text: column of the text, or several; None finds it by its name, then by its values.
        label: column of the label; None finds it by its name, then by its values.

    Returns:
        The files that were written, those that were kept, and the next command.

    Raises:
        UserError: another sweep file or conf/config.yaml is there, or the table is no use. Nothing is made.
    """
    root = Path(folder)
    if root.exists() and not root.is_dir():
        raise UserError(f"{root}: is a file; name a folder, which is made if it is not there")
    if table is None:
        of_table, name, sweep = ProjectTable(), "first", _of_docstrings()
    else:
        of_table = read_table(Path(table), text, label)
        name, sweep = _sweep_of(of_table, Path(table), root)
    contents = {
        f"sweeps/{name}.yaml": sweep,
        "conf/model/wide_gru.yaml": _MODEL,
        "Makefile": _MAKEFILE.format(name=name),
        ".gitignore": _GITIGNORE,
    }
    there = _existing(root, contents, None if table is None else Path(table), of_table.settings)
    files = tuple(_write(root / path, words) for path, words in contents.items() if path not in there)
    begin = [] if root.resolve() == Path.cwd().resolve() else [command_line(root, program="cd")]
    return NewProject(
        folder=root.resolve(),
        files=files,
        sweep=name,
        next=" && ".join([*begin, command_line("plan", name)]),
        kept=tuple(root / path for path in there),
        guessed=of_table.guessed,
        columns=of_table.columns,
        other_labels=of_table.other_labels,
        other_texts=of_table.other_texts,
        left_out=of_table.left_out,
        rows=of_table.rows,
        remarks=tuple(of_table.remarks.values()),
    )


def _existing(
    root: Path, contents: Mapping[str, str], table: Path | None, columns: Sequence[str]
) -> list[str]:
    """Return the files that are there and stay as they are; refuse a sweep file that says something else.

    A sweep file that an earlier `init` wrote for other columns of the table is replaced.

    Args:
        root: folder of the project.
        contents: of each file, the sweep file first.
        table: from which the sweep file is made.
        columns: settings of its columns.
    """
    config, sweep = root / "conf/config.yaml", next(iter(contents))
    there = [path for path in contents if os.path.lexists(root / path)]
    if os.path.lexists(config):
        raise UserError(f"{config}: is there already and is not overwritten; name another folder")
    if sweep in there and not _is_file_of(root / sweep, contents[sweep]):
        if table is None or not _is_of_other_columns(root / sweep, table, root, columns):
            again = "delete it to have it written again, or name another folder"
            raise UserError(f"{root / sweep}: is there already and is not overwritten; {again}")
        there.remove(sweep)
    return there


def _is_of_other_columns(file: Path, table: Path, root: Path, columns: Sequence[str]) -> bool:
    """Return whether a sweep was not started, and its file is what `init` writes for the columns in it.

    The table is read again only where the file's columns are others than `columns`.
    """
    try:
        asked = read_sweep(file)
        config = compose(asked.overrides).data
        own = [one for one in asked.overrides if one.startswith(("data.text=", "data.label="))]
        if own == list(columns) or SweepFolder.of(root / "mlruns", asked.name).is_started:
            return False
        _, written = _sweep_of(read_table(table, config.text_columns, config.label), table, root)
    except ValueError:  # it names other columns, or cannot be read
        return False
    return _is_file_of(file, written)


def _is_file_of(file: Path, words: str) -> bool:
    """Return whether a file is there and has these words alone."""
    return file.is_file() and not file.is_symlink() and file.read_bytes() == words.encode("utf-8")


def _write(path: Path, words: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, words, mode=0o666)  # as any other file of the user
    return path


def _of_docstrings() -> str:
    settings = ["data=docstrings", "data.limit=4000", "data.max_length=60", "trainer.max_epochs=3"]
    question = "Which recurrent network predicts best which library a docstring is from, and is one needed?"
    return _filled("first", question, 8, settings)


def _sweep_of(read: ProjectTable, table: Path, root: Path) -> tuple[str, str]:
    """Return the name of the sweep of a table, and its file."""
    facts = read.facts
    assert facts is not None  # the table was read
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", table.name.partition(".")[0]).strip("-") or "first"
    question = _question(read, len(facts.labels), table.name)
    rows = [
        *([SKIP_EMPTY] if read.left_out else []),
        *([SKIP_UNLABELLED] if read.unlabelled else []),
        *([read.tokens] if read.tokens else []),
    ]
    source = ["data=files", quote("data.train", _path(table, root)), *read.settings, *rows]
    comments = {
        SKIP_EMPTY: f"{read.empty}: their rows are left out",
        SKIP_UNLABELLED: f"{read.remarks.get('missing-like-label')};"
        " data.missing_is_class=true takes such names as classes",
        read.tokens: read.remarks.get("unknown", "").partition(":")[0],
    }
    if "groups" in read.remarks:
        comments[source[1]] = read.remarks["groups"]
    if share := larger_test_share(facts):
        source.append(share)
        comments[share] = FEW_TEST_ROWS
    trials = 12 if (facts.parts["train"]["rows"] or 0) < 20000 else 8
    return name, _filled(name, question, trials, [*source, *read.task, *_sizes(facts)], comments)


def _path(table: Path, root: Path) -> str:
    """Write the path from the project's folder where the table lies in it, else the whole path."""
    above = root.resolve()
    whole = table.resolve()
    return os.path.relpath(whole, above) if whole.is_relative_to(above) else str(whole)


def _question(read: ProjectTable, classes: int, file: str) -> str:
    if read.task:
        return f"Which recurrent network predicts the number of a row of {file} best?"
    return f"Which recurrent network classifies {file} ({classes} classes) best, and is one needed at all?"


def _sizes(facts: "CorpusFacts") -> list[str]:
    """Choose lengths, epochs and batches by the rows: small tables take more epochs of small batches."""
    rows, longest = facts.parts["train"]["rows"] or 0, max(8, round(facts.lengths["p95"]))
    epochs, batch = (10, 16) if rows < 2000 else (5, 32) if rows < 20000 else (3, 64)
    settings = [f"data.max_length={min(longest, LONGEST)}", f"data.batch_size={batch}"]
    return [*settings, f"trainer.max_epochs={epochs}", "trainer.validate_every=0.5"]


def _filled(
    name: str, question: str, trials: int, settings: Sequence[str], comments: Mapping[str, str] | None = None
) -> str:
    lines = []
    for one in settings:
        comment = comments.get(one, "") if comments else ""
        lines += _comment(comment, "  ")
        lines.append(f"  - {json.dumps(one) if _needs_quotes(one) else one}")
    asked = "\n".join(_comment(" ".join(question.split())))
    return _SWEEP.format(name=name, question=asked, trials=trials, overrides="\n".join(lines))


def _comment(words: str, indent: str = "") -> list[str]:
    begin = f"{indent}# "
    return wrap(words, WIDTH, initial_indent=begin, subsequent_indent=begin, break_long_words=False)


def _needs_quotes(text: str) -> bool:
    return re.fullmatch(r"[\w./=-]+", text, re.ASCII) is None
