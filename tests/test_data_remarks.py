"""What a person would say of a corpus is said before anything is trained on it."""

import json
import unicodedata
from collections import Counter

import numpy as np
import pytest

from rnnsweep.data import DataConfig, prepare
from rnnsweep.data.classes.labels import RawLabels, read_labels
from rnnsweep.data.classes.numbers import number_name
from rnnsweep.data.groups_of_parts import large_groups_of
from rnnsweep.data.sources._column_notes import say_repeating
from rnnsweep.data.summary.remarks import CODES, codes
from rnnsweep.errors import UserError

WORDS = ("soup", "bread", "room", "staff", "view", "price", "tea", "bed")


def sentence(n, kind):
    return f"the {WORDS[n % 8]} number {n} of all was {kind} and that is what we say of it today"


def rows_of(count=200, labels=("good", "bad")):
    return [
        {"text": sentence(n, labels[n % len(labels)]), "label": labels[n % len(labels)]} for n in range(count)
    ]


def read(tmp_path, rows, *, test=None, **values):
    for name, part in {"train": rows, **({"test": test} if test else {})}.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in part))
        values[name] = str(path)
    corpus = prepare(DataConfig(corpus="files", **values), tmp_path / "cache")
    assert {remark.code for remark in corpus.facts.remarks} <= set(CODES)
    return corpus


def labels_of(corpus, part):
    targets = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test()}[part].targets_N
    return [corpus.labels[number] for number in targets.tolist()]


def told(tmp_path, rows, code, **values):
    facts = read(tmp_path, rows, **values).facts
    return next(remark.message for remark in facts.remarks if remark.code == code)


def test_a_plain_corpus_has_no_remarks(tmp_path):
    rows = [{"text": f"{sentence(n % 7, 'so')} {n}", "label": n % 2} for n in range(1000)]
    facts = read(tmp_path, rows).facts
    assert codes(facts.remarks) == []
    assert facts.summary()[1] == "nothing remarkable in the data"
    assert list(facts.to_json()) == ["parts", "labels", "majority", "lengths", "unknown", "remarks"]
    assert sum(part["rows"] for part in facts.parts.values()) == 1000
    assert facts.parts["train"]["lines"] == facts.parts["train"]["rows"]


@pytest.mark.parametrize("value", [None, float("nan"), "NaN", "NA", "None", "NULL", "?", ""])
def test_labels_that_read_as_missing_are_no_classes_unless_asked_for(tmp_path, value):
    rows = [*rows_of(), *[{"text": f"unlabelled {n}", "label": value} for n in range(3)]]
    with pytest.raises(UserError, match="row 201 has no label .* missing-like-label: 3 in all"):
        read(tmp_path, rows)
    assert "3 rows without a label left out" in told(
        tmp_path, rows, "missing-like-label", skip_unlabelled=True
    )
    named = value if value and value == value else "(missing)"
    assert read(tmp_path, rows, missing_is_class=True).facts.labels[named] == 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(
            ("1.0", "1"),
            ("1", "1"),
            ("-0", "0"),
            ("2.50", "2.50"),
            ("2.00", "2"),
            ("007", "007"),
            ("-3.0", "-3"),
        ),
        *(("1.x", "1.x"), (".5", "0.5")),
    ],
)
def test_numbers_have_one_name(text, name):
    assert number_name(text) == name


def test_numbers_compare_as_numbers_and_truth_among_them_is_1(tmp_path):
    values = [0, 1, 0.0, 1.0, "0", "1", False, True]
    found = read_labels([RawLabels(tmp_path, "label", values)], DataConfig())
    assert found.names == [["0", "1"] * 4]
    other = read_labels([RawLabels(tmp_path, "label", [True, False])], DataConfig())
    assert other.names == [["true", "false"]]


def test_labels_are_mended_and_variants_named_and_folded_where_asked(tmp_path):
    labels = ["good"] * 90 + ["Good"] * 6 + ["good\u200b"] * 2 + [" good"] * 2 + ["bad"] * 100
    rows = [{"text": sentence(n, "x"), "label": label} for n, label in enumerate(labels)]
    assert "'good' 94, 'Good' 6" in told(tmp_path, rows, "label-variants")
    assert read(tmp_path, rows, fold_labels=True).facts.labels == {"bad": 100, "good": 100}
    accent = [
        {"text": sentence(n, "x"), "label": ("é", unicodedata.normalize("NFD", "é"), "a")[n % 3]}
        for n in range(90)
    ]
    assert read(tmp_path, accent).facts.labels == {"a": 30, "é": 60}


