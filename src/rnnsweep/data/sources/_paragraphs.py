"""The paragraphs of one library's docstrings, read with `ast`: nothing of the library is imported or run.

Run as a script with a `Wanted` as JSON on standard input, it prints the
paragraphs as JSON: so libraries are read by processes of their own, whatever process asks.
"""

import ast
import hashlib
import json
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

MASK = "_library_"
WORDS = (8, 80)  # of a paragraph
NOT_OWN = {"tests", "test", "testing", "vendor", "_vendor", "_vendored", "externals", "vendored"}
SHINGLE = 4  # words
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# markup that is no prose: examples, directives, field lists, rulers under a headline, tables
_no_prose = re.compile(r"^\s*(>>>|\.\. |\.\.\. |[-=~^+|*#]{3,})", re.MULTILINE)
_letters = re.compile(r"[a-z]+").findall


@dataclass(frozen=True)
class Wanted:
    """One library: where its source is, how many paragraphs are wanted (None: all), what is to be hidden."""

    library: str
    source: str
    rows: int | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph and the file it is from, as ``numpy/linalg/linalg.py``."""

    file: str
    text: str


class SeenTexts:
    """Texts that came before, to know one that is nearly among them by the word sequences it shares."""

    def __init__(self) -> None:
        self._shingles: set[int] = set()

    def is_new(self, text: str) -> bool:
        """Return whether at most half of the text's four-word sequences came before; if so, remember it.

        Numbers, case and punctuation do not count. A text of fewer than four words is never new.
        """
        words = _letters(text.lower())
        shingles = {hash(tuple(words[i : i + SHINGLE])) for i in range(len(words) - SHINGLE + 1)}
        if not shingles or 2 * len(shingles & self._shingles) > len(shingles):
            return False
        self._shingles |= shingles
        return True


def mask_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Find the names: long ones inside of words too (``pytorch``), short ones (``np``) as words of their own.

    An underscore parts words here: ``nx_graph`` holds ``nx``.
    """
    names = sorted(set(names), key=lambda name: (-len(name), name))
    long = "|".join(re.escape(name) for name in names if len(name) >= 5)
    short = "|".join(re.escape(name) for name in names if len(name) < 5)
    inside = [rf"[^\W_]*?(?:{long})[^\W_]*"] if long else []
    alone = [rf"(?:{short})(?![^\W_])"] if short else []
    # looked for at the beginnings of words alone, which is several times as fast as everywhere
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(inside + alone) or '(?!)'})", re.IGNORECASE)


def read_library(wanted: Wanted) -> list[Paragraph]:
    """Read files in the order of their names' hashes until there are enough paragraphs that differ.

    A file gives a fortieth of the paragraphs at most, so that no single file speaks for the library; only
    where all files together are too few may files give more.
    """
    most = None if wanted.rows is None else max(1, wanted.rows // 40)
    seen, mask = SeenTexts(), mask_pattern(wanted.names)
    chosen: list[Paragraph] = []
    spare: list[Paragraph] = []
    for name, path in _files(Path(wanted.source)):
        texts = (mask.sub(MASK, text) for text in paragraphs(path.read_bytes()))
        new = [Paragraph(name, text) for text in texts if seen.is_new(text)]
        chosen += new[:most]
        spare += new[most:] if most else []
        if wanted.rows is not None and len(chosen) >= wanted.rows:
            return chosen[: wanted.rows]
    return (chosen + spare)[: wanted.rows]


def _files(source: Path) -> list[tuple[str, Path]]:
    """List the library's own Python files with their names, in an order that only the names decide."""
    paths = [source] if source.is_file() else sorted(source.rglob("*.py"))
    named = [(path.relative_to(source.parent).as_posix(), path) for path in paths]
    own = [(name, path) for name, path in named if not NOT_OWN & set(name.split("/")[1:-1])]
    return sorted(own, key=lambda file: hashlib.sha256(file[0].encode()).digest())


def paragraphs(source: bytes) -> Iterator[str]:
    """Yield the paragraphs of prose of 8 to 80 words in a file's docstrings, white space made plain."""
    for docstring in _docstrings(source):
        for block in re.split(r"\n\s*\n", docstring):
            words = block.split()
            if WORDS[0] <= len(words) <= WORDS[1] and not _no_prose.search(block):
                yield " ".join(words)


def _docstrings(source: bytes) -> Iterator[str]:
    if b'"""' not in source and b"'''" not in source:
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # a template, or a file for another Python
    for node in _definitions(tree):
        if docstring := ast.get_docstring(node):
            yield docstring


def _definitions(node: ast.AST) -> Iterator[Definition]:
    """Yield the definitions below a statement, whatever blocks they stand in; no expression is entered."""
    if isinstance(node, Definition):
        yield node
    for block in ("body", "orelse", "handlers", "finalbody", "cases"):
        for statement in getattr(node, block, ()):
            yield from _definitions(statement)


def main() -> None:
    """Answer one `Wanted` on standard input with its paragraphs on standard output."""
    warnings.simplefilter("ignore")  # SyntaxWarnings of the libraries' sources
    fields = json.load(sys.stdin)
    paragraphs_read = read_library(Wanted(**fields))
    json.dump([asdict(paragraph) for paragraph in paragraphs_read], sys.stdout)


if __name__ == "__main__":
    main()
