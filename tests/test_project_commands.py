"""The commands of the first hour: a new project, what there is in one, whether the machine is fit."""

import json
import os
import re
import socket
from pathlib import Path

import pytest
from tracking_store import fresh_store, open_run, ship

import rnnsweep
from rnnsweep import paths as places
from rnnsweep.api.project import doctor as diagnosis
from rnnsweep.cli import main
from rnnsweep.cli.commands.project import listing
from rnnsweep.config import architectures
from rnnsweep.data import prepare
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.runtime.process import PROXIES
from rnnsweep.sweepfile import read_sweep


def printed(capsys, *line: str, status: int = 0):
    assert main(list(line)) == status
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def free(tmp_path, monkeypatch) -> Path:
    """A folder without a project, in which nothing says where home is."""
    monkeypatch.delenv("RNNSWEEP_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_rows(path: Path, rows: int = 120) -> Path:
    lines = [f"word{n % 7} text number {n},{'good' if n % 2 else 'bad'}" for n in range(rows)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    return path


def unwrapped(path: Path) -> str:
    """Return a sweep file with each comment of a setting in one line."""
    text = path.read_text()
    while (joined := re.sub(r"^(  # .*)\n  # ", r"\1 ", text, flags=re.M)) != text:
        text = joined
    return text


def test_a_new_project_has_a_sweep_that_can_be_read_and_is_found_from_below(free, capsys, monkeypatch):
    made = printed(capsys, "init", "news", "--json")
    assert [Path(file).name for file in made["files"]] == [
        "first.yaml",
        "wide_gru.yaml",
        "Makefile",
        ".gitignore",
    ]
    assert made["next"] == "cd news && rnnsweep plan first"
    asked = read_sweep(free / "news" / "sweeps" / "first.yaml")
    assert asked.architectures == ("bag", "gru", "lstm", "bilstm")
    assert asked.question.startswith("Which recurrent network")
    monkeypatch.chdir(free / "news" / "sweeps")
    assert find_paths().root == free / "news"
    assert "wide_gru" in architectures()


def test_a_project_from_a_table_fits_its_rows_and_classes(free, capsys, home):
    write_rows(home / "my reviews.csv")
    made = printed(capsys, "init", "new", "--from", "my reviews.csv", "--json")
    asked = read_sweep(home / "new" / "sweeps" / "my-reviews.yaml")
    assert made["sweep"] == "my-reviews"
    assert "my reviews.csv (2 classes)" in asked.question
    assert "data=files" in asked.overrides
    assert "data.batch_size=16" in asked.overrides
    run = rnnsweep.compose(asked.chosen("gru"))
    assert run.data.train == str(home / "my reviews.csv")
    assert run.data.max_length >= 8


@pytest.mark.parametrize(("rows", "share"), [(400, 0.3), (2000, 0.25), (5400, 0.1)])
def test_the_sweep_of_a_small_table_tests_on_more_than_the_usual_tenth_of_it(free, home, rows, share):
    write_rows(home / "rows.csv", rows)
    rnnsweep.init("new", table="rows.csv")
    path = home / "new" / "sweeps" / "rows.yaml"
    run = rnnsweep.compose(read_sweep(path).chosen("gru"))
    assert run.data.test_share == share
    assert ("a small test part shows only large differences" in unwrapped(path)) == (share > 0.1)


def test_columns_without_known_names_are_found_by_their_values_and_named(free, home, capsys):
    rows = write_rows(home / "rows.csv").read_text().replace("text,label", "remark,stars", 1)
    (home / "rows.csv").write_text(rows)
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    shown = capsys.readouterr().err
    assert "texts: remark (found by its values; another column: --text)\n" in shown
    assert "labels: stars (found by its values; another column: --label)\n" in shown
    asked = read_sweep(home / "new" / "sweeps" / "rows.yaml")
    assert {"data.text=remark", "data.label=stars"} <= set(asked.overrides)
    made = printed(capsys, "init", "other", "--from", "rows.csv", "--label", "stars", "--json")
    assert made["guessed"] == ["data.text=remark"]
    assert made["columns"] == {"data.text": ["remark"], "data.label": ["stars"]}


@pytest.mark.parametrize("date", ["2026-0{}-12", "{}.11.2026", "0{}/28/26 14:05"])
def test_a_column_of_dates_is_never_taken_for_the_labels(home, capsys, date):
    lines = [f"{date.format(1 + n % 5)},text number {n} of a table" for n in range(60)]
    (home / "rows.csv").write_text("\n".join(["created,body", *lines]) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 2
    refusal = " ".join(capsys.readouterr().err.split())
    assert "no column of labels found among columns 'created', 'body'" in refusal
    assert not (home / "new").exists()


def test_data_finds_the_columns_that_init_finds(home, capsys):
    rows = write_rows(home / "rows.csv").read_text().replace("text,label", "remark,stars", 1)
    (home / "rows.csv").write_text(rows)
    found = printed(capsys, "data", "data.train=rows.csv", "--json")
    made = printed(capsys, "init", "new", "--from", "rows.csv", "--json")
    assert found["guessed"] == made["guessed"] == ["data.text=remark", "data.label=stars"]
    assert found["labels"] == {"bad": 60, "good": 60}
    assert main(["data", "data.train=rows.csv", "data.label=stars"]) == 0
    assert "found by their values: data.text=remark (name them to train)\n" in capsys.readouterr().err
    assert "guessed" not in printed(
        capsys, "data", "data.train=rows.csv", "data.text=remark", "data.label=stars", "--json"
    )


def test_init_names_a_column_that_was_found_by_its_name(home, capsys):
    rows = write_rows(home / "rows.csv").read_text().replace("text,label", "headline,section", 1)
    (home / "rows.csv").write_text(rows)
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    shown = capsys.readouterr().err
    assert (
        "texts: headline (found by its name; another column: --text)\nlabels: section (found by its values;"
        in shown
    )
    assert "are empty" not in shown


def test_init_says_how_it_chose_the_text_and_names_the_other_columns_that_hold_texts(home, capsys):
    lines = [
        f"title {n},a long body of several words {n},another column of texts {n},{'ab'[n % 2]}"
        for n in range(120)
    ]
    (home / "rows.csv").write_text("title,body,what they said,label\n" + "\n".join(lines) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    said = capsys.readouterr().err
    assert "texts: body (found by its name; another column: --text)\n" in said
    assert "not read: title, what they said; both: data.text=[body,title] in the sweep file\n" in said
    assert main(["init", "other", "--from", "rows.csv", "--text", "what they said"]) == 0
    said = capsys.readouterr().err
    assert "texts: what they said (named by --text)\nnot read: title, body;" in said
    assert printed(capsys, "init", "third", "--from", "rows.csv", "--json")["other_texts"] == [
        "title",
        "what they said",
    ]


def test_init_reads_several_columns_that_are_named_one_by_one(home, capsys):
    lines = [f"subject {n},a body of several words {n},{'ab'[n % 2]}" for n in range(120)]
    (home / "rows.csv").write_text("subject,body,label\n" + "\n".join(lines) + "\n")
    named = ["--text", "subject", "--text", "body"]
    assert main(["init", "new", "--from", "rows.csv", *named]) == 0
    assert "texts: subject and body (named by --text)\n" in capsys.readouterr().err
    assert "data.text=[subject,body]" in read_sweep(home / "new" / "sweeps" / "rows.yaml").overrides
    assert main(["init", "new", "--from", "rows.csv", "--text", "body"]) == 0, "not edited: written again"
    assert "data.text=body" in read_sweep(home / "new" / "sweeps" / "rows.yaml").overrides
    assert main(["init", "new", "--from", "rows.csv", *named]) == 0
    capsys.readouterr()
    assert main(["init", "other", "--from", "rows.csv", "--text", "subject,body"]) == 2
    assert capsys.readouterr().err.endswith(
        "has columns 'subject', 'body', 'label'. Several columns are named one by one:"
        " --text subject --text body\n"
    )
    (home / "rows.csv").write_text(
        '"subject,body",label\n' + "\n".join(f"text {n},{'ab'[n % 2]}" for n in range(120))
    )
    assert main(["init", "comma", "--from", "rows.csv", "--text", "subject,body"]) == 0


def test_init_takes_a_full_column_of_long_texts_before_one_that_is_often_empty(home, capsys):
    lines = [
        f"{'' if n % 4 == 0 else f'short head {n}'},a long lead of several words {n},{'ab'[n % 2]}"
        for n in range(120)
    ]
    (home / "rows.csv").write_text("headline,lead,label\n" + "\n".join(lines) + "\n")
    made = printed(capsys, "init", "new", "--from", "rows.csv", "--json")
    assert made["guessed"] == ["data.text=lead"]
    assert made["columns"]["data.text"] == ["lead"]
    assert made["left_out"] == 0
    assert "data.text=lead" in read_sweep(home / "new" / "sweeps" / "rows.yaml").overrides
    assert main(["init", "other", "--from", "rows.csv", "--text", "headline"]) == 0
    assert "texts: headline (named by --text)" in capsys.readouterr().err
    full = [line.replace(",", f"head {n},", 1) for n, line in enumerate(lines)]
    (home / "rows.csv").write_text("headline,lead,label\n" + "\n".join(full) + "\n")
    assert printed(capsys, "init", "third", "--from", "rows.csv", "--json")["guessed"] == []


def test_a_sweep_file_that_was_deleted_is_written_again_beside_the_files_that_are_there(home, capsys):
    write_rows(home / "rows.csv")
    first = rnnsweep.init("new", table="rows.csv")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    said = capsys.readouterr().err
    assert "wrote" not in said
    assert all(f"kept new/{file.relative_to('new')}: is there already\n" in said for file in first.files)
    sweep = home / "new" / "sweeps" / "rows.yaml"
    sweep.unlink()
    again = rnnsweep.init("new", table="rows.csv")
    assert [file.name for file in again.files] == ["rows.yaml"]
    assert len(first.files) == 4
    assert sweep.is_file()


def test_a_sweep_file_of_another_column_is_replaced_unless_it_was_edited_or_started(home, capsys):
    lines = [f"a text of several words {n},{'ab'[n % 2]},{n % 3}" for n in range(120)]
    (home / "rows.csv").write_text("remark,who,act\n" + "\n".join(lines) + "\n")
    rnnsweep.init("new", table="rows.csv")
    sweep = home / "new" / "sweeps" / "rows.yaml"
    again = rnnsweep.init("new", table="rows.csv", label="act")
    assert [file.name for file in again.files] == ["rows.yaml"]
    assert "data.label=act" in read_sweep(sweep).overrides
    other = rnnsweep.init("other", table="rows.csv", label="act").folder / "sweeps" / "rows.yaml"
    assert sweep.read_text() == other.read_text()
    rnnsweep.init("new", table="rows.csv", text="remark", label="who")
    assert "data.label=who" in read_sweep(sweep).overrides
    written = sweep.read_text()

    def assert_refused() -> None:
        before = sweep.read_text()
        assert main(["init", "new", "--from", "rows.csv", "--label", "act"]) == 2
        assert (
            "rows.yaml: is there already and is not overwritten; delete it to have it written again,"
            " or name another folder" in capsys.readouterr().err
        )
        assert sweep.read_text() == before

    sweep.write_text(written.replace("trials: 12", "trials: 3"))
    assert_refused()
    sweep.write_text("no sweep\n")
    assert_refused()
    sweep.write_text(written)
    started = home / "new" / "mlruns" / "sweeps" / "rows"
    started.mkdir(parents=True)
    (started / "start.json").write_text("{}")
    assert_refused()


def test_the_remark_on_groups_counts_the_test_rows_that_the_sweep_draws(home, capsys):
    lines = [f"word{n % 7} text number {n},{'good' if n % 2 else 'bad'},a{n % 12}" for n in range(1200)]
    (home / "rows.csv").write_text("text,label,author\n" + "\n".join(lines) + "\n")
    [remark] = printed(capsys, "init", "new", "--from", "rows.csv", "--json")["remarks"]
    run = rnnsweep.compose(read_sweep(home / "new" / "sweeps" / "rows.yaml").chosen("gru"))
    assert run.data.test_share == 0.3
    drawn = prepare(run.data).facts.parts["test"]["rows"]
    assert drawn > 300
    assert f" of {drawn} test rows are of a group that trains" in remark


def test_init_reports_empty_texts_and_its_sweep_leaves_them_out(home, capsys):
    rows = write_rows(home / "rows.csv").read_text() + ",good\n,bad\n" * 20
    (home / "rows.csv").write_text(rows)
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    assert "40 of 160 texts are empty: the sweep leaves them out (data.skip_empty=true)" in (
        capsys.readouterr().err
    )
    path = home / "new" / "sweeps" / "rows.yaml"
    assert "  # 40 of 160 texts are empty: their rows are left out\n  - data.skip_empty=true\n" in (
        path.read_text()
    )
    made = printed(capsys, "init", "other", "--from", "rows.csv", "--json")
    assert (made["rows"], made["left_out"]) == (160, 40)
    run = rnnsweep.compose(read_sweep(path).chosen("gru"))
    corpus = prepare(run.data)
    assert (sum(corpus.sizes.values()), sum(corpus.empty.values())) == (120, 0)


def test_init_reports_rows_without_a_label_and_its_sweep_leaves_them_out(home, capsys):
    rows = write_rows(home / "rows.csv").read_text() + ",good\n" * 20 + "some words,\nmore words,NA\n" * 5
    (home / "rows.csv").write_text(rows)
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    counted = "10 rows without a label left out (empty 5, NA 5)"
    shown = capsys.readouterr().err
    assert f"{counted}: data.skip_unlabelled=true\n" in shown
    assert (
        "20 of 140 texts with a label are empty: the sweep leaves them out (data.skip_empty=true)\n" in shown
    )
    path = home / "new" / "sweeps" / "rows.yaml"
    assert f"  # {counted}" in path.read_text()
    assert "; data.missing_is_class=true takes such names as classes\n  - data.skip_unlabelled=true\n" in (
        unwrapped(path)
    )
    corpus = prepare(rnnsweep.compose(read_sweep(path).chosen("gru")).data)
    assert (sum(corpus.sizes.values()), list(corpus.labels)) == (120, ["bad", "good"])


@pytest.fixture
def left_out(home, monkeypatch, capsys) -> Path:
    """A project of `init` whose sweep leaves out 20 empty texts and 10 rows without a label, of 150."""
    rows = write_rows(home / "rows.csv").read_text() + ",good\n" * 20 + "some words,\nmore words,NA\n" * 5
    (home / "rows.csv").write_text(rows)
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    monkeypatch.delenv("RNNSWEEP_HOME")
    monkeypatch.chdir(home / "new")
    capsys.readouterr()
    return home / "new"


def test_data_of_a_sweep_counts_the_rows_that_the_sweep_uses(left_out, capsys):
    described = printed(capsys, "data", "rows", "--json")
    assert described["sweep"] == "rows"
    (facts,) = described["data"].values()
    corpus = prepare(rnnsweep.compose(read_sweep(left_out / "sweeps" / "rows.yaml").chosen("gru")).data)
    assert {part: counts["rows"] for part, counts in facts["parts"].items()} == dict(corpus.sizes)
    assert printed(capsys, "data", "sweeps/rows.yaml", "--json")["data"] == described["data"]
    assert main(["data", "rows"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("rows\n  train ")
    assert "2 labels, majority 50.0%\n" in shown


def test_data_of_a_sweep_takes_other_settings_of_the_data_and_no_other_ones(left_out, capsys):
    (facts,) = printed(capsys, "data", "rows", "data.max_length=2", "--json")["data"].values()
    assert facts["lengths"]["cut"] == 1.0
    assert main(["data", "rows", "optimizer.lr=0.1"]) == 2
    assert capsys.readouterr().err == (
        "error: optimizer.lr=0.1: after the name of a sweep only settings of the data,"
        " as data.max_length=20\n"
    )


def test_data_says_what_to_write_for_a_name_that_is_no_sweep(left_out, capsys):
    assert main(["data", "row"]) == 2
    assert "row: no such sweep file; there is " in capsys.readouterr().err
    assert main(["data", "../rows.csv"]) == 2
    assert "'../rows.csv' is no sweep; for a file of rows: data.train=../rows.csv" in capsys.readouterr().err


def test_init_names_a_column_that_groups_rows_and_the_setting_that_keeps_groups_together(home, capsys):
    lines = [f"word{n % 7} text number {n},{'good' if n % 2 else 'bad'},a{n % 12}" for n in range(120)]
    (home / "rows.csv").write_text("text,label,author\n" + "\n".join(lines) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    shown = capsys.readouterr().err
    [remark] = [line for line in shown.splitlines() if line.startswith("column 'author' groups rows: ")]
    assert remark.endswith("data.group=author keeps each on one side")
    path = home / "new" / "sweeps" / "rows.yaml"
    assert f"  # {remark}\n  - data.train=" in unwrapped(path)
    lines = path.read_text().splitlines()
    assert max(len(line) for line in lines if "data.train=" not in line) <= 80, lines
    assert printed(capsys, "init", "other", "--from", "rows.csv", "--json")["remarks"] == [remark]


def test_init_says_where_the_logarithm_of_the_numbers_is_better_learnt(home, capsys):
    lines = [f"word{n % 7} text number {n},{10 ** (n % 100 / 20):.2f}" for n in range(200)]
    (home / "rows.csv").write_text("text,price\n" + "\n".join(lines) + "\n")
    asked = ["init", "new", "--from", "rows.csv", "--label", "price", "--json"]
    [remark] = printed(capsys, *asked)["remarks"]
    assert remark.startswith("half of the targets are below ")
    assert remark.endswith("name that one: data.label=log10_price")


def test_init_counts_rows_of_groups_in_the_parts_that_data_and_plan_draw_of_numbers(home, capsys):
    lines = [f"word{n % 7} text number {n},{n * n % 1013 / 4},a{n % 400}" for n in range(1200)]
    (home / "rows.csv").write_text("text,label,author\n" + "\n".join(lines) + "\n")
    [remark] = printed(capsys, "init", "new", "--from", "rows.csv", "--json")["remarks"]
    assert remark.startswith("column 'author' groups rows: ")
    read = printed(capsys, "data", "new/sweeps/rows.yaml", "--json")["data"]["rows"]
    assert remark in [one["message"] for one in read["remarks"]]
    assert f"of {read['parts']['test']['rows']} test rows" in remark
    (home / "less.csv").write_text("text,label,author\n" + "\n".join([*lines, "no number,,a1"]) + "\n")
    shown = printed(capsys, "init", "new", "--from", "less.csv", "--json")["remarks"]
    assert any(one.endswith(": data.skip_unlabelled=true") for one in shown)


def test_init_names_columns_that_may_group_rows_by_their_values_where_none_does_by_its_name(home, capsys):
    lines = [
        f"word{n % 7} text {n},{'good' if n % 2 else 'bad'},2026-01-{1 + n % 28},{n % 3},m{n % 12}@x,{n}"
        for n in range(120)
    ]
    header = "text,label,day,priority,from address,number\n"
    (home / "rows.csv").write_text(header + "\n".join(lines) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    remark = (
        "no column has a name that groups rows, as author or user_id; columns whose values repeat may: "
        "'from address' (12 values): data.group='from address' keeps rows with one value on one side. Set it"
        " if new rows will have other values than the training rows: scores are then lower, and true of such"
        " rows. data.group=null says that no column groups them"
    )
    assert remark in capsys.readouterr().err.splitlines()
    path = home / "new" / "sweeps" / "rows.yaml"
    assert f"  # {remark}\n  - data.train=" in unwrapped(path)
    (home / "rows.csv").write_text(header.replace("number", "author") + "\n".join(lines) + "\n")
    assert printed(capsys, "init", "other", "--from", "rows.csv", "--json")["remarks"] == []


def test_init_counts_the_values_that_may_group_rows_in_the_whole_file(home, capsys):
    lines = [f"word{n % 7} text {n},{'good' if n % 2 else 'bad'},m{n // 3}@x" for n in range(2400)]
    (home / "rows.csv").write_text("text,label,from address\n" + "\n".join(lines) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    assert "'from address' (800 values):" in capsys.readouterr().err


def test_names_of_which_most_occur_once_may_group_rows_and_numbers_may_not(home, capsys):
    """Of 1,200 rows 400 have no name, 500 a name of their own, and 300 one that three rows have."""
    names = ["" if n < 400 else f"person {n if n < 900 else n // 3}" for n in range(1200)]
    lines = [
        f"word{n % 7} text {n},{'good' if n % 2 else 'bad'},{name},{n * n % 2027}"
        for n, name in enumerate(names)
    ]
    (home / "rows.csv").write_text("text,label,said by,price\n" + "\n".join(lines[::-1]) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    shown = capsys.readouterr().err
    assert "columns whose values repeat may: 'said by' (600 values): data.group='said by' keeps" in shown


def test_data_and_plan_name_columns_that_may_group_rows_until_it_is_decided(home, capsys):
    lines = [f"word{n % 7} text {n},{'good' if n % 2 else 'bad'},m{n % 12}" for n in range(120)]
    (home / "rows.csv").write_text("text,label,origin\n" + "\n".join(lines) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    capsys.readouterr()
    path = home / "new" / "sweeps" / "rows.yaml"
    asked = path.read_text()
    said = "columns whose values repeat may: 'origin' (12 values): data.group=origin keeps"
    for setting, named in (("", True), ("data.group=null", False), ("data.group=origin", False)):
        more = f"  - {setting}\n" if setting else ""
        path.write_text(asked.replace("  - data=files\n", f"  - data=files\n{more}"))
        assert setting in path.read_text()
        for command in ("data", "plan"):
            assert main([command, str(path)]) == 0
            shown = capsys.readouterr()
            assert (" ".join((shown.out + shown.err).split()).count(said)) == named, (command, setting)
    path.write_text(asked)
    assert main(["data", str(path), "data.group=null"]) == 0
    assert said not in capsys.readouterr().out


@pytest.mark.parametrize(("setting", "named"), [("", True), ("data.group=null", False)])
def test_a_column_that_groups_rows_by_its_name_is_told_until_it_is_decided(home, capsys, setting, named):
    lines = [f"word{n % 7} text {n},{'good' if n % 2 else 'bad'},m{n % 12}" for n in range(120)]
    (home / "rows.csv").write_text("text,label,author\n" + "\n".join(lines) + "\n")
    settings = ["data.train=rows.csv", *([setting] if setting else [])]
    path = home / "sweeps" / "asked.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        "# Which?\nname: asked\narchitectures: [bag]\ntrials: 1\n"
        f"overrides: {json.dumps(['data=files', *settings])}\n"
        "space: {optimizer.lr: [0.01]}\n"
    )
    training = ["train", *settings, "model=bag", "trainer.max_epochs=1"]
    for arguments in (["data", *settings], ["data", str(path)], training):
        assert main(arguments) == 0, arguments
        shown = " ".join("".join(capsys.readouterr()).split())
        assert ("column 'author' groups rows" in shown) == named, arguments
    assert main(["data", str(path), "data.group=author"]) == 0
    assert "data.group=author: 12 values" in capsys.readouterr().out


def test_data_names_columns_that_may_group_rows_and_counts_those_that_do(home, capsys):
    lines = [
        f"word{n % 7} text {n},{'good' if n % 2 else 'bad'},{'' if n < 9 else n % 12}" for n in range(120)
    ]
    (home / "rows.csv").write_text("text,label,said by\n" + "\n".join(lines) + "\n")
    assert main(["data", "data.train=rows.csv"]) == 0
    assert (
        "! groups: no column has a name that groups rows, as author or user_id; columns whose values repeat"
        " may: " in (capsys.readouterr().out)
    )
    assert main(["data", "data.train=rows.csv", "data.group=said by"]) == 0
    shown = capsys.readouterr().out
    said = "12 values, each in one part; of 9 rows without one each is a group of its own\n"
    assert f"! groups: data.group=said by: {said}" in shown
    assert "no column groups rows" not in shown
    named = [f"{line}m0" if line.endswith(",") else line for line in lines[1:]]
    (home / "rows.csv").write_text("text,label,said by\n" + "\n".join([lines[0], *named]) + "\n")
    assert main(["data", "data.train=rows.csv", "data.group=said by"]) == 0
    assert "each in one part; 1 row without one is a group of its own\n" in capsys.readouterr().out


def test_the_column_of_labels_groups_no_rows(home, capsys):
    lines = [f"word{n % 7} text {n},{'good' if n % 2 else 'bad'}" for n in range(60)]
    (home / "rows.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    assert main(["data", "data=files", "data.train=rows.csv", "data.group=label"]) == 2
    assert capsys.readouterr().err == (
        f"error: data.group='label': is the column of the labels in {home / 'rows.csv'}; each label would be"
        " in one part alone. Name a column of what rows share, as an author\n"
    )


def test_what_init_cannot_find_is_asked_for_by_its_own_option(home, capsys):
    (home / "rows.csv").write_text("text,size\n" + "\n".join(f"a word {n},size {n}" for n in range(9)))
    assert main(["init", "new", "--from", "rows.csv"]) == 2
    assert "name it with --label COLUMN" in capsys.readouterr().err


def test_a_table_in_the_project_is_named_by_its_path_from_there(home):
    (home / "new").mkdir()
    write_rows(home / "new" / "rows.csv")
    rnnsweep.init("new", table="new/rows.csv", text="text", label="label")
    asked = read_sweep(home / "new" / "sweeps" / "rows.yaml")
    assert asked.overrides[:4] == ("data=files", "data.train=rows.csv", "data.text=text", "data.label=label")


def test_a_second_table_adds_its_sweep_to_the_project_and_keeps_every_other_file(home, capsys):
    write_rows(home / "rows.csv")
    write_rows(home / "unique.csv")
    rnnsweep.init("new", table="rows.csv")
    for name in ("Makefile", "conf/model/wide_gru.yaml"):
        (home / "new" / name).write_text("mine\n")
    made = printed(capsys, "init", "new", "--from", "unique.csv", "--json")
    others = ["new/conf/model/wide_gru.yaml", "new/Makefile", "new/.gitignore"]
    assert (made["files"], made["kept"]) == (["new/sweeps/unique.yaml"], others)
    (home / "new" / "sweeps" / "unique.yaml").unlink()
    assert main(["init", "new", "--from", "unique.csv"]) == 0
    kept = "".join(f"kept {path}: is there already\n" for path in others)
    assert f"wrote new/sweeps/unique.yaml\n{kept}" in capsys.readouterr().err
    assert (home / "new" / "Makefile").read_text() == "mine\n"
    assert (home / "new" / "conf" / "model" / "wide_gru.yaml").read_text() == "mine\n"
    assert {path.name for path in (home / "new" / "sweeps").iterdir()} == {"rows.yaml", "unique.yaml"}


def test_a_makefile_of_the_users_own_is_kept_and_so_is_a_link_that_leads_nowhere(home, capsys):
    (home / "new").mkdir()
    (home / "new" / "Makefile").write_text("mine\n")
    (home / "new" / ".gitignore").symlink_to("gone")
    assert main(["init", "new"]) == 0
    said = capsys.readouterr().err
    assert "kept new/Makefile: is there already\nkept new/.gitignore: is there already\n" in said
    assert (home / "new" / "Makefile").read_text() == "mine\n"
    assert not (home / "new" / "gone").exists()


@pytest.mark.parametrize("name", ["conf/config.yaml", "sweeps/first.yaml"])
def test_nothing_is_overwritten_and_nothing_half_made(home, capsys, name):
    mine = home / "new" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("seed: 0\n")
    assert main(["init", "new"]) == 2
    assert f"{Path('new', name)}: is there already and is not overwritten" in capsys.readouterr().err
    assert [file for file in (home / "new").rglob("*") if file.is_file()] == [mine]
    assert mine.read_text() == "seed: 0\n"
    assert main(["init", "other", "--from", "none.csv"]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert not (home / "other").exists()


def test_a_copied_clone_writes_into_itself(free, monkeypatch):
    first, copy = free / "first", free / "copy"
    for clone in (first, copy):
        (clone / "conf").mkdir(parents=True)
        (clone / "conf" / "config.yaml").write_text("seed: 0\n")
    monkeypatch.setattr(places, "PACKAGE", first / "src" / "rnnsweep")
    monkeypatch.chdir(copy)
    assert find_paths().mlruns == copy / "mlruns"
    monkeypatch.chdir(free)
    assert find_paths().root == first
    assert places.root_notes() == [f"project folder: {first} (the clone that rnnsweep is installed from)"]


def test_an_empty_project_lists_its_files_and_what_to_do(home, capsys):
    value = printed(capsys, "list", "--json")
    names = {one["sweep"]: one for one in value["sweeps"]}
    assert names["quickstart"]["state"] == "not started"
    assert names["quickstart"]["question"].startswith("Which recurrent network")
    assert value["runs"] == []
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert "no single run yet" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_files_of_the_project_are_listed_with_their_question_and_examples_of_the_package_by_name(
    tmp_path, monkeypatch, capsys
):
    question = f"Which network {'is the better one ' * 6}here?"
    (tmp_path / "sweeps").mkdir()
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    (tmp_path / "sweeps" / "a_question_of_my_own.yaml").write_text(f"# {question}\nname: x\n")
    assert main(["list", "sweeps"]) == 0
    shown = capsys.readouterr().out
    own, _, examples = shown.partition("examples of the package: ")
    assert question in " ".join(own.replace("a_question_of_my_own", "").split())
    assert "quickstart" in examples
    assert "quickstart" not in own


def test_the_list_of_everything_begins_with_the_files_written_last_and_counts_the_others(home, capsys):
    hour = 3600.0
    for file in (home / "sweeps").iterdir():
        file.unlink()
    for number, name in enumerate(("old", "quickstart", "ag_news", "b", "c", "mine")):
        file = home / "sweeps" / f"{name}.yaml"
        file.write_text(f"# Is {name} a question?\nname: {name}\n")
        age = {"old": 2 * hour, "mine": 0.0}.get(name, hour)
        os.utime(file, (0, 1.7e9 - age + number / 10))
    wanted = ["mine", "quickstart", "ag_news", "b", "c", "old"]
    listed = [one["sweep"] for one in printed(capsys, "list", "--json")["sweeps"]]
    assert [name for name in listed if name in wanted] == wanted
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines() if " Is " in line] == wanted[:4]
    assert "  and 2 more: rnnsweep list sweeps" in shown
    assert main(["list", "sweeps"]) == 0
    whole = capsys.readouterr().out
    assert "Is old a question?" in whole
    assert "more" not in whole


def test_a_narrow_terminal_shows_the_whole_id_state_and_scores_of_a_run_and_cuts_its_name(capsys):
    runs = [
        {
            **{"run_id": f"{n}bcdef0123456789", "name": f"bilstm hidden_size=128 dropout=0.5 {'x' * 40}"},
            **{
                "state": "interrupted",
                "score": "accuracy",
                "validation": 0.8843,
                "test": 0.8591,
                "started": f"2026-11-28 12:4{n}:59",
            },
        }
        for n in range(2)
    ]
    listing._print_runs(runs)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for n, line in enumerate(lines[1:]):
        assert line.startswith(f"{n}bcdef01  bilstm ")
        assert line.endswith(f"  interrupted  0.8843      0.8591  2026-11-28 12:4{n}")


LONG = "bilstm max_length=40 test_share=0.2 batch=32 epochs=5 "


def listed_runs(capsys, names, scores):
    """Print single runs, and return the lines of the table."""
    rest = {"state": "complete", "validation": 0.5819, "test": None, "started": "2026-11-28 12:40:59"}
    rows = enumerate(zip(names, scores, strict=True))
    listing._print_runs(
        [{"run_id": f"{n}bcdef0123", "name": name, "score": score, **rest} for n, (name, score) in rows]
    )
    return capsys.readouterr().out.splitlines()


def test_the_list_of_runs_names_their_scores_where_they_differ(capsys):
    head, first, second = listed_runs(capsys, ["gru", "gru"], ["accuracy", "macro_f1"])
    assert head.split() == ["run", "name", "state", "score", "validation", "test", "started"]
    assert "accuracy  0.5819" in first
    assert "macro_f1  0.5819" in second
    assert "score" not in listed_runs(capsys, ["gru", "lstm"], ["accuracy", "accuracy"])[0]


def test_names_of_runs_that_would_be_cut_to_the_same_text_show_where_they_differ(capsys):
    names = [f"{LONG}seed=1 lr=0.01", f"{LONG}lr=0.01 patience=4", f"{LONG}lr=0.01"]
    lines = listed_runs(capsys, names, ["accuracy"] * 3)
    assert [line.split("  ")[1] for line in lines[1:]] == [
        "bilstm … seed=1",
        "bilstm … patience=4",
        "bilstm …",
    ]
    assert max(map(len, lines)) <= 80


def test_a_run_whose_process_died_is_listed_as_interrupted_and_one_that_lives_as_running(
    home, template, capsys
):
    mlruns = fresh_store(template, home / "mlruns")
    for key in ("dead", "alive"):
        open_run(mlruns, key, experiment="single runs", tags={"rnnsweep.role": "single"}).metrics(
            {"m": 0.5}, step=1
        )
    ship(mlruns)
    spool = mlruns / "spool" / "dead.jsonl"
    spool.write_text(spool.read_text().replace(f'"pid":{os.getpid()},', '"pid":999999999,'))
    states = {run["name"]: run["state"] for run in printed(capsys, "list", "runs", "--json")["runs"]}
    assert states == {"dead": "interrupted", "alive": "running"}


def test_the_doctor_finds_nothing_wrong_here_and_changes_nothing(home, capsys, monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    before = sorted(home.rglob("*"))
    checks = {one["check"]: one for one in printed_checks(capsys)}
    assert list(checks) == [
        *(
            "environment",
            "versions",
            "training",
            "machine code",
            "gpu",
            "project",
            "store",
            "disk",
            "locks",
            "port",
            "proxies",
        )
    ]
    for name in ("environment", "training", "project", "store", "locks", "proxies"):
        assert checks[name]["ok"], checks[name]
    assert sorted(home.rglob("*")) == before


def printed_checks(capsys) -> list[dict]:
    main(["doctor", "--json"])
    return json.loads(capsys.readouterr().out)


def test_the_doctor_names_a_damaged_store_and_a_full_disk_with_their_remedies(home, monkeypatch):
    (home / "mlruns").mkdir()
    (home / "mlruns" / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)
    monkeypatch.setattr(diagnosis, "ROOM", 1 << 60)
    checks = {one.check: one for one in rnnsweep.doctor()}
    assert not checks["store"].ok
    assert checks["store"].remedy
    assert checks["disk"].remedy.startswith("free some space")


def test_the_doctor_names_a_proxy_that_gets_what_is_for_a_server_nearby(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert diagnosis._proxies().ok  # this machine is spared by itself
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://records:5000")
    assert diagnosis._proxies().remedy == "export NO_PROXY=localhost,127.0.0.1,::1,records"


def test_a_port_in_use_is_said_to_be_perhaps_that_of_a_running_ui(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr("rnnsweep.tracking.ui.hosts.PORT", other.getsockname()[1])
        found = diagnosis._port()
    assert found.ok
    assert found.found.endswith(" (perhaps by a rnnsweep ui that runs); rnnsweep ui takes the next free one")


def test_the_doctor_prints_a_remedy_below_what_is_wrong_and_exits_with_two(home, capsys, monkeypatch):
    monkeypatch.setattr(diagnosis, "ROOM", 1 << 60)
    assert main(["doctor"]) == 2
    shown = capsys.readouterr().out
    assert "wrong disk" in shown
    assert "do: free some space" in shown


def test_a_check_that_cannot_be_made_has_failed(monkeypatch):
    def broken() -> diagnosis.Check:
        raise OSError("no such device")

    found = diagnosis._safely("gpu", broken)
    assert (found.ok, found.found) == (False, "OSError: no such device")
    assert found.remedy


def test_a_folder_that_is_a_file_is_refused(home):
    (home / "file").write_text("")
    with pytest.raises(UserError, match="is a file; name a folder"):
        rnnsweep.init("file")