def test_test_rows_that_train_are_counted_and_refused_where_all_do(tmp_path):
    rows = rows_of()
    fresh = [{"text": f"fresh {n} {sentence(n, 'x')}", "label": "good"} for n in range(5)]
    assert (
        told(tmp_path, rows, "overlap", test=[*rows[:10], *fresh]) == "10 of 15 test rows are training rows"
    )
    shouted = [{**row, "text": row["text"].upper() + "!"} for row in rows[:4]]
    message = told(tmp_path, rows, "overlap", test=[*shouted, *fresh])
    assert message.endswith("(0 by every character, 4 but for case, blanks, punctuation or Unicode form)")
    with pytest.raises(UserError, match="overlap: 40 of 40 test rows are training rows"):
        read(tmp_path, rows, test=rows[:40])


def test_near_duplicates_stay_on_one_side_of_a_split(tmp_path):
    forms = (str, str.upper, lambda text: f"  {text}!", lambda text: text.replace(" ", "  "))
    rows = [{**row, "text": form(row["text"])} for row in rows_of() for form in forms]
    corpus = read(tmp_path, rows)
    assert "near-duplicates" in codes(corpus.facts.remarks)
    parts = [{" ".join(t.lower().rstrip("!").split()) for t in corpus.texts(part)} for part in corpus.sizes]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]


def test_rows_of_one_group_stay_on_one_side_where_asked_and_are_told_where_not(tmp_path):
    rows = [{**row, "author": f"a{n % 20}"} for n, row in enumerate(rows_of())]
    assert "data.group=author keeps each on one side" in told(tmp_path, rows, "groups")
    corpus = read(tmp_path, rows, group="author")
    columns = corpus.columns("test", rows=np.arange(corpus.sizes["test"])[::-1])
    known = {(row["text"], row["author"]) for row in rows}
    assert set(zip(columns["text"], columns["group"], strict=True)) <= known
    assert columns["text"] == corpus.texts("test")[::-1]
    (said,) = [one.message for one in corpus.facts.remarks if one.code == "groups"]
    assert said == "data.group=author: 20 values, each in one part"
    author = {row["text"]: row["author"] for row in rows}
    parts = [{author[text] for text in corpus.texts(part)} for part in corpus.sizes]
    assert not parts[0] & parts[2]
    assert not parts[0] & parts[1]


def test_rows_of_one_text_are_no_independent_evidence(tmp_path):
    rows = rows_of() + [{"text": f"Amen, {n % 4}!", "label": "good"} for n in range(100)]
    said = (
        "100 of 300 rows have the text of another row (204 different texts, one in 25 rows): rows of one text"
        " count as one in verdicts on new rows"
    )
    assert told(tmp_path, rows, "repeated") == f"{said} and stay on one side of a split"
    tickets = rows_of() + [{"text": f"Amen, {n % 4}!", "label": "ticket"} for n in range(100)]
    assert "one in 25 rows; 'ticket' has 4 in 100 rows): rows" in told(tmp_path, tickets, "repeated")
    corpus = read(tmp_path, rows, test_share=0.4)
    groups_N = corpus.units(corpus.groups("test"))
    texts = corpus.texts("test")
    assert max(Counter(texts).values()) == 25
    assert len(set(groups_N.tolist())) == len(set(texts)) < len(texts)
    few = read(tmp_path, [*rows_of(), *rows_of(2)])
    assert "repeated" not in codes(few.facts.remarks)
    assert few.units(few.groups("train")) is None


