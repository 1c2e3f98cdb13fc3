"""Which columns of a file are read, and which rows are tested whichever of them is read."""

import csv
import json
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from rnnsweep.api import evaluate, train
from rnnsweep.config import compose
from rnnsweep.data import DataConfig, columns_by_name, prepare
from rnnsweep.data.corpora import Corpus
from rnnsweep.data.groups import group_rows
from rnnsweep.errors import UserError
from rnnsweep.tracking import find_run

SMALL = ["model=bag", "model.embedding_size=4", "trainer.max_epochs=1", "trainer.accelerator=cpu"]
HEAD = ("headline", "story", "topic")


def news(rows=120, *, empty_every=4):
    for n in range(rows):
        head = "" if empty_every and n % empty_every == 0 else f"short head {n}"
        yield head, f"a story of several words {n}", "ab"[n % 2]


def write(path, rows, header=HEAD):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def read(cache, train, **values):
    return prepare(DataConfig(corpus="files", train=train, **values), cache / "cache")


def numbers(corpus, part="test"):
    return corpus.rows(part).tolist()


def test_a_fuller_column_of_the_first_training_file_is_read_in_every_part(tmp_path):
    train = write(tmp_path / "train.csv", news())
    test = write(tmp_path / "test.csv", [(f"new {h}", f"new {s}", t) for h, s, t in news(40, empty_every=0)])
    corpus = read(tmp_path, train, test=test)
    assert corpus.text_columns == ("story",)
    assert corpus.texts("test")[0].startswith("new a story")
    full = write(tmp_path / "full.csv", news(empty_every=0))
    assert read(tmp_path, full, test=test).text_columns == ("headline",)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])
def test_a_fuller_column_is_read_as_where_data_text_names_it(tmp_path, suffix):
    import pyarrow
    import pyarrow.parquet

    records = [dict(zip(HEAD, row, strict=True)) | {"user": f"u{n % 30}"} for n, row in enumerate(news())]
    path = tmp_path / f"rows{suffix}"
    if suffix == ".csv":
        write(path, [each.values() for each in records], (*HEAD, "user"))
    elif suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path)
    else:
        path.write_text("\n".join(map(json.dumps, records)) if suffix == ".jsonl" else json.dumps(records))
    for more in ({}, {"group": "user"}, {"split_text": ["headline", "story"]}):
        found, named = (read(tmp_path, str(path), text=text, **more) for text in (None, "story"))
        assert (found.text_columns, found.digest) == (("story",), named.digest)
        assert set(found.facts.notes) - set(named.facts.notes) == {
            f"rows{suffix}: texts are read from 'story', as 30 of 120 in 'headline' are empty and it has"
            " longer ones (data.text settles it)"
        }


def test_a_fuller_column_whose_name_another_column_has_is_refused(tmp_path):
    rows = [(head, story, topic, story, "", "") for head, story, topic in news()]
    train = write(tmp_path / "rows.csv", rows, (*HEAD, "story", "other", "other"))
    with pytest.raises(UserError, match="has 2 columns that are called 'story'; rename one"):
        read(tmp_path, train)
    rows = [(head, story, topic, "", "") for head, story, topic in news()]
    train = write(tmp_path / "rows.csv", rows, (*HEAD, "other", "other"))
    assert read(tmp_path, train).text_columns == ("story",)


def test_a_column_that_its_name_says_is_read_where_no_fuller_one_is_there(tmp_path):
    train = write(tmp_path / "train.csv", [(h, "x", t) for h, _, t in news()])
    corpus = read(tmp_path, train)
    assert corpus.text_columns == ("headline",)
    assert columns_by_name(corpus.config) == ("headline",)


def test_a_run_records_the_column_that_it_read_and_is_evaluated_on_it(home):
    write(home / "rows.csv", news())
    asked = ["data.train=rows.csv", *SMALL]
    result = train(asked)
    row = find_run(home / "mlruns", result.run_id)
    assert row.params["data.text"] == "story"
    whole = evaluate(result.run_id)
    write(home / "rows.csv", news(empty_every=0))  # by its name the headline would be read now
    assert evaluate(result.run_id).values == whole.values


