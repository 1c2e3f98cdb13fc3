"""Tables of text from files: each format is one module and one entry of `formats.FORMATS`."""

from rnnsweep.data.tables.formats import FORMATS, Format, expand_paths, format_of, read_table, suffixes_known
from rnnsweep.data.tables.opening import file_state, files_digest
from rnnsweep.data.tables.table import ReadOptions, Table, find_column

__all__ = [
    "FORMATS",
    "Format",
    "ReadOptions",
    "Table",
    "expand_paths",
    "file_state",
    "files_digest",
    "find_column",
    "format_of",
    "read_table",
    "suffixes_known",
]
