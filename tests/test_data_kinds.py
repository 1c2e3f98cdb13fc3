"""Files as people have them: each is read as a person would read it, or refused in one line that says why."""

import csv
import gzip
import io
import json

import pytest

from rnnsweep.data import DataConfig, prepare
from rnnsweep.errors import UserError

ROWS = [(f"the soup of table {n} was {kind}", kind) for n in range(20) for kind in ("good", "bad")]


def table(rows=ROWS, *, header=("text", "label"), delimiter=",", quoted=True):
    text = io.StringIO(newline="")
    kind = {} if quoted else {"quoting": csv.QUOTE_NONE, "quotechar": None, "escapechar": None}
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", **kind)
    writer.writerows([*([header] if header else []), *rows])
    return text.getvalue()


def labelled(name):
    """A table where every fifth label of good is written as `name`."""
    return table([(text, name if n % 10 == 0 else label) for n, (text, label) in enumerate(ROWS)])


def pandas_columns():
    named = {"text": {str(n): t for n, (t, _) in enumerate(ROWS)}}
    return json.dumps({**named, "label": {str(n): label for n, (_, label) in enumerate(ROWS)}})


def objects(**changes):
    return [{"text": text, "label": label, **changes} for text, label in ROWS]


def read(tmp_path, name, content, **values):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return prepare(DataConfig(corpus="files", train=str(path), **values), tmp_path / "cache")


