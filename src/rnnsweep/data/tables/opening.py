"""Files as text: compression by suffix, encoding by content."""

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO

from rnnsweep.errors import UserError

BLOCK = 1 << 20
BOMB, RATIO = 1 << 30, 200  # bytes, and times its size, that no compressed table of texts unpacks to
SAMPLE = 1 << 18  # bytes that an encoding is guessed from
ALONE = 0.5  # of the runs of bytes beyond ASCII are one letter in Western text, and in no other
FEW = 20  # bytes beyond ASCII, which tell too little of their encoding
# what files without a mark are written in; charset-normalizer chooses among them
ENCODINGS = (
    *("cp1252", "cp1251", "koi8_r", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp874"),
    *("gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr"),
)
CYRILLIC = ("cp1251", "koi8_r")
_BEYOND = bytes(range(128, 256))
# letters of Western text, its quote marks, dashes and the sign of the euro
_STANDS_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80\x85\x91-\x97\x99\xa0-\xff](?![\x80-\xff])")
_RUNS = re.compile(rb"[\x80-\xff]+")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
MAGIC = {  # first bytes of files that are no text
    b"\x1f\x8b": "a gzip file (.gz)",
    b"\x28\xb5\x2f\xfd": "a Zstandard file (.zst)",
    b"PK\x03\x04": "a zip file or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file (.parquet)",
    b"ARROW1": "an Arrow file (.arrow)",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
    b"version https://git-lfs": "a pointer of Git LFS (git lfs pull fetches the file)",
}
MARKS = (  # the longer first: a mark of UTF-32 begins with one of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _open_zst(path: Path, mode: str = "rb") -> IO[bytes]:
    import pyarrow

    # a wrapper that Python's readers take: pyarrow's own has no readinto of its own
    return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"), BLOCK)


COMPRESSED: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".zst": _open_zst,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


@dataclass(frozen=True)
class Scan:
    """What one pass over a file's bytes finds."""

    encoding: str
    quotes: bool  # the file holds a double quote mark
    returns: bool  # lines end in line feeds, and carriage returns stand in them
    note: str = ""  # how the encoding was guessed


def file_state(path: Path) -> list[str | int]:
    """Return what changes when a file's content may have changed: its place, size and times."""
    stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def files_digest(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of one file's bytes, or of those of several files; a folder is all files in it."""
    digests = []
    for path in paths:
        inner = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for each in inner:
            with each.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def inner_suffix(path: Path) -> str:
    """Return the suffix in lower case, without that of a compression: ``.csv`` of ``a.CSV.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file's content, decompressed.

    Raises:
        UserError: the file cannot be opened.
    """
    try:
        opened: IO[bytes] = COMPRESSED.get(path.suffix.lower(), open)(path, "rb")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    return opened


def open_text(path: Path, encoding: str, *, newline: str = "") -> TextIO:
    """Open a file's content as text; ends of lines stay as they are."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline=newline)


def scan(path: Path, encoding: str | None) -> Scan:
    """Find out a file's encoding: the given one, a byte order mark's, UTF-8, or the likeliest of `ENCODINGS`.

    Raises:
        UserError: the file is damaged, or it is not in the given encoding, or in none that is known.
    """
    try:
        with open_bytes(path) as file:
            sample = file.read(SAMPLE)
        _refuse_other_formats(path, sample)
        name, note = (encoding, "") if encoding else _guess(path, sample)
        quotes, returns = _decodes(path, name)
        return Scan(name, quotes, returns, note)
    except LookupError as error:
        raise UserError(f"data.encoding={encoding!r}: no such encoding; one is utf-8") from error
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, name, error) from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"{path}: cannot be read ({reason})") from error


def _refuse_other_formats(path: Path, sample: bytes) -> None:
    for start, what in MAGIC.items():
        if sample.startswith(start):
            raise UserError(
                f"{path}: begins as {what} does, and its name says otherwise; name it as what it is"
            )


def _wrong_encoding(path: Path, name: str, error: UnicodeDecodeError) -> UserError:
    byte = error.object[error.start] if error.start < len(error.object) else 0
    called = name.upper().removesuffix("-SIG")
    return UserError(f"{path}: not {called} (byte 0x{byte:02x}); name its encoding with data.encoding=NAME")


def _decodes(path: Path, encoding: str) -> tuple[bool, bool]:
    """Decode the whole file; return whether it has quote marks, and carriage returns inside lines."""
    decoder = codecs.getincrementaldecoder(encoding)()
    quotes, inside, first = False, False, ""
    last = ""  # a carriage return at the end of a block, whose line feed may begin the next
    size = 0
    with open_bytes(path) as file:
        while block := file.read(BLOCK):
            size += len(block)
            refuse_bomb(path, size)
            text = last + decoder.decode(block)
            last = "\r" if text.endswith("\r") else ""
            text = text.removesuffix(last)
            quotes |= '"' in text
            inside |= text.count("\r") > text.count("\r\n")
            first = first or _first_break(text)
        decoder.decode(b"", final=True)
    return quotes, (inside or bool(last)) and first == "\n"


def refuse_bomb(path: Path, size: int) -> None:
    """Refuse a file that unpacks to `size` bytes or more, which would fill the memory.

    Raises:
        UserError: it is small, and what it stands for is not.
    """
    if size > BOMB and size > RATIO * path.stat().st_size:
        raise UserError(
            f"{path}: unpacks to more than {BOMB >> 20} MB and {RATIO} times its size; if meant, unpack it"
        )


def _first_break(text: str) -> str:
    """Return what the first line ends in: a line feed (a carriage return may precede it) or not."""
    feed, carriage = text.find("\n"), text.find("\r")
    if feed < 0:
        return "\r" if carriage >= 0 else ""
    return "\r" if 0 <= carriage < feed - 1 else "\n"


def _guess(path: Path, sample: bytes) -> tuple[str, str]:
    for mark, name in MARKS:
        if sample.startswith(mark):
            return name, ""
    wide = _utf_16_without_mark(sample)
    if wide:
        return wide, f"{path.name} is read as {wide.upper()} (guessed; data.encoding settles it)"
    try:
        _decodes(path, "utf-8")
        return "utf-8", ""
    except UnicodeDecodeError:
        return _other_encoding(path)


def _utf_16_without_mark(sample: bytes) -> str:
    """Recognise UTF-16 of Western text: every second byte is mostly 0."""
    pairs = len(sample) // 2
    if pairs < 8:
        return ""
    even, odd = (sample[start : 2 * pairs : 2].count(0) / pairs for start in (0, 1))
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else ""


def _other_encoding(path: Path) -> tuple[str, str]:
    with open_bytes(path) as file:
        content = file.read(64 * BLOCK)
    beyond = len(content) - len(content.translate(None, _BEYOND))
    _refuse_broken_utf_8(path, content)
    alone = len(_STANDS_ALONE.findall(content)) / len(_RUNS.findall(content))
    name = "cp1252" if alone >= ALONE or beyond < FEW else _likeliest(content)
    for candidate in (name, "cp1252"):
        try:
            if candidate:
                _decodes(path, candidate)
                called = "Windows-1252" if candidate == "cp1252" else candidate
                return candidate, (
                    f"{path.name} is not UTF-8 and is read as {called} (guessed; data.encoding settles it)"
                )
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path}: not UTF-8, and no other encoding fits; name it with data.encoding=NAME")


def _likeliest(content: bytes) -> str:
    from charset_normalizer import from_bytes

    lines = content.splitlines(keepends=True)
    foreign = b"".join(line for line in lines if not line.isascii())[:SAMPLE]
    matches = list(from_bytes(foreign, cp_isolation=list(ENCODINGS)))
    plausible = [match for match in matches if not _is_half_width(str(match))]
    name = next((match.encoding for match in [*plausible, *matches]), "")
    if name in CYRILLIC:  # read by the other of them, small letters are large
        return max(CYRILLIC, key=lambda each: sum(map(str.islower, foreign.decode(each, "replace"))))
    return name


def _is_half_width(text: str) -> bool:
    """Return whether much of a text is half-width katakana, as Cyrillic read by Japanese encodings is."""
    return 5 * sum("\uff61" <= character <= "\uff9f" for character in text) > sum(c > "\x7f" for c in text)


def _refuse_broken_utf_8(path: Path, content: bytes) -> None:
    """Refuse UTF-8 with few bytes that are not: another encoding would spoil all its other characters."""
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = sum(map(len, _BEYOND_ASCII.findall(text))) - broken
    if whole > broken:
        line = text.count("\n", 0, text.index("\ufffd")) + 1
        raise UserError(
            f"{path}, line {line}: UTF-8 but for {broken:,} bytes; correct them, or name its encoding with"
            f" data.encoding=NAME"
        )
