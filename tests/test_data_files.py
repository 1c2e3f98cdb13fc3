"""The user's own files."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rnnsweep.data import prepare, read_texts
from rnnsweep.data.config import DataConfig
from rnnsweep.data.tables import ReadOptions, read_table
from rnnsweep.errors import UserError

ROWS = [(f"sentence number {n} of the {kind} kind", kind) for n in range(30) for kind in ("good", "bad")]


def write(path: Path, rows=ROWS, names=("text", "label")) -> Path:
    """Write rows in the format of the path's suffix."""
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    elif path.suffix == ".parquet":
        columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        pq.write_table(pa.table(columns), path)
    else:
        comma = "," if path.suffix == ".csv" else "\t"
        lines = [comma.join(f'"{value}"' for value in row) for row in [names, *rows]]
        path.write_text("\n".join(lines), encoding="utf-8")
    return path


def config(**settings) -> DataConfig:
    paths = {key: str(value) if isinstance(value, Path) else value for key, value in settings.items()}
    return DataConfig(corpus="files", **paths)


@pytest.fixture
def refused(tmp_path):
    """Prepare a corpus that must be refused; give the message and see that nothing half-made stays."""

    def prepare_and_catch(**settings) -> str:
        cache = tmp_path / "cache"
        with pytest.raises(UserError) as caught:
            prepare(config(**settings), cache)
        message = str(caught.value)
        assert message.count("\n") <= 1
        assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
        return message

    return prepare_and_catch


def test_every_format_gives_the_same_rows(tmp_path):
    corpora = []
    for suffix in ("csv", "tsv", "jsonl", "parquet"):
        corpora.append(prepare(config(train=write(tmp_path / f"reviews.{suffix}")), tmp_path / "cache"))
    assert {corpus.digest for corpus in corpora} == {corpora[0].digest}
    assert corpora[0].name == "reviews"
    assert corpora[0].labels == ("bad", "good")
    assert sum(corpora[0].sizes.values()) == 60
    assert set(corpora[0].texts("train")) < {text for text, _ in ROWS}


def test_texts_and_targets_belong_together(tmp_path):
    settings = config(train=write(tmp_path / "reviews.csv"))
    label_of = dict(ROWS)
    for part in ("train", "validation", "test"):
        texts, targets_N = read_texts(settings, part, tmp_path / "cache")
        assert [("bad", "good")[y] for y in targets_N] == [label_of[text] for text in texts]


@pytest.mark.parametrize(
    "names",
    [
        ("Text", "LABEL"),
        ("sentence", "category"),
        ("review", "Sentiment"),
        ("tweet", "y"),
        ("content", "class"),
    ],
)
def test_columns_are_found_by_their_names(tmp_path, names):
    corpus = prepare(config(train=write(tmp_path / "own.csv", names=names)), tmp_path / "cache")
    assert corpus.labels == ("bad", "good")


def test_title_and_description_are_read_together(tmp_path):
    rows = [(f"title {n}", f"story {n}", n % 2) for n in range(40)]
    path = write(tmp_path / "news.jsonl", rows, ("title", "description", "topic"))
    assert prepare(config(train=path), tmp_path / "cache").texts("test")[0].startswith("title ")
    assert " story " in prepare(config(train=path), tmp_path / "cache").texts("test")[0]
    titles = prepare(config(train=path, text=["title"]), tmp_path / "cache")
    assert "story" not in " ".join(titles.texts("train"))
    turned = prepare(config(train=path, text=["description", "title"]), tmp_path / "cache")
    assert turned.texts("train")[0].startswith("story ")


def test_columns_can_be_named(tmp_path):
    rows = [("x", f"what was said {n}", "yes" if n % 2 else "no") for n in range(40)]
    path = write(tmp_path / "own.tsv", rows, ("text", "said", "answer"))
    corpus = prepare(config(train=path, text="said", label="answer"), tmp_path / "cache")
    assert corpus.labels == ("no", "yes")
    assert corpus.texts("train")[0].startswith("what was said")


