"""`data --export`: the rows of each part as CSV files, with where they are in the user's own file."""

import csv
import json

import pytest

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.data import DataConfig, prepare
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.search.corpora import common_digest, read_digests
from rnnsweep.search.space import check_space
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.start import begin
from rnnsweep.sweepfile import read_sweep

PARTS = ("train", "validation", "test")
ASKED = """\
# Which is better?
name: columns
architectures:
  titles: [model=bag, data.text=title]
  both: [model=bag, "data.text=[title,text]"]
trials: 1
replicates: 0
space: {{}}
overrides: [data=files, "data.train={path}", "data.split_text=[title,text]"]
"""


def write_table(path, *, word="soup"):
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["title", "text", "author", "label"])
        for n in range(120):
            end = "\nin two lines, with a comma" if n % 10 == 0 else ""
            rows.writerow([f"day {n}", f"{word} {n}{end}", f"a{n // 3}", "ab"[n % 2]])
    return path


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_exported_row_is_where_it_says_in_the_users_file(home, tmp_path, capsys):
    path = write_table(tmp_path / "own.csv")
    lines = path.read_text().split("\n")
    own = read_rows(path)
    settings = [f"data.train={path}", "data.text=text", "data.group=author"]
    assert main(["data", *settings, "--export", "rows"]) == 0
    assert "rows/test.csv" in capsys.readouterr().out
    corpus = prepare(DataConfig(corpus="files", train=str(path), text="text", group="author"))
    seen = []
    for part in PARTS:
        exported = read_rows(home / "rows" / f"{part}.csv")
        assert [int(each["row"]) for each in exported] == list(range(corpus.sizes[part]))
        assert [each["text"] for each in exported] == corpus.texts(part)
        for each in exported:
            row = own[int(each["file_row"])]
            assert (each["file"], each["label"], each["group"]) == (str(path), row["label"], row["author"])
            assert each["text"] == row["text"]
            assert lines[int(each["line"]) - 1].startswith(f"{row['title']},")
        seen += [int(each["file_row"]) for each in exported]
    assert sorted(seen) == list(range(120))


def test_another_split_seed_exports_the_parts_of_a_replicate_with_the_same_test_rows(home, tmp_path):
    path = write_table(tmp_path / "own.csv")
    settings = [f"data.train={path}", "data.text=text"]
    for seed in (0, 1):
        rnnsweep.export_rows(home / f"split{seed}", [*settings, f"data.split_seed={seed}"])
    tests, validations = (
        [(home / f"split{seed}" / f"{part}.csv").read_text() for seed in (0, 1)]
        for part in ("test", "validation")
    )
    assert tests[0] == tests[1]
    assert validations[0] != validations[1]


@pytest.mark.parametrize("name", ["own.jsonl", "own.txt", "own.json"])
def test_lines_without_a_row_are_counted_and_a_format_without_lines_has_none(home, tmp_path, name):
    path = tmp_path / name
    records = [{"text": f"soup {n}", "label": "ab"[n % 2]} for n in range(60)]
    lines = {
        ".jsonl": [json.dumps(each) + "\n" * (1 + n % 2) for n, each in enumerate(records)],
        ".txt": [
            f"__label__{each['label']} {each['text']}" + "\n" * (1 + n % 2) for n, each in enumerate(records)
        ],
        ".json": [json.dumps(records)],
    }[path.suffix]
    path.write_text("\n".join(lines))
    for file in rnnsweep.export_rows("rows", ["data=files", f"data.train={path}"]):
        for each in read_rows(file):
            assert each["text"] == records[int(each["file_row"])]["text"]
            if path.suffix == ".json":
                assert each["line"] == ""
            else:
                assert each["text"] in path.read_text().split("\n")[int(each["line"]) - 1]


def test_a_corpus_that_is_of_no_file_is_exported_without_places(home):
    files = rnnsweep.export_rows("rows", ["data=docstrings", "data.libraries=[json,email]"])
    assert list(read_rows(files[0])[0]) == ["row", "label", "text"]


def test_numbers_are_exported_as_they_are_learnt(home, tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("text,price\n" + "".join(f"soup {n},{n / 2}\n" for n in range(60)))
    settings = ["task=regression", "data.label=price", f"data.train={path}"]
    for file in rnnsweep.export_rows("rows", settings):
        assert all(float(each["label"]) == int(each["file_row"]) / 2 for each in read_rows(file))


def test_a_file_that_is_there_is_not_written_over(home, tmp_path, capsys):
    path = write_table(tmp_path / "train.csv")
    before = path.read_bytes()
    assert main(["data", f"data.train={path}", "data.text=text", "--export", str(tmp_path)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"{path}: is there already, and is not written over; name another folder" in said
    assert path.read_bytes() == before
    assert not (tmp_path / "test.csv").exists()


def test_a_folder_that_cannot_be_made_is_named(home, tmp_path):
    path = write_table(tmp_path / "own.csv")
    with pytest.raises(UserError, match=r"own.csv/rows: cannot be written"):
        rnnsweep.export_rows(path / "rows", [f"data.train={path}", "data.text=text"])


def test_a_sweep_exports_each_corpus_and_the_rows_that_it_started_with(home, tmp_path, capsys):
    path = write_table(tmp_path / "own.csv")
    asked = home / "sweeps" / "columns.yaml"
    asked.write_text(ASKED.format(path=path))
    assert main(["data", "columns", "--export", "rows", "--json"]) == 0
    exported = json.loads(capsys.readouterr().out)["exported"]
    assert exported[-1] == "rows/own (both)/test.csv"
    titles, both = (read_rows(home / "rows" / name / "test.csv") for name in ("own", "own (both)"))
    assert [each["file_row"] for each in titles] == [each["file_row"] for each in both]
    assert both[0]["text"].startswith(titles[0]["text"])

    sweep, places = read_sweep(asked), find_paths()
    digest = common_digest(read_digests(check_space(sweep)))
    SweepFolder.of(places.mlruns, "columns").make()
    begin(sweep, mlruns=places.mlruns, conf=places.conf, corpus=digest)
    asked.write_text(ASKED.format(path=path).replace('text]"]', 'text]", data.test_share=0.4]'))
    rnnsweep.export_rows("again", sweep="columns")
    assert read_rows(home / "again" / "own" / "test.csv") == titles

    write_table(path, word="bread")
    assert main(["data", "columns", "--export", "other"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "sweep 'columns': its data changed since it started" in said
    assert "these are not the rows that its runs were trained and tested on" in said
    assert not (home / "other").exists()


@pytest.mark.parametrize("settings", [[], ["data.group=null"]])
def test_a_column_that_the_parts_do_not_follow_is_exported_as_no_group(home, tmp_path, settings):
    path = write_table(tmp_path / "own.csv")
    assert (
        main(["data", "data=files", f"data.train={path}", "data.text=text", *settings, "--export", "rows"])
        == 0
    )
    head = (home / "rows" / "test.csv").read_text().split("\n")[0].strip()
    assert head == "row,label,text,file,file_row,line"