def test_values_of_a_group_that_share_a_text_are_told_with_the_groups_that_they_make(tmp_path):
    rows = [{**row, "author": f"a{n % 20}"} for n, row in enumerate(rows_of())]
    shared = [{"text": f"Amen, {name}!", "label": "good"} for name in ("one", "two")]
    pairs = ((0, "a1"), (0, "a2"), (0, "a3"), (1, "a7"), (1, "a8"))
    rows += [{**shared[which], "author": author} for which, author in pairs]
    corpus = read(tmp_path, rows, group="author")
    tested = len(set(corpus.groups("test").tolist()))
    said = (
        "data.group=author: 20 values, each in one part; 5 of them share a text with another and stay"
        " together ('a1', 'a2' and 'a3' are one group of 33 rows); that makes 17 groups in all"
    )
    assert told(tmp_path, rows, "groups", group="author") == (f"{said}, {tested} of them in the test part")
    folds = read(tmp_path, rows, group="author", folds=5)
    assert len({group for part in ("train", "validation", "test") for group in folds.groups(part)}) == 17
    assert told(tmp_path, rows, "groups", group="author", folds=5) == said
    rows += [{"text": f"{text}.", "label": "good", "author": ""} for text in ("amen ONE", "alone")]
    said = told(tmp_path, rows, "groups", group="author", folds=5)
    assert said.endswith(
        "; 2 rows have none: each goes with rows that share a text with it, or is a group of its own; that"
        " makes 18 groups in all"
    )
    many = [{**row, "author": f"a{n % 20}"} for n, row in enumerate(rows_of())]
    many += [{"text": "amen", "label": "bad", "author": f"a{n}"} for n in range(7)]
    said = told(tmp_path, many, "groups", group="author", folds=5)
    assert "7 of them share a text" in said
    assert "('a0', 'a1', 'a2', 'a3' and 3 more are one group of 77 rows)" in said


def test_few_groups_are_told_with_the_column_that_joins_rows(tmp_path):
    rows = [{**row, "part": f"p{n % 30}", "text": f"{n} {row['text']}"} for n, row in enumerate(rows_of(600))]
    said = told(tmp_path, rows, "few-groups", text="text", split_text=["part", "text"])
    assert said == (
        "rows of the same 'part' (30 values) go together: that makes 30 groups in all, 3 of them in the test"
        " part, and the largest has 20 of 600 rows: scores on such parts say little of new rows; leave 'part'"
        " out of data.split_text: it need not name each column that is read"
    )
    few = [{**row, "part": f"p{n % 15}"} for n, row in enumerate(rows)]
    said = told(tmp_path, few, "few-groups", text="text", split_text="part", folds=5)
    assert said.startswith(
        "rows of the same 'part' (15 values) go together: that makes 15 groups in all, and"
    )
    assert said.endswith("; name a column of more values than 'part' in data.split_text")
    assert "few-groups" not in codes(read(tmp_path, rows, text="text", split_text="text").facts.remarks)
    assert told(tmp_path, rows, "few-groups", group="part").endswith("data.folds=5 tests each group in turn")
    one = [{**row, "part": "one" if n % 3 else f"p{n}"} for n, row in enumerate(rows)]
    said = told(tmp_path, one, "few-groups", group="part")
    assert "'part' (201 values) go together" in said
    assert said.endswith("name a column of more values than 'part' in data.group, or set data.group=null")
    alike = [{**row, "text": "amen" if n % 3 else row["text"]} for n, row in enumerate(rows)]
    said = told(tmp_path, alike, "few-groups")
    assert said.startswith("rows of the same text go together: that makes 201 groups in all")
    assert said.endswith(
        "the largest has 400 of 600 rows: scores on such parts say little of new rows; leave"
        " repeated texts out of the file"
    )
    assert "few-groups" not in codes(read(tmp_path, rows[:60]).facts.remarks), "few rows, not few groups"


def test_groups_of_which_a_few_are_large_are_named_with_what_makes_them_count_like_more(tmp_path):
    rows = [{**row, "author": f"a{n}"} for n, row in enumerate(rows_of(300))]
    rows = [{**row, "text": f"{n} {row['text']}"} for n, row in enumerate(rows)]
    for n in range(100):
        rows[n]["author"] = "anna" if n < 60 else "" if n < 82 else "bob"
        rows[n]["text"] = f"amen {'x' * 50}" if 60 <= n < 82 else rows[n]["text"]
    said = told(tmp_path, rows, "uneven-groups", group="author", folds=5)
    assert said == (
        "300 rows in 203 groups count like 20 groups of equal size; the largest: 'anna' 60 rows, 'amen"
        f" {'x' * 34}…' 22, 'bob' 18; one row of each group, fewer rows of the largest, or a column of more"
        " values than 'author' makes them count like more"
    )
    assert "uneven-groups" not in codes(read(tmp_path, rows[100:], group="author").facts.remarks)
    for n in range(100):
        rows[n]["text"] = "so be it" if n < 60 else "amen"
    said = told(tmp_path, rows, "uneven-groups", folds=5)
    assert said.endswith(
        "the largest: 'so be it' 60 rows, 'amen' 40; one row of each text, or fewer rows of the largest makes"
        " them count like more"
    )