def test_labels_that_are_numbers_are_ordered_as_numbers(tmp_path):
    rows = [(f"text {n} {label}", label) for n in range(10) for label in (10, 9, -1)]
    assert prepare(config(train=write(tmp_path / "a.parquet", rows)), tmp_path / "c").labels == (
        "-1",
        "9",
        "10",
    )


def test_given_parts_are_used_and_missing_ones_drawn(tmp_path):
    test = write(tmp_path / "test.csv", [("a test", "good"), ("another", "bad")])
    corpus = prepare(config(train=write(tmp_path / "train.csv"), test=test), tmp_path / "cache")
    assert corpus.sizes == {"train": 54, "validation": 6, "test": 2}
    assert corpus.texts("test") == ["a test", "another"]
    assert corpus.name == tmp_path.name
    other = [(f"other {text}", kind) for text, kind in ROWS]
    three = config(train=tmp_path / "train.csv", test=test, validation=write(tmp_path / "valid.jsonl", other))
    assert prepare(three, tmp_path / "cache").sizes == {"train": 60, "validation": 60, "test": 2}


def test_the_test_part_is_the_same_whatever_the_split_seed(tmp_path):
    path = write(tmp_path / "reviews.csv")
    corpora = [prepare(config(train=path, split_seed=seed), tmp_path / "cache") for seed in (0, 1)]
    assert corpora[0].texts("test") == corpora[1].texts("test")
    assert corpora[0].part_digests["test"] == corpora[1].part_digests["test"]
    assert corpora[0].texts("validation") != corpora[1].texts("validation")
    assert corpora[0].digest == corpora[1].digest


def test_rows_without_text_stay_as_one_unknown_token(tmp_path):
    rows = [*ROWS, *[("", "good")] * 10]
    corpus = prepare(config(train=write(tmp_path / "some.csv", rows)), tmp_path / "cache")
    assert sum(corpus.sizes.values()) == 70
    assert sum(corpus.empty.values()) == 10
    assert corpus.train.lengths_N.min() == 1


def test_quotes_line_breaks_and_a_byte_order_mark_are_read(tmp_path):
    rows = [(f'he said ""{n}""\nand left, quickly', n % 2) for n in range(40)]
    path = write(tmp_path / "own.csv", rows)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    texts = prepare(config(train=path), tmp_path / "cache").texts("train")
    assert {f'he said "{n}"\nand left, quickly' for n in range(40)} > set(texts)


def test_a_text_longer_than_the_csv_modules_limit_is_read(tmp_path):
    rows = [(f"{n} word", str(n % 2)) for n in range(30)]
    rows[7] = ("word " * 40_000, "1")
    facts = prepare(config(train=write(tmp_path / "own.csv", rows)), tmp_path / "c").facts
    assert facts.lengths["longest"] == 40_000


def test_a_file_that_changed_is_read_again(tmp_path):
    path = write(tmp_path / "own.csv")
    before = prepare(config(train=path), tmp_path / "cache")
    write(path, [*ROWS, ("one more", "good")])
    after = prepare(config(train=path), tmp_path / "cache")
    assert before.digest != after.digest
    assert sum(after.sizes.values()) == 61


def test_a_file_that_moved_is_the_same_corpus(tmp_path):
    one = prepare(config(train=write(tmp_path / "a.csv")), tmp_path / "cache")
    other = prepare(config(train=write(tmp_path / "b.csv")), tmp_path / "cache")
    assert one.folder == other.folder


def test_no_training_file_is_refused(refused):
    assert refused() == "data=files: data.train is not set; give it a CSV, TSV, JSON Lines or Parquet file"


def test_a_missing_file_is_refused(refused, tmp_path):
    path = tmp_path / "nowhere.csv"
    assert refused(train=path) == f"data.train='{path}': no such file ({path})"
    assert f"data.test='{path}': no such file" in refused(train=write(tmp_path / "a.csv"), test=path)


