"""A sweep whose architectures read different rows: each is held to its own."""

import csv
import hashlib
import json
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rnnsweep.config import compose
from rnnsweep.data import DataConfig, prepare
from rnnsweep.engine import run_sweep
from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.search.corpora import common_digest, read_digests, vectors_digests
from rnnsweep.search.space import check_space
from rnnsweep.sweepfile import read_sweep

ASKED = """\
# How much do bodies add to titles?
name: columns
architectures:
  titles: [model=bag, data.text=title]
  both: [model=bag, "data.text=[title,body]"]
  small: [model=bag, data.text=title, data.limit=40]
trials: 1
replicates: 1
space: {{}}
overrides: [data=files, "data.train={rows}", model.embedding_size=4, trainer.max_epochs=1, {split}]
"""
SPLIT = '"data.split_text=[title,body]"'


def write(folder: Path, *, word: str = "two") -> Path:
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["title", "body", "label"])
        rows.writerows([f"one {k}", f"{word} {k * k}", "ab"[k % 2]] for k in range(120))
    path = folder / "columns.yaml"
    path.write_text(ASKED.format(rows=folder / "rows.csv", split=SPLIT), encoding="utf-8")
    return path


def test_each_source_of_rows_has_a_digest_and_limits_read_the_same_rows(tmp_path):
    digests = read_digests(check_space(read_sweep(write(tmp_path))))
    assert len(digests) == 2
    assert len(set(digests.values())) == 2


@pytest.mark.slow
def test_architectures_may_read_different_rows_in_one_sweep_and_a_change_of_them_is_noticed(tmp_path):
    asked = read_sweep(write(tmp_path))
    summary = run_sweep(asked, mlruns=tmp_path / "mlruns", launcher=LocalLauncher(1))
    assert summary.failures == ()
    assert summary.trials["complete"] == 3
    write(tmp_path, word="three")
    with pytest.raises(UserError, match="corpus changed"):
        run_sweep(replace(asked, trials=2), mlruns=tmp_path / "mlruns", launcher=LocalLauncher(1))


@pytest.mark.slow
def test_a_sweep_that_started_on_a_column_by_its_name_is_told_the_setting_that_reads_it(tmp_path):
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["headline", "story", "label"])
        rows.writerows([f"head {k}" * (k % 4 > 0), f"a story of words {k}", "ab"[k % 2]] for k in range(120))
    path = tmp_path / "old.yaml"
    asked = f"""# Which?
name: old
architectures: [bag, gru]
trials: 1
replicates: 1
space: {{}}
overrides: ["data.train={tmp_path}/rows.csv", model.embedding_size=4, trainer.max_epochs=1]
"""
    named = asked.replace("overrides: [", "overrides: [data.text=headline, ")

    def run(text, **more):
        path.write_text(text)
        return run_sweep(read_sweep(path), mlruns=tmp_path / "mlruns", launcher=LocalLauncher(1), **more)

    run(named)
    start = tmp_path / "mlruns" / "sweeps" / "old" / "start.json"
    kept = json.loads(start.read_text())
    kept["asked"]["overrides"].remove("data.text=headline")  # as an earlier version started it
    start.write_text(json.dumps(kept))
    asked, named = (text.replace("replicates: 1", "replicates: 2") for text in (asked, named))
    with pytest.raises(UserError) as refused:
        run(asked)
    assert (
        "): texts are read from 'story' now, as data.text is not set; data.text=headline under `overrides:`"
        " reads those that it started with. Undo it, "
    ) in str(refused.value)
    assert run(named, accept_changes=True).failures == ()
    assert json.loads(start.read_text())["corpus"] == kept["corpus"]
    write(tmp_path)  # other rows, of which no column is that of the start
    with pytest.raises(UserError, match=r"corpus changed \(\w{8} became \w{8}\)[.;]"):
        run(named.replace("headline", "title"))


@given(
    before=st.dictionaries(st.sampled_from("abc"), st.text(min_size=1), min_size=1),
    source=st.sampled_from("abc"),
    now=st.text(min_size=1),
)
def test_the_digest_of_all_changes_with_that_of_each(before, source, now):
    after = {**before, source: now}
    assert (common_digest(after) == common_digest(before)) == (after == before)


