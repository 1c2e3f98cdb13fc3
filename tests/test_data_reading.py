"""Tables in every dialect, encoding and compression are read as they were written, or it is told."""

import bz2
import csv
import gzip
import importlib.util
import io
import json
import lzma

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rnnsweep.data import DataConfig, prepare
from rnnsweep.data.tables import ReadOptions, read_table
from rnnsweep.errors import UserError

ROWS = [(f"row {n} is {kind}", kind) for n in range(30) for kind in ("good", "bad")]
CELLS = st.text(st.sampled_from("ab cé漢\"',;|\t\n\r#\\x1 "), max_size=14)


def choose(names):
    if not {"text", "label"} <= set(names):
        raise UserError("other columns")
    return ["text", "label"]


def corpus(tmp_path, *, train, **values):
    return prepare(DataConfig(corpus="files", train=str(train), **values), tmp_path / "cache")


def written(rows, writer, delimiter, quoting, end):
    if writer == "pandas":
        table = pd.DataFrame(rows, columns=["text", "label"])
        return table.to_csv(sep=delimiter, quoting=quoting, index=False, lineterminator=end)
    text = io.StringIO(newline="")
    file = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    file.writerows([["text", "label"], *rows])
    return text.getvalue()


def written_by_duckdb(rows, delimiter, quoting, path):
    """Return the text of the table as DuckDB's COPY writes it; it ends lines in a line feed."""
    import duckdb

    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    forced = ", FORCE_QUOTE *" if quoting == csv.QUOTE_ALL else ""
    duckdb.connect().from_arrow(table).query(
        "t", f"COPY t TO '{path}' (FORMAT csv, HEADER, DELIMITER '{delimiter}'{forced})"
    )
    return path.read_bytes().decode()


def compressed(content, compression):
    if compression == ".zst":
        return bytes(pa.compress(content, codec="zstd", asbytes=True))
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    return pack.get(compression, bytes)(content)


WRITERS = ["csv", "pandas", *(["duckdb"] if importlib.util.find_spec("duckdb") else [])]
TABLES = {
    "rows": st.lists(st.tuples(CELLS, st.sampled_from(["good", "bad"])), min_size=1, max_size=12),
    "writer": st.sampled_from(WRITERS),
    "delimiter": st.sampled_from(",;|\t"),
    "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    "end": st.sampled_from(["\n", "\r\n"]),
    "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    "suffix": st.sampled_from([".csv", ".tsv"]),
    "compression": st.sampled_from(["", ".gz", ".zst", ".bz2", ".xz"]),
}
FREELY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def check_round_trip(folder, rows, writer, delimiter, quoting, end, encoding, suffix, compression):
    path = folder / f"table{suffix}{compression}"
    if encoding == "cp1252":
        rows = [(text.replace("漢", "€"), label) for text, label in rows]
    if writer == "duckdb":
        text = written_by_duckdb(rows, delimiter, quoting, folder / "duckdb.csv")
    else:
        text = written(rows, writer, delimiter, quoting, end)
    path.write_bytes(compressed(text.encode(encoding), compression))
    table = read_table(path, ReadOptions(), choose)
    read = list(zip(table.columns["text"], table.columns["label"], strict=True))
    if any("quote marks are read as characters" in note for note in table.notes):
        return  # quoted or not, each line is a row: nobody can know, and it is said
    if encoding == "cp1252" and any("is not UTF-8 and is read as" in note for note in table.notes):
        assert [label for _, label in read] == [label for _, label in rows]
        return  # which of the encodings of one byte a character it is, is guessed, and it is said
    assert read == rows


@given(**TABLES)
@settings(max_examples=200, **FREELY)
def test_a_table_reads_back_as_it_was_written_or_it_is_told(tmp_path, **table):
    check_round_trip(tmp_path, **table)