ACCENTED = [(f"{text}, naïve et « été », größe", label) for text, label in ROWS]
QUOTED = [(f"{text}, “café” à 5 €", label) for text, label in ROWS]
RUSSIAN = [
    (f"суп {n} был {label == 'good' and 'прекрасный' or 'ужасный'}", label)
    for n, (_, label) in enumerate(ROWS)
]
INDEXED = ("", "text", "label")
READ = {
    "lone quote marks in CSV": ("a.csv", table([(f'{t} 5" pipe', k) for t, k in ROWS], quoted=False)),
    "two byte order marks": ("a.csv", "\ufeff\ufeff" + table()),
    "blank lines before the header": ("a.csv", "\n\n" + table()),
    "carriage returns alone": ("a.csv", table().replace("\n", "\r")),
    "lines of both ends": ("a.csv", table().replace("bad\n", "bad\r\n")),
    "line and paragraph separators": ("a.csv", table([(f"{t}\u2028x\x85y\x0bz\x0c", k) for t, k in ROWS])),
    "a capital suffix": ("A.CSV", table()),
    "an index without a name": ("a.csv", table([(n, *row) for n, row in enumerate(ROWS)], header=INDEXED)),
    "an array in a file of lines": ("a.jsonl", json.dumps(objects())),
    "lines in a file of JSON": ("a.json", "\n".join(map(json.dumps, objects()))),
    "columns as pandas writes them": ("a.json", pandas_columns()),
    "pandas' split form": ("a.json", json.dumps({"columns": ["text", "label"], "index": [], "data": ROWS})),
    "pandas' index form": ("a.json", json.dumps({str(n): each for n, each in enumerate(objects())})),
    "objects over several lines": ("a.json", "\n".join(json.dumps(each, indent=1) for each in objects())),
    "rows around objects": ("a.json", json.dumps({"rows": [{"text": t, "label": k} for t, k in ROWS]})),
    "written lists of tokens": ("a.csv", table([(str(t.split()), k) for t, k in ROWS])),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_each_kind_of_table_gives_its_rows(kind, tmp_path):
    corpus = read(tmp_path, *READ[kind])
    assert sum(corpus.sizes.values()) == 40
    assert dict(corpus.facts.labels) == {"bad": 20, "good": 20}
    assert {"the", "soup", "of", "table", "was"} <= set(corpus.vocabulary)
    assert not {"[", "'", "'soup'"} & set(corpus.vocabulary)


@pytest.mark.parametrize(
    ("encoding", "rows", "called"),
    [
        ("latin1", ACCENTED, "Windows-1252"),
        ("cp1252", QUOTED, "Windows-1252"),
        ("cp1251", RUSSIAN, "cp1251"),
        ("koi8_r", RUSSIAN, "koi8_r"),
    ],
)
def test_letters_of_other_encodings_are_read_as_they_were_written(encoding, rows, called, tmp_path):
    corpus = read(tmp_path, "a.csv", table(rows).encode(encoding))
    assert set(corpus.texts("train")) <= {text for text, _ in rows}
    assert f"is read as {called} (guessed" in corpus.facts.notes[0]


MENDED = ["good ", "good\u00a0", "go\u200bod", "\u202agood\u202c", "\ufeffgood"]


@pytest.mark.parametrize("name", MENDED)
def test_what_cannot_be_seen_makes_no_class(name, tmp_path):
    facts = read(tmp_path, "a.csv", labelled(name)).facts
    assert set(facts.labels) == {"bad", "good"}
    assert not {each.code for each in facts.remarks} & {"label-variants"}


VARIANTS = {
    "case": ("Good", "good"),
    "width": ("ｇｏｏｄ", "good"),
    "hyphens": ("very-good", "very_good"),
    "quote marks": ("'good'", "good"),
    "blanks": ("very  good", "very good"),
    "leading zeros": ("01", "1"),
    "powers of ten": ("1e0", "1"),
    "the order of several": ("red,blue", "blue,red"),
    "several in one": ("bad|good", "good"),
}


@pytest.mark.parametrize("kind", VARIANTS)
def test_labels_that_are_written_in_several_ways_are_named(kind, tmp_path):
    odd, plain = VARIANTS[kind]
    good = [odd, plain]
    rows = [(t, "bad" if k == "bad" else good[n // 2 % 2]) for n, (t, k) in enumerate(ROWS)]
    facts = read(tmp_path, "a.csv", table(rows)).facts
    (remark,) = [each for each in facts.remarks if each.code == "label-variants"]
    assert repr(odd) in remark.message


def test_truth_beside_numbers_is_a_variant(tmp_path):
    names = ["true", "1", "false", "0"]
    rows = [(text, names[n % 4]) for n, (text, _) in enumerate(ROWS)]
    codes = [each.code for each in read(tmp_path, "a.csv", table(rows)).facts.remarks]
    assert "label-variants" in codes


@pytest.mark.parametrize("one", ["+1", "1.", "1.0"])
@pytest.mark.parametrize("minus", ["-1", "\u22121"])
def test_signs_and_points_make_no_other_number(one, minus, tmp_path):
    names = [one, "1", minus, "-1"]
    rows = [(text, names[n % 4]) for n, (text, _) in enumerate(ROWS)]
    assert read(tmp_path, "a.csv", table(rows)).facts.labels == {"-1": 20, "1": 20}


MISSING = ["#N/A", "nil", "(null)", r"\N", "n.a.", "--", "<null>", "-NaN"]


@pytest.mark.parametrize("name", MISSING)
def test_what_programs_write_for_no_value_is_no_class(name, tmp_path):
    with pytest.raises(UserError, match="missing-like-label: 4 in all"):
        read(tmp_path, "a.csv", labelled(name))


JOINED = table() + table()
BROKEN = table([(f"{t} café", k) for t, k in ROWS]).encode().replace(b"table 7", b"table \xe9")
NUMBERS = [(f"text {n}", 1000 + 37 * n) for n in range(60)]
PEOPLES = [(text, f"{1000 + 37 * n:,}") for n, (text, _) in enumerate(ROWS)]
NESTED = "\n".join(json.dumps({"row": each}) for each in objects())
REFUSED = {
    "another format": ("a.csv", gzip.compress(b"text"), "begins as a gzip file (.gz) does"),
    "a workbook": ("a.csv", b"PK\x03\x04 and more", "begins as a zip file or an Excel workbook does"),
    "a pointer": ("a.csv", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull fetches the file"),
    "files joined": ("a.csv", JOINED, "line 42: the header once more, as where files were joined"),
    "UTF-8 with a wrong byte": ("a.csv", BROKEN, "line 16: UTF-8 but for 2 bytes"),
    "objects in place of texts": ("a.json", json.dumps(objects(text={"en": "x"})), "row 1 has an object"),
    "written lists of labels": ("a.csv", labelled("['a', 'b']"), "row 1 (line 2) has a list of labels"),
    "names that say nothing": ("a.csv", table(header=("v2", "v1")), "they may be data.text=v2 data.label=v1"),
    "a label for each row": ("a.csv", table([(t, t) for t, _ in ROWS]), ": rare-label: 40 labels for 40"),
    "a number for each row": ("a.csv", table(NUMBERS), "numbers: the labels are 60 different numbers"),
    "a table among lines": ("a.txt", table(delimiter="\t"), "(a table ends in .csv or .tsv)"),
    "the suffix of a workbook": ("a.xlsx", b"PK", "is a workbook: save its sheet as CSV"),
    "an archive": ("a.csv.zip", b"PK", "is an archive: unpack it"),
    "a title above": ("a.csv", f"Report of May,\n,\n{table()}", "Row 3 of the file has the names 'text'"),
    "a comment above": ("a.csv", f"# by a tool\n{table()}", "no column of texts found among columns '# by"),
    "an object for a label": ("a.json", json.dumps(objects(label={"id": 1})), "has an object in column"),
    "numbers for people": ("a.csv", table(PEOPLES), "the labels are 40 different numbers, as '1,000"),
    "one text": ("a.csv", table([("same", k) for _, k in ROWS]), "equal texts and groups stay in one part"),
    "inner columns": ("a.jsonl", NESTED, "they may be data.text=row.text data.label=row.label"),
    "sequences": ("a.csv", table([("[0.1, 0.2]", k) for _, k in ROWS]), "sequences of numbers are no"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_each_kind_that_cannot_be_read_is_refused_by_its_reason(kind, tmp_path):
    name, content, message = REFUSED[kind]
    with pytest.raises(UserError) as caught:
        read(tmp_path, name, content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_that_comes_again_can_be_left_out(tmp_path):
    corpus = read(tmp_path, "a.csv", JOINED, skip_bad=1)
    assert sum(corpus.sizes.values()) == 80
    assert "1 row that cannot be read is left out" in corpus.facts.notes[0]


def test_bytes_are_no_text(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"text": [t.encode() for t, _ in ROWS], "label": [k for _, k in ROWS]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="row 1 has bytes in column 'text'"):
        prepare(DataConfig(corpus="files", train=str(tmp_path / "a.parquet")), tmp_path / "cache")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train-0.csv", "test-0.csv"], r"holds files of several parts \(test, train\).*data.train="),
        (["data/train-0.csv"], "its tables are in .*data; name that folder"),
        (["train/good/1.txt", "test/bad/1.txt"], r"folders are parts \(test, train\), not classes"),
    ],
)  # fmt: skip
def test_a_folder_of_several_parts_trains_on_none_of_them_in_silence(files, message, tmp_path):
    for file in files:
        path = tmp_path / "hub" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table() if file.endswith(".csv") else "a text")
    with pytest.raises(UserError, match=message):
        prepare(DataConfig(corpus="files", train=str(tmp_path / "hub")), tmp_path / "cache")


def read_parts(tmp_path, values=None, **files):
    """Read a corpus whose parts are CSV files of (text, label), or lists of these."""
    given = {}
    for part, rows in files.items():
        several = rows if isinstance(rows[0], list) else [rows]
        for number, each in enumerate(several):
            (tmp_path / f"{part}-{number}.csv").write_text(table(each))
        given[part] = [str(tmp_path / f"{part}-{number}.csv") for number in range(len(several))]
    return prepare(DataConfig(corpus="files", **given, **(values or {})), tmp_path / "cache")


def relabelled(change):
    return [(f"{text} too", change(label)) for text, label in ROWS]


def test_values_of_inner_objects_are_columns(tmp_path):
    corpus = read(tmp_path, "a.jsonl", NESTED, text="row.text", label="row.label")
    assert (sum(corpus.sizes.values()), corpus.labels) == (40, ("bad", "good"))


def test_training_files_of_which_one_has_numbers_and_one_names_are_refused(tmp_path):
    numbers = relabelled({"good": 1, "bad": 0}.get)
    with pytest.raises(
        UserError, match=r"its labels are numbers \(0, 1\), and those of train-0.csv are names"
    ):
        read_parts(tmp_path, train=[ROWS, numbers])


def test_a_named_shard_of_parquet_beside_one_of_bare_numbers_is_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}
    for number, features in enumerate((names, {})):
        columns = {"text": [f"{t} {number}" for t, _ in ROWS], "label": [n % 2 for n in range(40)]}
        about = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
        pq.write_table(pa.table(columns).replace_schema_metadata(about), tmp_path / f"{number}.parquet")
    with pytest.raises(UserError, match="label-variants: its labels are numbers"):
        prepare(DataConfig(corpus="files", train=f"{tmp_path}/*.parquet"), tmp_path / "cache")


def test_a_number_below_classes_that_count_from_0_is_remarked_on(tmp_path):
    rows = [(text, n % 4 - 1) for n, (text, _) in enumerate(ROWS)]
    (remark,) = (r for r in read_parts(tmp_path, train=rows).facts.remarks if r.code == "missing-like-label")
    assert "-1 (10 rows) beside 0 to 2 often means no label" in remark.message
    signs = [(text, n % 3 - 1) for n, (text, _) in enumerate(ROWS)]  # less, equal, more
    codes = {remark.code for remark in read_parts(tmp_path, train=signs).facts.remarks}
    assert "missing-like-label" not in codes


def test_texts_that_are_no_values_are_counted(tmp_path):
    rows = [("NULL" if n % 4 == 0 else text, label) for n, (text, label) in enumerate(ROWS)]
    notes = read_parts(tmp_path, train=rows).facts.notes
    assert notes == ("train-0.csv: 10 texts are what programs write for no value: 'NULL' 10",)
    rows[4:] = ROWS[4:]
    notes = read_parts(tmp_path, train=rows).facts.notes
    assert notes == ("train-0.csv: 1 text is what programs write for no value: 'NULL' 1",)


def test_a_refusal_of_one_label_says_that_lines_were_swallowed(tmp_path):
    lines = (f'"{text},{label}' if label == "good" else f'{text}",{label}' for text, label in ROWS)
    with pytest.raises(UserError, match="all rows have the label 'bad'.*swallowed: a.csv: 40 lines gave 20"):
        read(tmp_path, "a.csv", "\n".join(["text,label", *lines, ""]))


def test_numbers_and_names_in_one_file_are_remarked_on(tmp_path):
    mixed = [(text, n % 2 if n < 10 else label) for n, (text, label) in enumerate(ROWS)]
    (remark,) = (r for r in read_parts(tmp_path, train=mixed).facts.remarks if r.code == "label-variants")
    assert "some labels are numbers ('0' 5, '1' 5) and others are names" in remark.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda label: "-1", "-1 in each row means no label: such rows are for rnnsweep predict --file"),
        (
            lambda label: "",
            "no row has a label in column 'label'; rows without labels are for rnnsweep predict",
        ),
        (
            str.upper,
            "data.fold_labels=true takes labels that differ by the way they are written alone as one",
        ),
    ],
)
def test_a_test_part_whose_labels_are_not_those_of_training_leads_on(change, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read_parts(tmp_path, train=ROWS, test=relabelled(change))


def test_no_test_part_is_split_off_in_place_of_one_without_labels(tmp_path):
    with pytest.raises(UserError, match="missing-like-label: no row of data.test has a label"):
        read_parts(tmp_path, {"skip_unlabelled": True}, train=ROWS, test=relabelled(lambda label: "NA"))


def test_columns_that_could_be_meant_as_well_are_named(tmp_path):
    rows = [(text, "short", label, "x", "train") for text, label in ROWS]
    content = table(rows, header=("review", "title", "class", "category", "split"))
    notes = read(tmp_path, "a.csv", content).facts.notes
    assert notes == (
        "a.csv: texts are read from 'review', not from 'title' (data.text settles it)",
        "a.csv: labels are read from 'class', not from 'category' (data.label settles it)",
        "a.csv: column 'split' is not read, and parts are drawn from all rows; to keep its parts, write each"
        " to a file: data.train, data.validation, data.test",
    )
    assert len(read(tmp_path, "a.csv", content, text="review", label="class").facts.notes) == 1


def test_a_text_column_that_is_often_empty_gives_way_to_a_fuller_one_beside_it(tmp_path):
    rows = [("" if n % 4 == 0 else f"head {n}", text * 3, label) for n, (text, label) in enumerate(ROWS)]
    content = table(rows, header=("headline", "the story", "class"))
    empty = sum(not headline for headline, *_ in rows)
    said = (
        f"a.csv: texts are read from 'the story', as {empty:,} of {len(rows):,} in 'headline' are empty and"
        " it has longer ones (data.text settles it)"
    )
    assert said in read(tmp_path, "a.csv", content).facts.notes
    assert said not in read(tmp_path, "a.csv", content, text="headline").facts.notes


def test_a_file_whose_name_is_not_utf_8_is_refused_in_one_line(tmp_path):
    path = tmp_path / "caf\udce9.csv"  # as Latin-1 writes it
    try:
        path.write_text(table())
    except OSError:
        pytest.skip("the file system takes UTF-8 alone")
    for train in (str(path), f"{tmp_path}/*.csv", str(tmp_path)):
        with pytest.raises(UserError, match=r"the name of the file is not UTF-8 .*caf.udce9.csv.*rename it"):
            prepare(DataConfig(corpus="files", train=train), tmp_path / "cache")
