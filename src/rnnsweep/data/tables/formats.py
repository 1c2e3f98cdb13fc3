"""The formats by their suffixes, and what a path of ``data.train`` stands for.

A format is a function of its own module and one entry here.
"""

import glob
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from rnnsweep.data.tables.class_folders import is_class_folder, read_class_folder
from rnnsweep.data.tables.columnar import read_arrow, read_parquet
from rnnsweep.data.tables.delimited import read_delimited
from rnnsweep.data.tables.lines import read_lines
from rnnsweep.data.tables.opening import COMPRESSED, inner_suffix, open_bytes
from rnnsweep.data.tables.records import read_json, read_json_lines
from rnnsweep.data.tables.table import Choose, ReadOptions, Table
from rnnsweep.errors import UserError

Read = Callable[[Path, ReadOptions, Choose], Table]


@dataclass(frozen=True)
class Format:
    """A way to read rows, and the suffixes of files that are read so."""

    name: str
    suffixes: tuple[str, ...]
    read: Read


FORMATS = (
    Format("CSV", (".csv",), read_delimited),
    Format("TSV", (".tsv", ".tab"), read_delimited),
    Format("JSON Lines", (".jsonl", ".ndjson"), read_json_lines),
    Format("JSON", (".json",), read_json),
    Format("Parquet", (".parquet", ".pq"), read_parquet),
    Format("Arrow", (".arrow", ".feather"), read_arrow),
    Format("fastText lines", (".txt", ".ft", ".fasttext"), read_lines),
)
CLASS_FOLDER = Format("a folder for each class", (), read_class_folder)
OTHER_TASKS = {  # formats of data that no task of texts and classes reads
    suffix: "a label for each word (tagging) is no task of this corpus: data=files takes one label a text"
    for suffix in (".conll", ".conllu", ".conll2003", ".iob", ".iob2", ".bio")
}
UNREAD = {  # formats of tables that are not read, and how to come to one that is
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), "is a workbook: save its sheet as CSV"),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), "is an archive: unpack it"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt"), "is a pickle, which can run code: write Parquet"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "is a database: write its table as CSV"),
}


_PART = re.compile(r"(train|test|validation|valid|val|dev)(?![a-z])", re.IGNORECASE)
_SAME = {"valid": "validation", "val": "validation", "dev": "validation"}


def suffixes_known() -> tuple[str, ...]:
    """Return the suffixes of the formats that are read."""
    return tuple(suffix for each in FORMATS for suffix in each.suffixes)


def format_of(path: Path) -> Format | None:
    """Return the format of a path by its suffix, that of a compression aside."""
    return next((each for each in FORMATS if inner_suffix(path) in each.suffixes), None)


def expand_paths(key: str, value: str | Sequence[str]) -> list[Path]:
    """Return the files that a path, a pattern, a folder of shards or a list of these stands for, sorted.

    Raises:
        UserError: there is none, or its name cannot be written as UTF-8.
    """
    if not isinstance(value, str):
        return [path for each in value for path in expand_paths(key, each)]
    paths = _expanded(key, value)
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:  # the name is kept in JSON and recorded
            raise UserError(
                f"{key}={value!r}: the name of the file is not UTF-8 ({str(path)!r}); rename it, or set"
                f" PYTHONUTF8=1 where the locale is not UTF-8"
            ) from None
    return paths


def _expanded(key: str, value: str) -> list[Path]:
    named = Path(value).expanduser().absolute()
    path = named.parent.resolve() / named.name  # messages show it; a link's own name tells the format
    if path.is_file():
        return [path]
    if path.is_dir():
        return _of_folder(key, value, path)
    matched = [Path(each) for each in sorted(glob.glob(str(path), recursive=True)) if Path(each).is_file()]
    if matched:
        return matched
    what = "matches no file" if glob.has_magic(str(path)) else "no such file"
    raise UserError(f"{key}={value!r}: {what} ({path}).{near_file(value)}".removesuffix("."))


