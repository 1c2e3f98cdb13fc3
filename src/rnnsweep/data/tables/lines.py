"""Files of lines: fastText's, where a line begins with its labels."""

import re
from pathlib import Path
from typing import Any

from rnnsweep.data.tables.opening import open_text, scan
from rnnsweep.data.tables.table import BadRows, Choose, ReadOptions, Table, unusual
from rnnsweep.errors import UserError

MARK = "__label__"
TAGGED = 3  # first lines where words with a tag each are looked for
_TAG = re.compile(r"O|[BIESLU]-\S+")
_TAGGED = "ends in a word's tag: a label for each word (tagging) is no task of this corpus"
_UNLABELLED = (
    f"does not begin with {MARK}NAME, as a labelled line of fastText does (a table ends in .csv or .tsv)"
)


def read_lines(path: Path, options: ReadOptions, choose: Choose) -> Table:
    """Read lines as ``__label__good the text``: columns label and text; a line of several labels has a list.

    Raises:
        UserError: no line begins with a label.
    """
    content = scan(path, options.encoding)
    bad = BadRows.of(path, options)
    texts: list[Any] = []
    labels: list[Any] = []
    lines: list[int] = []
    with open_text(path, content.encoding) as file:
        for number, line in enumerate(file, 1):
            words = line.lstrip("\ufeff").split()
            marks = next((n for n, word in enumerate(words) if not word.startswith(MARK)), len(words))
            if not words:
                continue
            if not marks:
                if number <= TAGGED and len(words) > 1 and _TAG.fullmatch(words[-1]):
                    raise UserError(f"{path}, line {number}: {_TAGGED}")
                bad.add(number, _UNLABELLED)
                continue
            named = [word.removeprefix(MARK) for word in words[:marks]]
            labels.append(named[0] if marks == 1 else named)
            texts.append(" ".join(words[marks:]))
            lines.append(number)
    if not texts:
        raise UserError(f"{path}: the file has no rows")
    values = {"text": texts, "label": labels}
    columns = {name: values[name] for name in choose(["text", "label"])}
    return Table(
        path,
        ("text", "label"),
        columns,
        [1] * len(texts),
        list(filter(None, [content.note])),
        "",
        bad.skipped,
        lines=unusual(lines),
    )