def test_large_groups_of_several_folds_are_named_by_the_rows_of_each(tmp_path):
    rows = [{**row, "author": f"a{n % 150}"} for n, row in enumerate(rows_of(300))]
    rows += [{"text": f"amen {n}", "label": "good", "author": "bob" if n < 30 else "eve"} for n in range(50)]
    folds = [read(tmp_path, rows, group="author", folds=2, fold=fold) for fold in (1, 2)]
    every_N = np.concatenate([one.groups("test") for one in folds])
    large = large_groups_of([(one, "test") for one in folds], every_N)
    assert str(large).startswith("'bob' 30 rows, 'eve' 20, 'a")
    assert [one.rows for one in large.groups[2:]] == [2] * 8
    assert [int((every_N == one.group).sum()) for one in large.groups] == [30, 20] + [2] * 8


def test_what_rows_of_one_group_share_is_named_by_the_columns_that_draw_them(tmp_path):
    rows = [{**row, "author": f"a{n % 40}", "part": f"p{n % 50}"} for n, row in enumerate(rows_of(400))]
    rows[0]["author"] = ""
    said = told(tmp_path, rows, "groups", text="text", split_text=["text", "part"], group="author")
    assert "of them share a 'text' or 'part' with another and stay together" in said
    alone = (
        "; 1 row has none: it goes with rows that share a 'text' or 'part' with it, or is a group of its own;"
    )
    assert alone in said


def test_senders_of_letters_group_rows_by_their_name_and_subjects_do_not(tmp_path):
    rows = [
        {"body": sentence(n, "x"), "label": n % 2, "subject": f"Re: {n % 30}", "from": f"a{n % 20}@b.org"}
        for n in range(200)
    ]
    assert "column 'from' groups rows" in told(tmp_path, rows, "groups")


