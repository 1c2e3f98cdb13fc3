"""The table that a new project is made from: its columns, what is left out of it, and what it holds."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnsweep import data
from rnnsweep.api.corpora.description import Guess, describe_guessing
from rnnsweep.api.project.test_share import larger_test_share
from rnnsweep.config import compose, quote
from rnnsweep.data.summary.remarks import CorpusFacts, codes, of_rows_read
from rnnsweep.errors import UserError
from rnnsweep.safety.spreadsheet import reads_as_number

SKIP_EMPTY, SKIP_UNLABELLED = "data.skip_empty=true", "data.skip_unlabelled=true"
REGRESSION = "task=regression"
LONGEST = 200  # tokens of a text that a new sweep reads at most
_NUMBERS = 20  # different labels, all of them numbers, from which on a number is predicted, not a class
_MOSTLY_UNKNOWN = 0.5  # of the words of new texts, from which on smaller tokens are read


@dataclass(frozen=True)
class ProjectTable:
    """What was read of a table."""

    facts: "CorpusFacts | None" = None  # without the rows that are left out
    settings: tuple[str, ...] = ()  # of the texts' columns, and of the label's where its name is not enough
    task: tuple[str, ...] = ()  # the setting that predicts numbers; none: classes
    guessed: tuple[str, ...] = ()
    other_labels: Mapping[str, int] = field(default_factory=dict)  # as `Guess.others`
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: int = 0
    rows: int = 0
    unlabelled: bool = False
    unknown: float = 0.0  # share of the words of validation and test rows that no training text has
    tokens: str = ""  # the setting that reads smaller tokens, where most words are unknown
    other_texts: tuple[str, ...] = ()  # columns that may hold texts too, and are not read
    repeating: str = ""  # columns that may group rows, where none does by its name

    @property
    def empty(self) -> str:
        """Return how many texts are empty, and of which rows: those without a label are not read."""
        return f"{self.left_out:,} of {of_rows_read(self.rows, some_left=self.unlabelled)} are empty"

    @property
    def remarks(self) -> Mapping[str, str]:
        """Return what the user decides, by the remark's code: rows without a label, a column of groups."""
        remarks = () if self.facts is None else self.facts.remarks
        messages: dict[str, str] = {each.code: each.message for each in reversed(remarks)}  # first of a code
        shown: dict[str, str] = {}
        if self.left_out:
            shown["empty"] = f"{self.empty}: the sweep leaves them out ({SKIP_EMPTY})"
        if self.tokens:
            shown["unknown"] = (
                f"{self.unknown:.1%} of the words of the validation and test rows are in no training text:"
                f" the sweep reads {self.tokens.partition('=')[2]} ({self.tokens})"
            )
        for code in ("missing-like-label", "groups", "skewed"):
            if code in messages:
                shown[code] = messages[code]
        if self.unlabelled:
            shown["missing-like-label"] += f": {SKIP_UNLABELLED}"
        if self.repeating:
            shown["groups"] = self.repeating
        return shown


def read_table(table: Path, text: str | Sequence[str] | None, label: str | None) -> ProjectTable:
    """Read the rows of a table; columns that are not named are found by their names, then by their values.

    The settings name the columns of the texts in any case, so that nobody has to guess what a sweep read.

    Raises:
        UserError: there is no such file, or it cannot be used.
    """
    from rnnsweep.data.tables.formats import near_file

    if not table.exists():
        raise UserError(f"--from {table}: there is no such file.{near_file(str(table))}".removesuffix("."))
    wanted = [text] if isinstance(text, str) else list(text or ())
    texts_named = wanted[0] if len(wanted) == 1 else wanted
    named = {key: value for key, value in (("data.text", texts_named), ("data.label", label)) if value}
    rows = ["data=files", quote("data.train", str(table.resolve()))]
    columns = [quote(key, value) for key, value in named.items()]
    try:
        facts, guess, unlabelled = _describe([*rows, *columns])
    except data.NoColumn as error:
        options = str(error).replace("data.label=", "--label ").replace("data.text=", "--text ")
        raise UserError(options) from None  # those of `init` in place of the settings of a run
    except UserError as error:
        several = wanted[0].split(",") if len(wanted) == 1 else []
        if len(several) < 2 or not str(error).startswith(f"data.text={wanted[0]!r}: "):
            raise
        said = str(error).partition(" Did you mean")[0].removesuffix(".")
        options = " ".join(f"--text {shlex.quote(one.strip())}" for one in several)
        raise UserError(f"{said}. Several columns are named one by one: {options}") from None
    task = [REGRESSION] if _are_numbers(facts.labels) else []
    config = compose([*rows, *columns, *guess.settings]).data
    file = data.columns_read(config)
    texts, labels = file.columns, file.label
    written = quote("data.text", texts[0] if len(texts) == 1 else list(texts))
    labelled = [one for one in (*guess.settings, *columns) if one.startswith("data.label=")]
    columns = [written, *labelled]
    if task:  # numbers are drawn into other parts than classes, and the remarks count rows of these
        facts, _, _ = _describe([*rows, *columns, *task])
    read = ProjectTable(
        facts=facts,
        settings=tuple(columns),
        task=tuple(task),
        guessed=(*([written] if file.fuller else []), *guess.settings),
        other_labels=guess.others,
        columns={"data.text": texts, "data.label": (labels,)},
        rows=_rows(facts),
        unknown=facts.unknown,
        unlabelled=unlabelled,
        other_texts=data.other_texts(table, config, [*texts, labels]),
        repeating=data.say_repeating(table, config, [*texts, labels]),
    )
    skipped = [SKIP_EMPTY] if "empty" in codes(facts.remarks) else []
    if skipped:
        facts, _, _ = _describe([*rows, *columns, *task, *skipped])
    left_out = facts.left_out if skipped else 0
    tokens, facts = _smaller_tokens(facts, [*rows, *columns, *task, *skipped])
    if share := larger_test_share(facts):  # remarks count the rows of the test part that the sweep draws
        facts, _, _ = _describe([*rows, *columns, *task, *skipped, *([tokens] if tokens else []), share])
    return replace(read, facts=facts, left_out=left_out, tokens=tokens)


def _smaller_tokens(facts: "CorpusFacts", overrides: Sequence[str]) -> "tuple[str, CorpusFacts]":
    """Return the setting that reads tokens smaller than words, where most words of new texts are unknown.

    Args:
        facts: of the rows as words.
        overrides: what they were read by.

    Returns:
        The setting, "" where words are read, and the facts of the rows so read.
    """
    if facts.unknown <= _MOSTLY_UNKNOWN:
        return "", facts
    for setting in ("data.tokens=characters", "data.tokens=subwords"):
        smaller, _, _ = _describe([*overrides, setting])
        if smaller.unknown < facts.unknown and smaller.lengths["p95"] <= LONGEST:
            return setting, smaller
    return "", facts


def _describe(overrides: Sequence[str]) -> "tuple[CorpusFacts, Guess, bool]":
    """Describe the rows with a label; return the columns that were guessed, and if some rows have none."""
    try:
        _, facts, guess = describe_guessing(overrides)
    except data.NoLabel:
        _, facts, guess = describe_guessing([*overrides, SKIP_UNLABELLED])
        return facts, guess, True
    return facts, guess, False


def _are_numbers(labels: Iterable[str]) -> bool:
    """Return whether labels are so many different numbers that a number is predicted."""
    different = list(labels)
    return len(different) > _NUMBERS and all(map(reads_as_number, different))


def _rows(facts: "CorpusFacts") -> int:
    return sum(counts["rows"] or 0 for counts in facts.parts.values())