def test_a_record_that_names_no_column_is_read_as_versions_before_read_it(home):
    from rnnsweep.api.single_runs.evaluation import recorded_run

    write(home / "rows.csv", news())
    row = find_run(home / "mlruns", train(["data.train=rows.csv", "data.text=headline", *SMALL]).run_id)
    overrides = row.tags["rnnsweep.overrides"].replace('"data.text=headline", ', "")
    row.tags["rnnsweep.overrides"], row.params["data.text"] = overrides, "null"
    assert recorded_run(row, home / "mlruns").data.text == ["headline"]


@pytest.mark.parametrize(
    "more", [{}, {"skip_empty": True}, {"sample": 60}, {"folds": 5}, {"group": "topic2"}]
)
def test_split_text_draws_the_same_rows_whichever_of_its_columns_is_read(tmp_path, more):
    rows = [(h, s, t, f"g{n // 3}") for n, (h, s, t) in enumerate(news())]
    train = write(tmp_path / "rows.csv", rows, (*HEAD, "topic2"))
    both = {"split_text": ["headline", "story"], "label": "topic", **more}
    texts = ("headline", "story", ["headline", "story"])
    corpora = [read(tmp_path, train, text=text, **both) for text in texts]
    for part in ("train", "validation", "test"):
        assert len({tuple(numbers(corpus, part)) for corpus in corpora}) == 1
    assert len({corpus.tested for corpus in corpora}) == 1
    assert len({corpus.digest for corpus in corpora}) == 3
    alone = [read(tmp_path, train, text=text, label="topic", **more) for text in texts[:2]]
    assert numbers(alone[0]) != numbers(alone[1]) or "group" in more
    assert len({corpus.tested for corpus in alone}) == len({tuple(numbers(each)) for each in alone})


def test_with_split_text_no_text_of_any_of_its_columns_is_in_two_parts(tmp_path):
    rows = [(f"head {n // 2}" if n % 4 else "", f"story {(n + 1) // 2}!", "ab"[n % 5 % 2]) for n in range(60)]
    rows += [(f"h {n}", f"s {n}", "ab"[n % 2]) for n in range(120)]
    corpus = read(tmp_path, write(tmp_path / "rows.csv", rows), split_text=["headline", "story"])
    part_of = {n: part for part in ("train", "validation", "test") for n in numbers(corpus, part)}
    for column in range(2):
        parts = {}
        for n, row in enumerate(rows):
            if row[column]:
                parts.setdefault(row[column], set()).add(part_of[n])
        assert Counter(map(len, parts.values())).keys() == {1}


def test_with_split_text_rows_that_lack_a_text_in_one_of_its_columns_are_left_out(tmp_path):
    train = write(tmp_path / "rows.csv", news())
    corpus = read(tmp_path, train, text="story", split_text=["headline", "story"], skip_empty=True)
    assert sum(corpus.sizes.values()) == 90
    said = "30 rows without text in a column of data.split_text are left out (data.skip_empty=true)"
    assert said in corpus.facts.notes


def test_split_text_need_not_name_each_column_that_is_read(tmp_path):
    rows = [(f"{'Head' if n % 2 else 'head,'} {n // 2}", f"story {n % 5}", "ab"[n % 2]) for n in range(120)]
    train = write(tmp_path / "rows.csv", rows)
    texts = ("headline", ["story", "headline"], ["headline", "story"])
    corpora = [read(tmp_path, train, text=text, split_text="headline") for text in texts]
    assert len({corpus.tested for corpus in corpora}) == 1
    for corpus in corpora:
        assert numbers(corpus) == numbers(corpora[0])
        assert "overlap" not in [remark.code for remark in corpus.facts.remarks]
    story = [(h, f"{s} {n}", t) for n, (h, s, t) in enumerate(rows)]
    apart = read(tmp_path, write(tmp_path / "story.csv", story), text="story", split_text="headline")
    assert numbers(apart) == numbers(corpora[0]), "no story is in two rows"


@pytest.mark.parametrize(
    ("two", "text", "ways"),
    [
        ([("", "said once"), ("", "Said, once")], "Said, once", True),
        ([("new york", "times"), ("new", "york times")], "new york times", False),
        ([("one", ""), ("two", "one")], None, False),
    ],
    ids=["empty", "divided otherwise", "other texts"],
)
def test_rows_of_one_text_that_split_text_would_draw_apart_are_refused(tmp_path, two, text, ways):
    rows = [*((*pair, "a") for pair in two), *news(empty_every=0)]
    train = write(tmp_path / "rows.csv", rows)
    asked = {"text": ["headline", "story"], "split_text": "headline"}
    if text is None:
        read(tmp_path, train, **asked)
        return
    with pytest.raises(UserError) as refused:
        read(tmp_path, train, **asked)
    leaving = ", or data.skip_empty=true leaves out rows without text in its columns" if ways else ""
    assert str(refused.value) == (
        f"data.split_text='headline': must name 'story' too{leaving}: rows with the text {text!r} could be in"
        " two parts"
    )
    if ways:
        read(tmp_path, train, skip_empty=True, **asked)
    read(tmp_path, train, **{**asked, "split_text": ["headline", "story"]})