def test_numbers_of_rows_are_not_named_as_groups_by_their_values(tmp_path):
    rows = [
        {"text": sentence(n, "x"), "label": n % 2, "id": f"{n % 70:05}", "list": f"l{n % 12}"}
        for n in range(200)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    said = say_repeating(path, DataConfig(corpus="files", train=str(path)), ["text", "label"])
    assert "columns whose values repeat may: 'list' (12 values): data.group=list" in said


def test_groups_that_given_validation_and_test_files_share_are_counted(tmp_path):
    rows, test, validation = (
        [{"text": sentence(n, kind), "label": n % 2, "author": f"{kind}{n % groups}"} for n in range(count)]
        for kind, count, groups in (("t", 200, 20), ("g", 40, 8), ("g", 60, 8))
    )
    path = tmp_path / "validation.jsonl"
    path.write_text("\n".join(json.dumps({**row, "text": f"also {row['text']}"}) for row in validation))
    said = told(tmp_path, rows, "groups", test=test, validation=str(path), group="author")
    assert said.startswith("data.group=author: 28 values, 8 in validation and test rows of the files, ")
    assert said.endswith("the others in one part")


def test_imbalance_rare_labels_conflicts_and_small_parts_are_told(tmp_path):
    rows = [
        {"text": sentence(n, "x"), "label": "rare" if n == 0 else "fraud" if n < 9 else "fine"}
        for n in range(200)
    ]
    assert "95.5% of the rows are 'fine'" in told(tmp_path, rows, "imbalanced")
    assert "'rare' 1" in told(tmp_path, rows, "rare-label")
    assert "18 validation rows" in told(tmp_path, rows, "few-rows")
    both = [{"text": row["text"], "label": label} for row in rows_of(20) for label in ("good", "bad")]
    assert "20 texts (40 rows) with two labels" in told(tmp_path, both, "conflicting")


def test_a_label_whose_share_of_a_part_is_far_from_that_of_training_is_told(tmp_path):
    rows = rows_of(400)
    test = [{"text": f"another {n}", "label": "bad" if n % 4 == 0 else "good"} for n in range(200)]
    assert told(tmp_path, rows, "label-shares", test=test) == (
        "'bad' has 25.0% of the test rows and 50.0% of the training rows: scores of the parts differ by their"
        " labels, too"
    )
    nearer = [{"text": f"another {n}", "label": "bad" if n % 12 < 5 else "good"} for n in range(240)]
    assert "label-shares" not in codes(read(tmp_path, rows, test=nearer).facts.remarks), "eight points"
    few = [{"text": f"another {n}", "label": "bad" if n % 4 == 0 else "good"} for n in range(32)]
    assert "label-shares" not in codes(read(tmp_path, rows, test=few).facts.remarks), "so few may differ so"


def test_labels_that_a_part_has_no_row_of_are_named_with_what_draws_them(tmp_path):
    """A tenth of each other label than "a" is eight rows, and its two authors have forty each."""
    rows = [
        {"text": f"{sentence(n, label)} {label} {author}", "label": label, "author": f"{label}{author}"}
        for label, authors, count in (("a", 10, 20), *((name, 2, 40) for name in "bcdefghij"))
        for author in range(authors)
        for n in range(count)
    ]
    corpus = read(tmp_path, rows, group="author", validation_share=0.1)
    trained = Counter(labels_of(corpus, "train"))
    lacking = {}
    for part in ("validation", "test"):
        names = sorted({*trained} - {*labels_of(corpus, part)}, key=lambda name: (-trained[name], name))
        lacking[part] = f"{', '.join(map(repr, names[:4]))} and {len(names) - 4} more"
        assert len(names) > 4, part
    assert told(tmp_path, rows, "absent-label", group="author", validation_share=0.1) == (
        f"the validation part has no row of {lacking['validation']}, and the test part has no row of"
        f" {lacking['test']}: scores of a part say nothing of labels that it lacks, and its macro F1 counts"
        " such a label as 0 where it is predicted; a larger data.validation_share draws more validation rows;"
        " data.folds=5 tests each row in turn"
    )
    found = codes(corpus.facts.remarks)
    assert found.index("absent-label") < found.index("label-shares")
    assert "absent-label" not in codes(read(tmp_path, rows).facts.remarks), "each row falls into any part"


def test_a_given_part_that_lacks_labels_is_told_without_what_draws_others(tmp_path):
    rows = rows_of(300, labels=("good", "bad", "ugly"))
    test = [{"text": f"another {n}", "label": "good"} for n in range(40)]
    assert told(tmp_path, rows, "absent-label", test=test) == (
        "the test part has no row of 'bad' and 'ugly': scores of a part say nothing of labels that it lacks,"
        " and its macro F1 counts such a label as 0 where it is predicted"
    )
    few = [*rows, {"text": "once", "label": "rare"}, {"text": "twice", "label": "rare"}]
    assert "absent-label" not in codes(read(tmp_path, few).facts.remarks), "rare-label says it"


def test_many_numbers_as_labels_lead_to_regression_and_a_numbering_of_classes_does_not(tmp_path):
    rows = [{"text": sentence(n, "x"), "label": (n % 60) / 7} for n in range(600)]
    assert "task=regression learns them as quantities" in told(tmp_path, rows, "numbers")
    classes = [{"text": sentence(n, "x"), "label": n % 60} for n in range(600)]
    assert "numbers" not in codes(read(tmp_path, classes).facts.remarks)


def test_numbers_to_learn_are_described_and_a_repeated_far_one_is_named(tmp_path):
    rows = [{"text": sentence(n, f"x{n}"), "label": (n % 60) / 7} for n in range(600)]
    facts = read(tmp_path, rows, targets="numbers").facts
    assert facts.targets == facts.to_json()["targets"]
    assert facts.targets["low"] == 0
    assert facts.targets["high"] == pytest.approx(59 / 7)
    assert facts.targets["median"] == pytest.approx(29.5 / 7)
    assert "targets are numbers from 0 to 8.42857 (median 4.21429)" in facts.summary()[0]
    assert "missing-like-label" not in codes(facts.remarks)
    for row in rows[::100]:
        row["label"] = -999
    remark = told(tmp_path, rows, "missing-like-label", targets="numbers")
    assert remark.startswith("the target is -999 in 6 rows, and no other is below 0")


def targets(tmp_path, values):
    rows = [{"text": sentence(n, f"x{n}"), "size": float(value)} for n, value in enumerate(values)]
    return read(tmp_path, rows, label="size", targets="numbers").facts


def drawn(name):
    draw = np.random.default_rng(0)
    return {
        "lognormal": lambda: draw.lognormal(5, 1.5, 600),
        "Pareto": lambda: 1 + draw.pareto(1, 600),
        "normal": lambda: draw.normal(100, 15, 600),
        "uniform": lambda: draw.uniform(1, 100, 600),
        "exponential": lambda: draw.exponential(10, 600),
        "counts": lambda: draw.geometric(0.3, 600),
        "logarithms": lambda: 5 + draw.normal(0, 1.5, 600) / 5,
        "normal with three odd rows": lambda: np.append(draw.normal(100, 15, 597), [4e3, 5e4, 6e5]),
        "two far clusters": lambda: np.append(draw.normal(100, 9, 570), draw.normal(9e3, 9, 30)),
        "skewed with zeros": lambda: np.append(draw.lognormal(5, 1.5, 599), 0.0),
        "few": lambda: draw.lognormal(5, 1.5, 40),
    }[name]()


@pytest.mark.parametrize("name", ["lognormal", "Pareto"])
def test_numbers_of_which_a_few_are_far_larger_than_most_are_better_learnt_as_logarithms(tmp_path, name):
    facts = targets(tmp_path, values := drawn(name))
    remark = next(each.message for each in facts.remarks if each.code == "skewed")
    assert remark.startswith(f"half of the targets are below {np.median(values):g}, one in 20 is above ")
    assert f"the largest is {values.max():g}: a few large ones decide the loss and the RMSE" in remark
    assert remark.endswith("name that one: data.label=log10_size")
    assert "skewed" not in codes(targets(tmp_path, np.log10(values)).remarks)


@pytest.mark.parametrize(
    "name",
    [
        *("normal", "uniform", "exponential", "counts", "logarithms", "normal with three odd rows"),
        *("two far clusters", "skewed with zeros", "few"),
    ],
)
def test_ordinary_numbers_and_those_that_a_logarithm_does_not_help_are_not_called_skewed(tmp_path, name):
    assert "skewed" not in codes(targets(tmp_path, drawn(name)).remarks)


def test_labels_from_right_to_left_keep_the_numbers_beside_them_in_report_and_card(tmp_path):
    facts = read(tmp_path, rows_of(labels=("ידיעה", "news"))).facts
    assert "ידיעה 100" in facts.summary()[0]
    assert "\u2068ידיעה\u2069 100" in facts.lines()[0]
    assert "\u2068news" not in facts.lines()[0]


def test_texts_that_are_cut_are_told_and_the_end_is_read_where_asked(tmp_path):
    rows = [
        {"text": " ".join(["word"] * 150 + [kind]), "label": kind} for kind in ("yes", "no") for _ in range(1)
    ]
    rows = [{**row, "text": f"{n} {row['text']}"} for n in range(100) for row in rows]
    assert "100.0% of the texts have more than data.max_length=100" in told(tmp_path, rows, "cut")
    for cut, seen in (("head", False), ("tail", True), ("both", True)):
        assert ("yes" in read(tmp_path, rows, cut=cut).vocabulary) is seen


def test_tokens_without_blanks_and_unknown_ones_are_told(tmp_path):
    rows = [
        {"text": f"{n:020b}".replace("0", "acgt").replace("1", "ttga"), "label": n % 2} for n in range(200)
    ]
    facts = read(tmp_path, rows).facts
    assert {"unsegmented", "unknown"} <= set(codes(facts.remarks))
    assert "blanks do not separate the words here; data.tokens=characters" in told(
        tmp_path, rows, "unsegmented"
    )
    assert facts.unknown == 1
    assert "unsegmented" not in codes(read(tmp_path, rows, tokens="characters").facts.remarks)
    chinese = [{"text": f"服务员态度很热情{n}", "label": n % 2} for n in range(200)]
    assert "of a script without blanks" in told(tmp_path, chinese, "unsegmented")
