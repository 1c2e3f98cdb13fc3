"""A folder of data from somebody else: it opens no address, no device, and does not fill the memory."""

import bz2
import gzip
import lzma
import os

import pyarrow
import pyarrow.parquet
import pytest

from rnnsweep.config import compose
from rnnsweep.data import prepare
from rnnsweep.data.tables import opening
from rnnsweep.errors import UserError

PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda b: pyarrow.compress(b, "zstd"),
}


def read(value):
    return prepare(compose(["data=files", f"data.train={value}"]).data)


@pytest.mark.parametrize("ending", PACK)
def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(opening, "BOMB", 1 << 20)
    path = tmp_path / f"rows.csv.{ending}"
    path.write_bytes(bytes(PACK[ending](b"text,label\n" + b"a" * (8 << 20) + b",x\n")))
    with pytest.raises(UserError, match=r"unpacks to more than 1 MB and 200 times its size; if meant"):
        read(path)


def test_a_column_that_repeats_one_value_for_ever_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "BOMB", 1 << 20)
    path, rows = tmp_path / "rows.parquet", 3 << 20
    one = pyarrow.array(["a text"]).dictionary_encode().dictionary
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int8()), one)
    table = pyarrow.table({"text": column, "label": column})
    pyarrow.parquet.write_table(table, path)
    assert path.stat().st_size < 4 * rows / opening.RATIO
    with pytest.raises(UserError, match="unpacks to more than 1 MB"):
        read(path)


@pytest.mark.parametrize("ending", PACK)
def test_ordinary_packed_rows_are_read(tmp_path, ending):
    path = tmp_path / f"rows.csv.{ending}"
    rows = "".join(f"{colour} {n},{colour}\n" for n in range(30) for colour in ("red", "blue"))
    path.write_bytes(bytes(PACK[ending](f"text,label\n{rows}".encode())))
    assert len(read(path).labels) == 2


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/x.csv",
        "https://evil.example/x.parquet",
        "s3://b/x.csv",
        "file:///etc/passwd",
        "hf://x",
    ],
)
def test_an_address_is_a_path_that_is_not_there_and_nothing_is_asked(address, monkeypatch):
    import socket

    def never(*values, **named):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", never)
    with pytest.raises(UserError, match=r"data\.train=.*no such file"):
        read(f"'{address}'")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/proc/self/environ"])
def test_a_device_or_a_file_of_the_system_is_no_table(path):
    with pytest.raises(UserError, match=r"no such file|must end in"):
        read(path)


def test_a_pipe_in_the_place_of_a_table_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "rows.csv")
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "rows.csv")


@pytest.mark.parametrize("old", [b"label", b"word1"], ids=["a name", "a text"])
def test_bytes_that_are_no_text_in_a_parquet_file_are_refused_in_one_line(tmp_path, old):
    path = tmp_path / "rows.parquet"
    rows = {"text": [f"word{n}" for n in range(9)], "label": list("abc") * 3}
    table = pyarrow.table(rows)
    pyarrow.parquet.write_table(table, path, compression="none", store_schema=False, write_statistics=False)
    path.write_bytes(path.read_bytes().replace(old, old[:-1] + b"\xe5"))
    with pytest.raises(UserError, match="cannot be read as Parquet") as refused:
        read(path)
    assert len(str(refused.value).splitlines()) == 1