@pytest.mark.parametrize(("there", "asked"), [("a.tsv", "a.csv"), ("reviews.csv", "reviewz.csv")])
def test_a_missing_file_is_refused_with_the_one_that_is_there(refused, tmp_path, there, asked, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    write(tmp_path / "other.csv")
    write(tmp_path / "reviews.csv").rename(tmp_path / there)
    assert refused(train=f"../{asked}").endswith(f"/{asked}). Did you mean '../{there}'?")


def test_a_folder_without_tables_is_refused(refused, tmp_path):
    assert "has neither tables nor folders of text files, one a class" in refused(train=tmp_path)


def test_an_unknown_format_is_refused(refused, tmp_path):
    (tmp_path / "book.docx").write_text("x")
    assert "book.docx: must end in one of .csv, .tsv, .tab, .jsonl" in refused(train=tmp_path / "book.docx")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_an_empty_file_is_refused(refused, tmp_path, suffix):
    path = tmp_path / f"own.{suffix}"
    path.write_bytes(b"")
    assert refused(train=path) == f"{path}: the file is empty"


@pytest.mark.parametrize(("suffix", "content"), [("csv", "text,label\n"), ("csv", "\n\n"), ("jsonl", "\n")])
def test_a_file_without_rows_is_refused(refused, tmp_path, suffix, content):
    path = tmp_path / f"own.{suffix}"
    path.write_text(content)
    assert refused(train=path) == f"{path}: the file has no rows"


def test_one_class_only_is_refused(refused, tmp_path):
    path = write(tmp_path / "own.csv", [(text, "good") for text, _ in ROWS])
    assert refused(train=path) == f"{path}: all rows have the label 'good'; two or more are needed"


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize(
    ("encoding", "note"), [("cp1252", "is read as Windows-1252"), ("utf-16", ""), ("utf-16-le", "UTF-16-LE")]
)
def test_other_encodings_are_found_out_and_told_where_they_are_guessed(tmp_path, suffix, encoding, note):
    path = write(tmp_path / f"own.{suffix}")
    text = path.read_text().replace("sentence", "sätze")
    path.write_bytes(text.encode(encoding))
    corpus = prepare(config(train=path), tmp_path / "cache")
    assert corpus.texts("train")[0].startswith("sätze number")
    assert [note in each for each in corpus.facts.notes] == ([True] if note else [])


def test_an_encoding_that_is_named_is_taken_and_one_that_does_not_fit_is_refused(refused, tmp_path):
    path = write(tmp_path / "own.csv")
    path.write_bytes(path.read_text().replace("sentence", "sätze").encode("cp850"))
    named = prepare(config(train=path, encoding="cp850"), tmp_path / "other")
    assert named.texts("train")[0].startswith("sätze number")
    assert "not UTF-8 (byte 0x84); name its encoding" in refused(train=path, encoding="utf-8")
    assert (
        refused(train=path, encoding="klingon") == "data.encoding='klingon': no such encoding; one is utf-8"
    )


def test_missing_columns_are_refused_with_those_that_there_are(refused, tmp_path):
    path = write(tmp_path / "own.csv", names=("phrases", "kind"))
    assert refused(train=path) == (
        f"{path}: no column of texts found among columns 'phrases', 'kind'; name it with data.text=COLUMN."
        " By their values they may be data.text=phrases data.label=kind"
    )
    assert refused(train=path, text="phrases") == (
        f"{path}: no column of labels found among columns 'phrases', 'kind'; name it with data.label=COLUMN"
        " (rows without labels are for rnnsweep predict --file). By its values it may be data.label=kind"
    )
    assert refused(train=path, text="phrase", label="kind") == (
        f"data.text='phrase': {path} has columns 'phrases', 'kind'. Did you mean 'phrases'?"
    )
    assert "data.label='kin'" in refused(train=path, text=["phrases"], label="kin")


def test_a_row_with_too_many_values_is_refused_with_its_line(refused, tmp_path):
    path = write(tmp_path / "own.csv")
    path.write_text(path.read_text() + '\n"one","two","three"')
    assert refused(train=path) == (
        f"{path}, line 62: 3 values, but the header names 2 columns (text, label);"
        " data.skip_bad=N leaves up to N such rows out"
    )


@pytest.mark.parametrize(
    ("line", "reason"), [('{"text": "a", "label"', "not JSON"), ("[1, 2]", "'[1, 2]' is not a JSON object")]
)
def test_a_line_that_is_no_json_object_is_refused_with_its_number(refused, tmp_path, line, reason):
    path = write(tmp_path / "own.jsonl")
    path.write_text(path.read_text() + "\n" + line)
    message = refused(train=path)
    assert message.startswith(f"{path}, line 61: ")
    assert reason in message


def test_an_unreadable_parquet_file_is_refused(refused, tmp_path):
    path = write(tmp_path / "own.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    assert refused(train=path).startswith(f"{path}: cannot be read as Parquet (")


def test_a_missing_label_is_refused_with_its_row(refused, tmp_path):
    path = write(tmp_path / "own.jsonl", [*ROWS, ("no label", None)])
    assert refused(train=path) == (
        f"{path}: row 61 has no label in column 'label'; missing-like-label: 1 in all (empty 1);"
        " data.skip_unlabelled=true leaves them out, data.missing_is_class=true takes such names as classes"
    )


@pytest.mark.parametrize(
    ("head", "place"),
    [
        ("text,label\n", "row 61 (line 62)"),
        ("sep=,\ntext,label\n", "row 61 (line 63)"),
        ("text,label\n\n\n", "row 61 (line 64)"),
        ('text,label\n"a row\nof three\nlines",good\n', "row 62 (line 65)"),
    ],
)
def test_a_row_of_a_csv_is_named_with_its_line_of_the_file(refused, tmp_path, head, place):
    path = tmp_path / "own.csv"
    path.write_text(head + "".join(f"{text},{label}\n" for text, label in ROWS) + '"no\nlabel",\n')
    assert refused(train=path).startswith(f"{path}: {place} has no label in column 'label'; ")
    line = int(place.partition("line ")[2].rstrip(")"))
    assert path.read_text().splitlines()[line - 1] == '"no'


def test_labels_that_training_does_not_have_are_refused(refused, tmp_path):
    test = write(tmp_path / "test.csv", [("what", "ugly"), ("so", "good")])
    assert refused(train=write(tmp_path / "train.csv"), test=test) == (
        f"{test}: label 'ugly' is not in the training rows (bad, good)"
    )


def test_texts_that_are_all_empty_are_refused(refused, tmp_path):
    path = write(tmp_path / "own.csv", [("", kind) for _, kind in ROWS])
    assert refused(train=path) == f"{path}: every row is empty in text"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_two_columns_of_one_name_are_refused(refused, tmp_path, suffix):
    path = tmp_path / f"own.{suffix}"
    if suffix == "csv":
        path.write_text("text,text,label\na,b,c\n")
    else:
        pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 3, names=["text", "text", "label"]), path)
    assert refused(train=path) == f"{path}: has 2 columns that are called 'text'; rename one"


def test_half_a_character_in_json_is_read_as_a_question_mark(tmp_path):
    path = write(tmp_path / "own.jsonl", [(f"half \ud800 {n}", n % 2) for n in range(40)])
    assert prepare(config(train=path), tmp_path / "cache").texts("train")[0].startswith("half ? ")


def test_what_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read \(No such file or directory\)"):
        read_table(tmp_path / "gone.csv", ReadOptions(), list)


def test_a_quote_that_is_never_closed_is_refused(refused, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text('text,label\ngood,1\nbad,0\n"never closed,1\nmore,0\n')
    assert f"{path}, line 5: " in refused(train=path)