@pytest.mark.slow
@given(**TABLES)
@settings(max_examples=2000, **FREELY)
def test_two_thousand_tables_read_back_as_they_were_written_or_it_is_told(tmp_path, **table):
    check_round_trip(tmp_path, **table)


def test_quote_marks_in_tsv_are_characters(tmp_path):
    lines = ["text\tlabel", '"a lone mark\t0', '5" pipe\t1', '"another\t0', '"all of it"\t1']
    (tmp_path / "a.tsv").write_text("\n".join(lines) + "\n")
    table = read_table(tmp_path / "a.tsv", ReadOptions(), choose)
    assert table.columns["text"] == ['"a lone mark', '5" pipe', '"another', '"all of it"']
    assert table.notes == [
        "a.tsv: quote marks are read as characters (data.quote='\"' reads them as quoting)"
    ]


def test_rows_over_several_lines_are_told(tmp_path):
    (tmp_path / "a.csv").write_text('text,label\n"one\ntwo",x\nthree,y\n')
    table = read_table(tmp_path / "a.csv", ReadOptions(), choose)
    assert (len(table), sum(table.spans)) == (2, 3)
    assert table.swallowed.startswith(
        "a.csv: 3 lines gave 2 rows: 1 rows have line breaks inside quote marks"
    )


def test_a_delimiter_that_was_guessed_is_named_and_one_that_is_set_is_taken(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text;label\nyes, indeed;x\nno;y\n")
    guessed = read_table(path, ReadOptions(), choose)
    assert guessed.columns["text"] == ["yes, indeed", "no"]
    assert guessed.notes == [
        "a.csv: columns are separated by a semicolon (guessed; data.delimiter settles it)"
    ]
    assert read_table(path, ReadOptions(delimiter=";"), choose).notes == []


def test_a_file_without_a_header_is_read_by_column_numbers_and_the_way_to_it_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("\n".join(f'"{n % 2}","{n}","a text of number {n}"' for n in range(40)))
    with pytest.raises(
        UserError, match=r"data.header=false numbers the columns, as data.text=3 data.label=1"
    ):
        corpus(tmp_path, train=path)
    read = corpus(tmp_path, train=path, header=False, text=3, label="1")
    assert sum(read.sizes.values()) == 40
    with pytest.raises(UserError, match=r"data.text=0: .* has columns 1 to 3"):
        corpus(tmp_path, train=path, header=False, text=0, label="1")


def test_bad_rows_are_left_out_up_to_a_number_counted_and_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "\n".join(f"{t},{x}" for t, x in ROWS) + "\none,two,three\nx,y,z\n")
    with pytest.raises(UserError, match="data.skip_bad=1 rows are left out already"):
        corpus(tmp_path, train=path, skip_bad=1)
    read = corpus(tmp_path, train=path, skip_bad=2)
    assert sum(read.sizes.values()) == 60
    assert (
        "2 rows that cannot be read are left out (data.skip_bad), the first: line 62" in read.facts.notes[0]
    )


@pytest.mark.parametrize("form", ["array", "columns", "wrapped"])
def test_json_files_of_every_form_are_read(tmp_path, form):
    records = [{"text": text, "label": label} for text, label in ROWS]
    columns = {"text": [t for t, _ in ROWS], "label": [x for _, x in ROWS]}
    whole = {"array": records, "columns": columns, "wrapped": {"version": 1, "data": records}}[form]
    (tmp_path / "a.json").write_text(json.dumps(whole))
    read = corpus(tmp_path, train=tmp_path / "a.json")
    assert (sum(read.sizes.values()), read.facts.parts["train"]["lines"]) == (60, None)


