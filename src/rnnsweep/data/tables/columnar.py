"""Parquet and Arrow files; names of classes that Hugging Face's data sets store beside them."""

import json
from pathlib import Path
from typing import Any

from rnnsweep.data.tables.delimited import refuse_twice
from rnnsweep.data.tables.opening import refuse_bomb
from rnnsweep.data.tables.table import Choose, ReadOptions, Table
from rnnsweep.errors import UserError


def read_parquet(path: Path, options: ReadOptions, choose: Choose) -> Table:
    """Read the chosen columns of a Parquet file.

    Raises:
        UserError: the file is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        names = list(file.schema_arrow.names)
        columns = list(choose(names))
        for name in columns:
            refuse_twice(path, names, name)
        groups = (file.metadata.row_group(n) for n in range(file.num_row_groups))
        # a value that repeats takes hardly a byte of the file, and four of the memory each time
        refuse_bomb(path, max(4 * file.metadata.num_rows, sum(group.total_byte_size for group in groups)))
        return _table(path, names, columns, file.read(columns=columns), file.schema_arrow)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, "Parquet", error) from error


def read_arrow(path: Path, options: ReadOptions, choose: Choose) -> Table:
    """Read the chosen columns of an Arrow stream or file, as Hugging Face's ``save_to_disk`` writes it.

    Raises:
        UserError: the file is damaged.
    """
    import pyarrow

    try:
        with pyarrow.memory_map(str(path)) as source:
            try:
                table = pyarrow.ipc.open_stream(source).read_all()
            except pyarrow.ArrowInvalid:
                table = pyarrow.ipc.open_file(source).read_all()
            names = list(table.column_names)
            columns = list(choose(names))
            return _table(path, names, columns, table.select(columns), table.schema)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, "Arrow", error) from error


def _damaged(path: Path, what: str, error: Exception) -> UserError:
    return UserError(f"{path}: cannot be read as {what} ({str(error).splitlines()[0][:120]})")


def _table(path: Path, names: list[str], columns: list[str], table: Any, schema: Any) -> Table:
    if not table.num_rows:
        raise UserError(f"{path}: the file has no rows")
    values = {name: table[name].to_pylist() for name in columns}
    return Table(path, tuple(names), values, class_names=_class_names(schema))


def _class_names(schema: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes of each column that Hugging Face's metadata calls a ClassLabel."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: tuple(each["names"]) for name, each in features.items() if "names" in each}
    except (KeyError, TypeError, ValueError):
        return {}
