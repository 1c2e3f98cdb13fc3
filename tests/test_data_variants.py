"""Kinds of files in other spellings: groups, several labels, tags, readings, lists of tokens, folders."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rnnsweep.data import DataConfig, prepare
from rnnsweep.errors import UserError

ROWS = [(f"the soup of table {n} was {kind}", kind) for n in range(30) for kind in ("good", "bad")]
TAGS = [("EU", "B-ORG"), ("rejects", "O"), ("calls", "O"), ("from", "O"), ("Bonn", "B-LOC")]


def read(tmp_path, name, content, **values):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    elif name.endswith(".jsonl"):
        path.write_text("\n".join(map(json.dumps, content)))
    else:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(content)
    return prepare(DataConfig(corpus="files", train=str(path), **values), tmp_path / "cache")


def message(tmp_path, name, content, code, **values):
    (found,) = [r for r in read(tmp_path, name, content, **values).facts.remarks if r.code == code]
    return found.message


@pytest.mark.parametrize(
    "column",
    ["reviewerID", "author_name", "Speaker", "patient", "sender", "USER-ID", "source_url", "productId"],
)
def test_a_column_that_groups_rows_is_known_however_it_is_written(column, tmp_path):
    rows = [("text", "label", column), *[(t, k, f"g{n % 7}") for n, (t, k) in enumerate(ROWS)]]
    assert message(tmp_path, "a.csv", rows, "groups").startswith(f"column {column!r} groups rows")
    rows[0] = ("text", "label", "author")  # the same rows, whose group has another name
    assert message(tmp_path, "b.csv", rows, "groups").startswith("column 'author' groups rows")


@pytest.mark.parametrize("join", ["|", ";", ",", " / "])
def test_labels_that_are_several_in_one_are_named_where_their_pieces_come_again(join, tmp_path):
    names = [f"good{join}cheap", f"bad{join}cheap", "good", "bad"]
    rows = [("text", "label"), *[(text, names[n % 4]) for n, (text, _) in enumerate(ROWS)]]
    assert "labels that are several labels in one" in message(tmp_path, "a.csv", rows, "label-variants")


@pytest.mark.parametrize("label", ["{'good', 'x'}", '["good"]'])
def test_a_written_set_or_list_of_labels_is_refused(label, tmp_path):
    rows = [("text", "label"), *[(text, label if kind == "good" else kind) for text, kind in ROWS]]
    with pytest.raises(
        UserError, match=r"has a list of labels in column 'label'.*\(multi-label\) is no task"
    ):
        read(tmp_path, "a.csv", rows)


LINES = "\n\n".join("\n".join(map(" ".join, TAGS)) for _ in range(9))
WORDS = [word for word, _ in TAGS]
TAGGED = {
    "lines of two words": ("a.txt", LINES),
    "a table without a header": ("a.tsv", LINES.replace(" ", "\t")),
    "a table": ("a.tsv", "word\ttag\n" + LINES.replace(" ", "\t")),
    "a column of names": ("a.jsonl", [{"tokens": WORDS, "ner_tags": [1, 0, 0, 0, 2]}] * 9),
    "lists of labels": ("a.jsonl", [{"tokens": WORDS, "label": [tag for _, tag in TAGS]}] * 9),
}


@pytest.mark.parametrize("kind", TAGGED)
def test_words_with_a_label_each_are_refused_by_name(kind, tmp_path):
    with pytest.raises(UserError, match=r"label for each word \(tagging\) is no task of this corpus"):
        read(tmp_path, *TAGGED[kind])


def readings(write):
    return [{"sequence": write([0.1 * n, -1.5, 2.25]), "label": n % 2} for n in range(40)]


REFUSED_READINGS = {
    "lists": readings(list),
    "lists of lists": readings(lambda values: [values, values]),
    "written lists": readings(str),
    "another name": [{"values": [0.5, 1.5], "label": n % 2} for n in range(40)],
}


@pytest.mark.parametrize("kind", REFUSED_READINGS)
def test_readings_of_a_sensor_are_refused_by_name(kind, tmp_path):
    with pytest.raises(UserError, match="sequences of numbers are no texts, and data=files reads texts"):
        read(tmp_path, "a.jsonl", REFUSED_READINGS[kind])


@pytest.mark.parametrize("join", [" ", ",", "; "])
def test_readings_that_stand_in_a_text_are_told(join, tmp_path):
    rows = [("text", "label"), *[(join.join([f"{n / 7:.3f}", "-1.5", ".25"]), n % 2) for n in range(60)]]
    assert "100% of the texts are fractions alone" in message(tmp_path, "a.csv", rows, "numbers")


def test_a_long_text_of_digits_and_points_takes_no_time(tmp_path):
    odd = "1.22" * 5000 + "x"
    rows = [("text", "label"), *[(f"{odd}{n}", k) for n, (_, k) in enumerate(ROWS)]]
    assert "numbers" not in [each.code for each in read(tmp_path, "a.csv", rows).facts.remarks]


def test_lists_that_numpy_wrote_are_lists_of_tokens(tmp_path):
    rows = [("tokens", "label"), *[("[" + "\n ".join(map(repr, t.split())) + "]", k) for t, k in ROWS]]
    corpus = read(tmp_path, "a.csv", rows)
    assert corpus.tokeniser.tokens == "list"
    assert {"the", "soup", "table"} <= set(corpus.vocabulary)


def test_lists_of_sentences_are_told(tmp_path):
    rows = [{"text": [t, f"and {t}"], "label": k} for t, k in ROWS]
    assert "lists of sentences are no lists of tokens" in message(tmp_path, "a.jsonl", rows, "unsegmented")


def test_rows_without_a_token_are_counted_and_are_like_no_other(tmp_path):
    rows = [{"tokens": t.split() if n % 6 else [], "label": k} for n, (t, k) in enumerate(ROWS)]
    facts = read(tmp_path, "a.jsonl", rows).facts
    said = next(each.message for each in facts.remarks if each.code == "empty")
    assert said == (
        "10 rows have no token, and each is read as one unknown word (16.7% of all);"
        " data.skip_empty=true leaves rows without text out"
    )
    assert not {"overlap", "conflicting"} & {each.code for each in facts.remarks}


def test_rows_that_are_left_out_as_they_have_no_text_are_counted(tmp_path):
    rows = [{"text": t if n % 6 else " ", "label": k} for n, (t, k) in enumerate(ROWS)]
    facts = read(tmp_path, "a.jsonl", rows, skip_empty=True).facts
    assert "10 rows without text are left out (data.skip_empty=true)" in facts.notes
    assert facts.to_json()["left_out"] == 10
    assert "empty" not in {each.code for each in facts.remarks}


def test_a_file_of_several_tables_is_refused(tmp_path):
    part = [{"text": text, "label": kind} for text, kind in ROWS]
    with pytest.raises(
        UserError, match=r"holds several tables \(train, test\); write each to a file of its own"
    ):
        read(tmp_path, "a.json", json.dumps({"train": part, "test": part}))


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (["test-0.csv", "train-0.csv"], r"data.train=\S+/train\*"),
        (
            ["default/test/0.csv", "default/train/0.csv"],
            "its tables are in .*default/train; name that folder",
        ),
    ],
)
def test_of_a_folder_of_parts_the_one_that_trains_is_named(files, named, tmp_path):
    for file in files:
        (tmp_path / "hub" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "hub" / file).write_text("text,label\nx,y\n")
    with pytest.raises(UserError, match=named):
        prepare(DataConfig(corpus="files", train=str(tmp_path / "hub")), tmp_path / "cache")


def test_a_label_that_has_another_name_is_found_by_its_values(tmp_path):
    rows = [("text", "stars"), *[(text, 1 + (kind == "good")) for text, kind in ROWS]]
    with pytest.raises(UserError, match=r"\. By its values it may be data.label=stars$"):
        read(tmp_path, "a.csv", rows)


def labelled(names):
    return [("text", "label"), *[(text, names[n % len(names)]) for n, (text, _) in enumerate(ROWS)]]


def test_versions_that_end_in_a_zero_stay_classes_of_their_own_and_are_named(tmp_path):
    """3.1 and 3.10 were one class, without a word."""
    rows = labelled(["3.1", "3.10", "3.2"])
    assert set(read(tmp_path, "a.csv", rows).facts.labels) == {"3.1", "3.10", "3.2"}
    assert "'3.1' 20, '3.10' 20" in message(tmp_path, "a.csv", rows, "label-variants")


def test_numbers_of_many_digits_are_no_variants_of_each_other(tmp_path):
    rows = labelled(["9223372036854775808", "9223372036854775809"])
    facts = read(tmp_path, "a.csv", rows, fold_labels=True).facts
    assert len(facts.labels) == 2
    assert "label-variants" not in [each.code for each in facts.remarks]


def test_numbers_to_learn_are_no_variants_of_classes(tmp_path):
    rows = labelled(["1", "01", "2.5", "2.50", "3"])
    facts = read(tmp_path, "a.csv", rows, targets="numbers").facts
    assert "label-variants" not in [each.code for each in facts.remarks]


def test_points_between_thousands_of_numbers_to_learn_are_remarked_on(tmp_path):
    rows = labelled(["1.200", "950", "12.345"])
    assert message(tmp_path, "a.csv", rows, "numbers", targets="numbers") == (
        "1.200 is read as 1.2; where its point stands between thousands, leave it out"
    )


@pytest.mark.parametrize("names", [["1.200", "0.950", "12.345"], ["1.2", "950"], ["1.234", "950"]])
def test_numbers_that_may_well_have_decimals_are_not(names, tmp_path):
    facts = read(tmp_path, "a.csv", labelled(names), targets="numbers").facts
    assert "numbers" not in [each.code for each in facts.remarks]


def test_labels_of_bytes_are_refused(tmp_path):
    """They were classes such as "b'good'"."""
    path, texts = tmp_path / "a.parquet", [text for text, _ in ROWS]
    pq.write_table(pa.table({"text": texts, "label": [kind.encode() for _, kind in ROWS]}), path)
    with pytest.raises(UserError, match=r"row 1 has bytes in column 'label' \(b'good'\); write"):
        prepare(DataConfig(corpus="files", train=str(path)), tmp_path / "cache")


@pytest.mark.parametrize(("label", "other"), [("2.5", "2.50"), ("1", "01"), ("Good", "good ")])
def test_a_label_of_the_test_part_that_is_written_in_another_way_leads_on(label, other, tmp_path):
    test = tmp_path / "test.csv"
    with test.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), ("some text", other), ("more", "7")])
    with pytest.raises(UserError, match="data.fold_labels=true takes labels that differ by the way they are"):
        read(tmp_path, "a.csv", labelled([label, "7"]), test=str(test))