@pytest.mark.parametrize("value", ["train-*.parquet", ".", ["train-0.parquet", "train-1.parquet"]])
def test_shards_are_read_by_a_pattern_a_folder_or_a_list(tmp_path, value):
    for n in range(2):
        part = ROWS[n::2]
        table = pa.table(
            {"text": [t for t, _ in part], "label": [x for _, x in part], "unused": [0] * len(part)}
        )
        (tmp_path / "hub").mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / "hub" / f"train-{n}.parquet")
    named = (
        [str(tmp_path / "hub" / v) for v in value]
        if isinstance(value, list)
        else str(tmp_path / "hub" / value)
    )
    read = prepare(DataConfig(corpus="files", train=named), tmp_path / "cache")
    assert sum(read.sizes.values()) == 60


def test_names_of_classes_that_hugging_face_stores_are_the_labels(tmp_path):
    features = {"info": {"features": {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}}}
    schema = pa.schema(
        [("text", pa.string()), ("label", pa.int64())], metadata={"huggingface": json.dumps(features)}
    )
    columns = [[t for t, _ in ROWS], [int(x == "good") for _, x in ROWS]]
    table = pa.Table.from_arrays([pa.array(columns[0]), pa.array(columns[1])], schema=schema)
    with pa.OSFile(str(tmp_path / "data.arrow"), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table)
    assert corpus(tmp_path, train=tmp_path / "data.arrow").facts.labels == {"bad": 30, "good": 30}


def test_a_folder_for_each_class_and_fasttexts_lines_are_read(tmp_path):
    lines = []
    for n, (text, label) in enumerate(ROWS):
        (tmp_path / "classes" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "classes" / label / f"{n}.txt").write_text(text)
        lines.append(f"__label__{label} {text}")
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    for train in (tmp_path / "classes", tmp_path / "lines.txt"):
        assert corpus(tmp_path, train=train).facts.labels == {"bad": 30, "good": 30}


def test_lists_of_tokens_are_taken_as_they_are(tmp_path):
    table = pa.table(
        {"tokens": [["New York", "IS", f"n{n}"] for n in range(60)], "label": [n % 2 for n in range(60)]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    read = corpus(tmp_path, train=tmp_path / "a.parquet")
    assert read.vocabulary[2:4] == ("IS", "New York")
    assert read.texts("train")[0].split("\x1f")[:2] == ["New York", "IS"]
    assert read.tokeniser.tokens == "list"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x", "label": ["a", "b"]}\n', "several labels a text (multi-label) is no task"),
        ("a.csv", "text,toxic,insult\nx,0,1\ny,1,0\n", "'toxic', 'insult' hold 0 and 1: several labels"),
        ("a.jsonl", '{"sequence": [0.1, 2.0], "label": "x"}\n', "numbers: sequences of numbers are no texts"),
        ("a.conll", "Anna B-PER\n", "a label for each word (tagging) is no task"),
        ("a.csv", "id,text\n1,x\n", "rows without labels are for rnnsweep predict --file"),
    ],
)
def test_data_of_another_task_is_refused_by_name(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as caught:
        corpus(tmp_path, train=tmp_path / name)
    assert message in str(caught.value)


def test_labels_as_numbers_are_read_as_numbers_where_the_task_learns_them(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(f"text {n},{n / 7}" for n in range(60)))
    read = prepare(
        DataConfig(corpus="files", train=str(tmp_path / "a.csv"), targets="numbers"), tmp_path / "c"
    )
    assert (read.labels, read.facts.labels, read.train.targets_N.dtype.kind) == ((), {}, "f")
    part = read.train
    assert sorted(float(text.split()[1]) / 7 for text in read.texts("train")) == pytest.approx(
        sorted(part.targets_N)
    )
    (tmp_path / "a.csv").write_text("text,label\nx,1\ny,two\n")
    with pytest.raises(UserError, match=r"row 2 \(line 3\): 'two' is no number"):
        prepare(DataConfig(corpus="files", train=str(tmp_path / "a.csv"), targets="numbers"), tmp_path / "c")
    with pytest.raises(UserError, match="data=docstrings: has classes, and task=regression needs numbers"):
        prepare(DataConfig(corpus="docstrings", targets="numbers"), tmp_path / "c")