@pytest.mark.parametrize(
    "override", ["data.limit=50", "data.split_seed=3", "data.max_length=2", "data.fit_rows=9"]
)
def test_what_is_left_out_split_or_cut_leaves_source_and_digest_as_they_are(override, tmp_path):
    write(tmp_path)
    common = ["data=files", f"data.train={tmp_path / 'rows.csv'}", "data.text=title"]
    whole, part = (compose([*common, *more]).data for more in ([], [override]))
    assert whole.source == part.source
    assert prepare(whole).digest == prepare(part).digest


def test_every_setting_of_data_is_of_the_source_or_known_not_to_be():
    cut = {"skip_empty", "limit", "validation_share", "test_share", "split_seed", "tokens", "vocabulary"}
    cut |= {
        "targets",
        "folds",
        "fold",
        "cut",
        "subwords",
        "fit_rows",
        "pad_is_unknown",
        "max_length",
        "batch_size",
        "grouping",
        "vectors",
    }
    odd = {
        "text": "title",
        "libraries": ["numpy"],
        "sample": 7,
        "delimiter": ";",
        "quote": "'",
        "skip_bad": 1,
    }
    plain = {corpus: DataConfig(corpus=corpus) for corpus in ("docstrings", "ag_news", "files")}
    moved = {
        one.name
        for one in fields(DataConfig)
        for corpus in plain.values()
        if one.name not in {*cut, "corpus"}
        and replace(corpus, **{one.name: odd.get(one.name, "other")}).source != corpus.source
    }
    assert moved | cut | {"corpus"} == {one.name for one in fields(DataConfig)}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("overrides: [data=files, data.vectors=absent.txt, ", "absent.txt"),
        ("overrides: [data=files, \"data.vectors='~/absent.txt'\", ", "~/absent.txt"),
        ("space: {data.vectors: [null, own, searched.txt]}\noverrides: [data=files, ", "searched.txt"),
    ],
)
def test_vectors_that_are_not_there_are_refused_before_anything_is_made(tmp_path, asked, wanted):
    path = write(tmp_path)
    text = path.read_text().replace("space: {}\n", "" if "space" in asked else "space: {}\n")
    path.write_text(text.replace("overrides: [data=files, ", asked))
    with pytest.raises(UserError) as refusal:
        run_sweep(read_sweep(path), mlruns=tmp_path / "mlruns", launcher=LocalLauncher(1))
    assert str(refusal.value) == f"{path}: data.vectors={wanted!r}: no such file"
    assert not (tmp_path / "mlruns").exists()


def test_files_of_vectors_that_are_there_have_their_digests_and_vectors_of_the_texts_none(tmp_path):
    (tmp_path / "there.txt").write_text("one 1 2 3 4\n")
    path = write(tmp_path)
    words = f"space: {{data.vectors: [null, own, {tmp_path / 'there.txt'}]}}\n"
    path.write_text(path.read_text().replace("space: {}\n", words))
    asked = read_sweep(path)
    digest = hashlib.sha256(b"one 1 2 3 4\n").hexdigest()
    assert vectors_digests(asked, check_space(asked)) == {str(tmp_path / "there.txt"): digest}


@pytest.mark.slow
def test_vectors_that_change_between_two_commands_are_noticed(tmp_path):
    (vectors := tmp_path / "words.txt").write_text("one 1 2 3 4\ntwo 5 6 7 8\n")
    path = write(tmp_path)
    path.write_text(path.read_text().replace("overrides: [", f"overrides: [data.vectors={vectors}, "))
    asked = replace(read_sweep(path), architectures=("titles",))

    def run(asked, **more):
        return run_sweep(asked, mlruns=tmp_path / "mlruns", launcher=LocalLauncher(1), **more)

    assert run(asked).failures == ()
    vectors.write_text("one 1 2 3 4\ntwo 5 6 7 9\n")
    with pytest.raises(UserError) as refused:
        run(replace(asked, trials=2))
    changed = rf"data.vectors='{vectors}' changed \([0-9a-f]{{8}} became [0-9a-f]{{8}}\)"
    assert re.search(changed, str(refused.value))
    assert run(replace(asked, trials=2), accept_changes=True).trials["complete"] == 2