def near_file(value: str) -> str:
    """Return which table of the same folder was probably meant: `` Did you mean 'a.tsv'?``, or nothing."""
    path = Path(value).expanduser().absolute()
    try:
        names = sorted(each.name for each in path.parent.iterdir() if _is_table(each) and each.is_file())
    except OSError:  # there is no such folder
        return ""
    same = [name for name in names if name.partition(".")[0] == path.name.partition(".")[0]]
    near = same or get_close_matches(path.name, names, n=1)
    return f" Did you mean {value.removesuffix(path.name) + near[0]!r}?" if near else ""


def _of_folder(key: str, value: str, folder: Path) -> list[Path]:
    """Return the folder itself where it holds a folder for each class, else the tables in it."""
    shards = sorted(path for path in folder.iterdir() if path.is_file() and _is_table(path))
    if not shards and is_class_folder(folder):
        parts = sorted(p.name for p in folder.iterdir() if p.is_dir() and _PART.fullmatch(p.name))
        if parts:
            raise UserError(
                f"{key}={value!r}: the folder's folders are parts ({', '.join(parts)}), not classes; name"
                f" one: {key}={value.rstrip('/')}/{_wanted(key, parts)}"
            )
        return [folder]
    inner = [p for p in folder.rglob("*") if p.is_file() and _is_table(p)] if not shards else []
    if inner:
        place = folder / _wanted(key, sorted({str(p.parent.relative_to(folder)) for p in inner}))
        raise UserError(f"{key}={value!r}: its tables are in {place}; name that folder, or files in it")
    if not shards:
        raise UserError(
            f"{key}={value!r}: the folder {folder} has neither tables nor folders of text files, one a class"
        )
    parts = sorted({match[0].lower() for path in shards if (match := _PART.match(path.name))})
    if len({_SAME.get(part, part) for part in parts}) > 1:
        raise UserError(
            f"{key}={value!r}: the folder holds files of several parts ({', '.join(parts)}); name each by a"
            f" pattern: {key}={value.rstrip('/')}/{_wanted(key, parts)}*"
        )
    kinds = {format_of(path) for path in shards}
    if len(kinds) > 1:
        names = ", ".join(path.name for path in shards[:4])
        raise UserError(f"{key}={value!r}: the folder holds files of several formats ({names}); name one")
    return shards


def _wanted(key: str, names: Sequence[str]) -> str:
    """Return the name that holds the key's part, as data/train for data.train; else the first."""
    part = key.partition(".")[2][:3]
    return next((name for name in names if part in name.lower()), names[0])


def _is_table(path: Path) -> bool:
    found = format_of(path)
    # Hugging Face's folders describe themselves in JSON files beside the data
    return found is not None and found.name not in ("JSON", "fastText lines") and path.name[0] not in "._"


def read_table(path: Path, options: ReadOptions, choose: Choose) -> Table:
    """Read the columns that `choose` takes from those of a file, or of a folder of classes.

    Raises:
        UserError: no such file, a suffix that is not known, an empty file, or one that does not parse.
    """
    if path.is_dir():
        return CLASS_FOLDER.read(path, options, choose)
    with open_bytes(path):
        pass
    known = format_of(path)
    if known is None:
        raise UserError(_unknown(path))
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty")
    if path.suffix.lower() in COMPRESSED and known.name in ("Parquet", "Arrow"):
        raise UserError(f"{path}: {known.name} files compress themselves; decompress it first")
    return known.read(path, options, choose)


def _unknown(path: Path) -> str:
    if inner_suffix(path) in OTHER_TASKS:
        return f"{path}: {OTHER_TASKS[inner_suffix(path)]}"
    reason = UNREAD.get(path.suffix.lower())
    if reason:
        return f"{path}: {reason}, or another format that is read ({', '.join(suffixes_known())})"
    return f"{path}: must end in one of {', '.join(suffixes_known())} (and {', '.join(COMPRESSED)} after it)"