def test_two_tables_of_the_same_rows_have_the_same_test_rows_whichever_was_read_first(tmp_path):
    rows = [(h, s, t, f"g{n // 3}") for n, (h, s, t) in enumerate(news(empty_every=0))]
    first = write(tmp_path / "first.csv", rows, (*HEAD, "author"))
    longer = [(*row, f"{row[2]}: {row[0]}") for row in rows]
    second = write(tmp_path / "second.csv", longer, (*HEAD, "author", "both"))
    own = {"label": "topic", "group": "author"}
    alone = read(tmp_path, first, text="headline", **own)
    split = {**own, "split_text": ["headline", "both"]}
    head, both = (read(tmp_path, second, text=text, **split) for text in ("headline", "both"))
    assert alone.digest == head.digest, "the cache may have made one of the other"
    assert alone.tested == head.tested == both.tested
    assert numbers(alone) == numbers(both)
    others = write(tmp_path / "third.csv", longer[:-1], (*HEAD, "author", "both"))
    assert read(tmp_path, others, text="headline", **split).tested != head.tested
    tests = [write(tmp_path / f"test{n}.csv", [*news(20)] * n) for n in (1, 2)]
    given_test = [read(tmp_path, first, text="headline", label="topic", test=test) for test in tests]
    assert given_test[0].tested != given_test[1].tested


def test_columns_of_split_text_must_be_there(tmp_path):
    train = write(tmp_path / "rows.csv", news())
    with pytest.raises(UserError, match=r"data.split_text='head': .* Did you mean 'headline'"):
        read(tmp_path, train, text="story", split_text=["head", "story"])
    with pytest.raises(
        UserError, match=r"data.split_text=\[\]: must be a column, a list of columns, or null"
    ):
        DataConfig(split_text=[])


def test_test_rows_are_the_same_whatever_is_trained_on_and_other_files_have_others(tmp_path):
    train, test = (
        write(tmp_path / f"{name}.csv", [(f"{name} {h}", f"{s} {name}", t) for h, s, t in news()])
        for name in ("a", "b")
    )
    more = write(tmp_path / "c.csv", [(f"c {h}", f"{s} c", t) for h, s, t in news(60)])
    given = [read(tmp_path, each, test=test) for each in (train, [train, more])]
    given.append(read(tmp_path, train, test=test, text="headline", limit=40, max_length=2, split_seed=3))
    assert len({corpus.tested for corpus in given}) == 1
    assert read(tmp_path, train).tested != read(tmp_path, test).tested
    assert read(tmp_path, train).tested == read(tmp_path, train, limit=40, split_seed=3).tested
    assert read(tmp_path, train).tested != read(tmp_path, train, test_share=0.2).tested
    assert given[0].files == Corpus(given[0].corpus).files
    assert set(given[0].files) == {"train", "test"}


def test_sources_without_columns_have_test_rows_too(tmp_path):
    overrides = ["data=docstrings", "data.libraries=[json,email]"]
    corpus = prepare(compose([*overrides, "data.max_length=5"]).data, tmp_path / "cache")
    assert corpus.files == {}
    assert corpus.tested == prepare(compose(overrides).data, tmp_path / "cache").tested


@given(st.lists(st.tuples(st.sampled_from("abc "), st.sampled_from("xyz ")), max_size=30))
def test_rows_of_several_columns_are_grouped_by_chains_of_equal_texts(rows):
    first, second = ([row[k].strip() for row in rows] for k in range(2))
    groups = group_rows(first, second).tolist()
    for a in range(len(rows)):
        for b in range(a):
            if any(column[a] and column[a] == column[b] for column in (first, second)):
                assert groups[a] == groups[b]
    alone = [n for n in range(len(rows)) if not first[n] and not second[n]]
    assert len({groups[n] for n in alone}) == len(alone)
