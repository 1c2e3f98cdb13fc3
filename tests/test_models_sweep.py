"""From a sweep to an answer: models are registered at its end, found by name, and read text."""

import csv
import json
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from small_models import small_model
from test_api import SMALL, SWEEP, colours

import rnnsweep
from rnnsweep.api import log_models
from rnnsweep.api.prediction_files import no_formula, read_asked, write_answers
from rnnsweep.api.trained_on import say_trained_on, training_digests
from rnnsweep.cli import main
from rnnsweep.config import compose
from rnnsweep.data import prepare
from rnnsweep.errors import UserError
from rnnsweep.models import write_model
from rnnsweep.tracking.store.registry import alias_of, aliases

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A project with one finished sweep and what it printed."""
    place = tmp_path_factory.mktemp("project")
    (place / "conf").symlink_to(ROOT / "conf")
    (place / "sweeps").mkdir()
    (place / "sweeps" / "colours.yaml").write_text(SWEEP)
    colours(place / "colours.csv")
    environment = {**os.environ, "RNNSWEEP_HOME": str(place), "COLUMNS": "80"}
    command = [sys.executable, "-m", "rnnsweep", "sweep", "colours", "--slots", "1"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSWEEP_HOME", str(place))
        patch.chdir(place)
        yield place, done


@pytest.fixture
def project(swept):
    return swept[0]


@pytest.mark.slow
def test_standings_come_first_then_the_models(swept):
    _, done = swept
    everything = done.stderr + done.stdout
    assert "Models: 2, the best is " in everything
    assert "; to ask it: rnnsweep predict --model colours 'a text'" in everything
    assert done.stdout.index("architecture") < done.stdout.index("\nNext")
    assert "Downloading" not in everything
    assert "Traceback" not in everything


@pytest.mark.slow
def test_the_best_replicate_by_validation_is_kept_and_its_score_is_its_own(project):
    table = rnnsweep.runs("colours")
    replicates = table[table["role"] == "replicate"]
    for architecture, group in replicates.groupby("architecture"):
        model = rnnsweep.load_model(f"colours@{architecture}")
        best = group.sort_values("validation", kind="stable").iloc[-1]
        assert model.facts["validation"] == group["validation"].max() == best["validation"]
        assert model.facts["replicates"]["n"] == len(group)
    means = replicates.groupby("architecture")["validation"].mean()
    assert rnnsweep.load_model("colours").facts["architecture"] == means.idxmax()


@pytest.mark.slow
def test_a_model_answers_as_its_run_was_scored(project):
    model = rnnsweep.load_model("colours")
    corpus = prepare(compose(model.facts["overrides"]).data)
    right = [
        answer.label == corpus.labels[target]
        for answer, target in zip(
            model.predict(corpus.texts("test")), corpus.test().targets_N.tolist(), strict=True
        )
    ]
    assert sum(right) / len(right) == pytest.approx(model.facts["test"], abs=1e-9)


@pytest.mark.slow
def test_logging_again_makes_no_second_version(project):
    before = aliases(project / "mlruns", "colours")
    log_models("colours")
    assert aliases(project / "mlruns", "colours") == before
    assert set(before) == {"bag", "gru", "champion"}


@pytest.mark.slow
def test_the_folder_in_the_store_has_no_pickle_and_no_path_of_this_machine(project):
    folders = [path.parent for path in (project / "mlruns" / "artifacts").rglob("MLmodel")]
    assert len(folders) == 2
    for folder in folders:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.suffix for path in files} == {"", ".py", ".yaml", ".txt", ".json", ".md", ".safetensors"}
        assert str(project) not in "".join(
            path.read_text() for path in files if path.suffix != ".safetensors"
        )


@pytest.mark.slow
def test_mlflow_loads_it_from_code_without_pickle(project, monkeypatch):
    folder = next((project / "mlruns" / "artifacts").rglob("MLmodel")).parent
    script = (
        "import sys, json, mlflow; model = mlflow.pyfunc.load_model(sys.argv[1]);"
        "print(json.dumps(model.predict(['aa red end'])))"
    )
    environment = {**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout.strip().splitlines()[-1])
    (own,) = rnnsweep.load_model(folder).predict("aa red end")
    assert answer["label"] == own.label
    assert answer["probabilities"] == pytest.approx(dict(own.probabilities), abs=1e-9)


@pytest.mark.slow
def test_predict_answers_one_text_many_texts_and_programs(project, capsys):
    assert main(["predict", "aa red end"]) == 0
    said = capsys.readouterr()
    assert {line.split()[0] for line in said.out.splitlines()} == {"red", "green", "blue"}
    assert "tokens known" in said.err
    assert main(["predict", "--model", "colours@bag", "red", "blue", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"]["architecture"] == "bag"
    assert [one["label"] for one in found["predictions"]] == ["red", "blue"]
    assert main(["predict", "--file", "colours.csv", "--to", "answers.csv"]) == 0
    said = capsys.readouterr()
    assert "answers.csv: 300 answers" in said.out
    trained = "the model was trained on a file with this content (data.train): answers on rows that"
    assert f"colours.csv: {trained}" in " ".join(said.err.split())
    (project / "copy.csv").write_text((project / "colours.csv").read_text())
    assert main(["predict", "--file", "copy.csv", "--to", "more.csv"]) == 0
    assert f"copy.csv: {trained}" in " ".join(capsys.readouterr().err.split())
    (project / "new.csv").write_text((project / "colours.csv").read_text().replace("end", "stop"))
    assert main(["predict", "--file", "new.csv", "--to", "more.csv"]) == 0
    assert "data.train" not in capsys.readouterr().err
    assert (project / "answers.csv").read_text().count("\n") == 301


@pytest.mark.slow
def test_a_single_run_answers_by_its_id(project):
    trained = rnnsweep.train(["model=gru", *SMALL])
    (answer,) = rnnsweep.predict("aa red end", model=trained.run_id[:12])
    assert set(answer.probabilities) == {"red", "green", "blue"}


@pytest.mark.slow
def test_what_is_not_there_is_said_with_what_is(project):
    with pytest.raises(
        UserError, match=r"model colours@grv: colours has bag, champion, gru\. Did you mean 'gru'"
    ):
        rnnsweep.load_model("colours@grv")
    with pytest.raises(UserError) as refused:
        rnnsweep.load_model("colours@linear")
    assert str(refused.value) == (
        "model colours@linear: only the scores of the baseline are kept, no model; docs/serving.md has a"
        " program that fits one on the rows of this sweep. colours has bag, champion, gru"
    )
    with pytest.raises(
        UserError, match=r"--model colors: no sweep, no folder, and .* Did you mean 'colours'"
    ):
        rnnsweep.load_model("colors")
    with pytest.raises(UserError, match="no such folder"):
        rnnsweep.load_model("./nowhere")


@pytest.mark.slow
def test_the_program_of_the_page_fits_a_linear_model_on_the_rows_of_the_sweep(project, tmp_path, monkeypatch):
    page = (ROOT / "docs" / "serving.md").read_text()
    (program,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "make_pipeline" in code)
    assert main(["data", "colours", "--export", str(tmp_path / "rows")]) == 0
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(program, names)
    right = rnnsweep.runs("colours").query("architecture == 'linear'")["validation_accuracy"]
    assert names["best"].score(names["validation"]["text"], names["validation"]["label"]) >= min(right) - 0.05


@pytest.mark.slow
def test_while_a_newer_sweep_has_no_models_predict_names_the_sweeps_that_have(project, capsys):
    newer = project / "mlruns" / "sweeps" / "newer"
    newer.mkdir()
    try:
        shutil.copy(project / "mlruns" / "sweeps" / "colours" / "start.json", newer)
        os.utime(newer / "start.json")
        assert main(["predict", "red"]) == 2
    finally:
        shutil.rmtree(newer)
    line = capsys.readouterr().err
    assert "sweep 'newer' has no models yet; they are logged at the end of: rnnsweep sweep" in line
    assert line.rstrip().endswith("; these have models for --model: colours")


@pytest.mark.slow
def test_a_project_that_was_moved_still_answers(project, tmp_path, monkeypatch):
    moved = tmp_path / "moved"
    shutil.copytree(project, moved, symlinks=True)
    monkeypatch.setenv("RNNSWEEP_HOME", str(moved))
    elsewhere = project / "mlruns" / "artifacts"
    elsewhere.rename(project / "mlruns" / "hidden")
    try:
        assert rnnsweep.predict("aa red end")[0].label
    finally:
        (project / "mlruns" / "hidden").rename(elsewhere)


@pytest.mark.slow
def test_a_store_that_points_to_a_foreign_folder_is_refused_and_nothing_is_run(
    project, tmp_path, monkeypatch
):
    copy, mark = tmp_path / "copy", tmp_path / "was-run"
    shutil.copytree(project, copy, symlinks=True)
    monkeypatch.setenv("RNNSWEEP_HOME", str(copy))

    class Trap:
        def __reduce__(self):
            return (os.system, (f"touch {mark}",))

    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "MLmodel").write_text("flavors: {python_function: {loader_module: os, model_path: x.pkl}}")
    (evil / "python_model.pkl").write_bytes(pickle.dumps(Trap()))
    with closing(sqlite3.connect(copy / "mlruns" / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE model_versions SET storage_location = ?", (evil.as_uri(),))
    with pytest.raises(UserError, match=r"python_model\.pkl is no part of a model of rnnsweep"):
        rnnsweep.predict("red")
    (checkpoint,) = copy.glob("mlruns/sweeps/colours/trials/gru-*-r0/checkpoints/best.ckpt")
    checkpoint.write_bytes(pickle.dumps(Trap()))
    key = f"%{checkpoint.parent.parent.name}"
    with closing(sqlite3.connect(copy / "mlruns" / "mlflow.db")) as connection:
        query = "SELECT run_uuid FROM tags WHERE key = 'rnnsweep.key' AND value LIKE ?"
        ((run_id,),) = connection.execute(query, (key,)).fetchall()
    with pytest.raises(UserError, match=r"checkpoint .*best\.ckpt: cannot be read"):
        rnnsweep.load_model(run_id)
    with closing(sqlite3.connect(copy / "mlruns" / "mlflow.db")) as connection, connection:
        outside = "UPDATE tags SET value = '../evil/python_model.pkl' WHERE key = 'rnnsweep.checkpoint'"
        connection.execute(outside)
    with pytest.raises(UserError, match=r"its tag rnnsweep\.checkpoint='\.\./evil/.*' leads out of mlruns/"):
        rnnsweep.load_model(run_id)
    assert not mark.exists()


@pytest.mark.slow
def test_export_model_writes_a_checked_file_and_not_over_another(project, capsys):
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    assert main(["export-model", "champion.onnx"]) == 0
    assert "champion.onnx (0.0 MB), checked against the original" in capsys.readouterr().out
    assert main(["export-model", "champion.onnx"]) == 2
    assert "is there already; give another name, or --overwrite" in capsys.readouterr().err
    assert main(["export-model", "champion.onnx", "--overwrite", "--model", "colours@bag"]) == 0
    assert main(["export-model", "champion.pt"]) == 2
    assert "must end in .onnx" in capsys.readouterr().err


@pytest.mark.slow
def test_a_store_that_fails_costs_a_finished_sweep_nothing(project, monkeypatch, capsys):
    from rnnsweep.cli.commands.models import keep_models

    def broken(*args, **kwargs):
        raise OSError("No space left on device")

    result = rnnsweep.sweep("colours", models=False)
    assert result.models is None
    monkeypatch.setattr("rnnsweep.api.models.register_models", broken)
    monkeypatch.setattr("rnnsweep.api.models.has_models", lambda sweep: False)
    keep_models(result)
    said = capsys.readouterr().err
    assert said.startswith("storing the models in MLflow ...\n")
    assert "models were not logged: No space left on device" in said
    assert "to try again: rnnsweep sweep colours" in said


@pytest.mark.parametrize(
    ("name", "alias"),
    [("gru", "gru"), ("my net/2", "my-net-2"), ("v2", "v2-model"), ("champion", "champion-model")],
)
def test_an_alias_is_the_architectures_name_in_letters_that_mlflow_takes(name, alias):
    assert alias_of(name) == alias


def test_without_any_sweep_predict_says_what_to_do(home, capsys):
    assert main(["predict", "a text"]) == 2
    assert "no sweep was run here yet" in capsys.readouterr().err


def test_an_unknown_model_is_refused_and_makes_no_store(home, capsys):
    assert main(["predict", "a text", "--model", "nothing"]) == 2
    assert (
        "--model nothing: no sweep, no folder, and run 'nothing' is not in the store"
        in capsys.readouterr().err
    )
    assert not (home / "mlruns").exists()


def test_a_folder_is_enough_to_predict(home, tmp_path, capsys):
    folder = write_model(small_model(), tmp_path / "model")
    assert main(["predict", "the cat", "--model", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["predictions"][0]["known"] == 2
    assert main(["predict", "--model", str(folder), "the cat", "a dog"]) == 0
    assert capsys.readouterr().out.count("\n") == 2
    assert main(["predict", "--model", str(folder), "zebra"]) == 0
    assert "knows no word of this text" in capsys.readouterr().err
    answers = str(tmp_path / "answers.csv")
    for words in (["the cat", "zebra"], ["the cat", "zebra", "--to", answers]):
        assert main(["predict", "--model", str(folder), *words]) == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "knows no word of 1 of 2 texts (the first is text 2): those answers mean nothing" in said
        assert ("Their column known is 0 in" in said) == ("--to" in words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give texts, or --file"),
        (["a", "--file", "b"], "exclude each other"),
        (["a", "--column", "b"], "--column needs --file"),
    ],
)
def test_options_of_predict_that_do_not_go_together_are_refused(arguments, words, capsys):
    assert main(["predict", *arguments]) == 2
    assert words in capsys.readouterr().err


FILES = {
    "lines.txt": ("one\n\n two \n", None, ["one", "", " two "]),
    "breaks.txt": ("a\u2028b\nc\x0cd\r\ne", None, ["a\u2028b", "c\x0cd", "e"]),
    "rows.json": ('[{"text": "a"}, {"text": "b"}]', None, ["a", "b"]),
    "returns.txt": ("a\r\rb\r", None, ["a", "", "b"]),
    "next_lines.txt": ("a\x85b\nc\x1cd\x0b\n", None, ["a\x85b", "c\x1cd\x0b"]),
    "labelled.txt": ("__label__x __label__y a b\n__label__z c\n", None, ["a b", "c"]),
    "inner.jsonl": ('{"row": {"text": "a"}}\n', "row.text", ["a"]),
    "latin.csv": (b"text\ncaf\xe9\n", None, ["café"]),
    "latin.txt": (b"caf\xe9\n", None, ["café"]),
    "no_suffix": ("one\n", None, ["one"]),
    "rows.csv": ('id,Review\n1,"a, b"\n2,\n', None, ["a, b", ""]),
    "pair.csv": ("title,description\nA,b\n", None, ["A b"]),
    "named.tsv": ("x\ty\n1\t2\n", "y", ["2"]),
    "rows.jsonl": ('{"text": "a"}\n{"text": null}\n', None, ["a", ""]),
}


@pytest.mark.parametrize(("name", "content"), FILES.items(), ids=FILES.keys())
def test_texts_are_read_from_lines_and_tables(tmp_path, name, content):
    text, column, expected = content
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert read_asked(str(tmp_path / name), column=column) == expected


BAD_FILES = {
    "nowhere.txt": (None, None, "cannot be read (No such file or directory)"),
    "empty.txt": (b"\n \n", None, "has no text"),
    "none.csv": (b"id,n\n1,2\n", None, "no column of texts found among columns 'id', 'n'; give --column"),
    "wrong.csv": (b"id,body\n1,2\n", "bdy", "--column bdy: "),
    "long.csv": (b"id,text\n1,a,b\n", None, "line 2: 3 values, but the header names 2 columns (id, text)"),
    "lines": (b"a\n", "x", "is read line by line; only tables have columns"),
}


@pytest.mark.parametrize(("name", "content"), BAD_FILES.items(), ids=BAD_FILES.keys())
def test_a_file_that_cannot_be_asked_is_one_line(tmp_path, name, content):
    raw, column, words = content
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(UserError) as refusal:
        read_asked(str(tmp_path / name), column=column)
    assert words in str(refusal.value)


def test_every_column_of_a_table_stands_beside_its_answers(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('id,text,prediction\n1,the cat,x\n2,"a ""dog"", far",y\n')
    asked = read_asked(str(path))
    answers = small_model().predict(asked)
    with write_answers(asked, answers, tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["text"], row["prediction"]) for row in rows] == [
        ("1", "the cat", "x"),
        ("2", 'a "dog", far', "y"),
    ]
    assert [row["rnnsweep prediction"] for row in rows] == [answer.label for answer in answers]
    assert float(rows[0]["probability of animals"]) == answers[0].probabilities["animals"]
    read = [(int(row["tokens"]), int(row["known"])) for row in rows]
    assert read == [(answer.tokens, answer.known) for answer in answers]
    assert list(rows[0])[-2:] == ["tokens", "known"]
    line = json.loads(write_answers(asked, answers, tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert (line["id"], line["rnnsweep prediction"]) == ("1", answers[0].label)


def test_columns_without_a_name_and_of_the_same_name_stay_as_they_are(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(",id,text,id\n0,007,the cat,1e5\n1,008,a dog,\n")
    asked = read_asked(str(path))
    written = write_answers(asked, small_model().predict(asked), tmp_path / "a.csv")
    with written.open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:4] for row in rows] == [
        ["", "id", "text", "id"],
        ["0", "007", "the cat", "1e5"],
        ["1", "008", "a dog", ""],
    ]
    lines = write_answers(asked, small_model().predict(asked), tmp_path / "a.jsonl").read_text()
    line = json.loads(lines.splitlines()[0])
    assert [line[name] for name in ("(column 1)", "id", "id (column 4)")] == ["0", "007", "1e5"]


def test_values_of_parquet_keep_their_kinds(tmp_path):
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    day = datetime.date(2024, 2, 29)
    columns = {"text": ["the cat", "a dog"], "day": [day, None], "x": [1.5, float("nan")], "n": [7, None]}
    pq.write_table(pa.table({**columns, "tags": [["a", "b"], None]}), tmp_path / "rows.parquet")
    asked = read_asked(str(tmp_path / "rows.parquet"))
    answers = small_model().predict(asked)
    lines = write_answers(asked, answers, tmp_path / "a.jsonl").read_text().splitlines()
    first, second = (json.loads(line, parse_constant=pytest.fail) for line in lines)
    assert (first["day"], first["x"], first["n"], first["tags"]) == ("2024-02-29", 1.5, 7, ["a", "b"])
    assert [second[name] for name in ("day", "x", "n", "tags")] == [None] * 4
    with write_answers(asked, answers, tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [rows[0][name] for name in ("day", "x", "n", "tags")] == ["2024-02-29", "1.5", "7", '["a", "b"]']
    assert [rows[1][name] for name in ("day", "x", "n", "tags")] == [""] * 4


READING = {"text": ["body"], "delimiter": ";", "quote": "", "header": True}


def test_a_table_is_read_as_the_one_that_the_model_was_trained_on(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('text;body\nwrong;the "cat\nwrong;a dog"\n')
    model = replace(small_model(), facts={"reading": READING})
    assert read_asked(str(path), model=model) == ['the "cat', 'a dog"']
    assert read_asked(str(path), model=model, column="text") == ["wrong", "wrong"]
    path.write_text("1;the cat\n2;a dog\n")
    numbered = {**READING, "text": ["2"], "header": False}
    assert read_asked(str(path), model=replace(model, facts={"reading": numbered})) == ["the cat", "a dog"]


def test_a_table_with_a_part_of_the_columns_that_the_model_reads_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("body,day\nthe cat,1\na dog,2\n")
    model = replace(
        small_model(), facts={"reading": {**READING, "text": ["title", "body"], "delimiter": ","}}
    )
    with pytest.raises(UserError) as refused:
        read_asked(str(path), model=model)
    assert str(refused.value) == (
        f"{path}: has no column 'title'; the model reads 'title', 'body'. Add it, or name the one column to"
        " read: --column body"
    )
    assert read_asked(str(path), model=model, column="body") == ["the cat", "a dog"]
    path.write_text("title,body\nPets,the cat\n")
    assert read_asked(str(path), model=model) == ["Pets the cat"]
    path.write_text("text\nthe cat\n")
    assert read_asked(str(path), model=model) == ["the cat"], "which is found by its name"


@pytest.mark.parametrize(
    "reading", [None, 3, {"text": 3, "delimiter": ["x"], "quote": "long", "header": "x"}]
)
def test_what_a_foreign_model_says_of_its_table_is_left_out_where_it_does_not_fit(reading, tmp_path):
    (tmp_path / "rows.csv").write_text("text,body\na,b\n")
    model = replace(small_model(), facts={"reading": reading})
    assert read_asked(str(tmp_path / "rows.csv"), model=model) == ["a"]


def test_files_of_the_training_are_known_by_their_content_wherever_they_lie(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("one", "two", "test", "new")):
        colours(tmp_path / f"{name}.csv", rows=60 + number)
    (tmp_path / "folder").mkdir()
    shutil.copy("two.csv", "folder/renamed.csv")
    files = prepare(compose(["data.train=[one.csv,two.csv]", "data.test=test.csv"]).data)
    model = replace(small_model(), facts={"corpus": {"files": list(training_digests(files))}})
    content = "the model was trained on a file with this content (data.train): answers on rows that it was"
    assert say_trained_on("one.csv", model).startswith(f"one.csv: {content}")
    assert say_trained_on("folder/renamed.csv", model).startswith(f"folder/renamed.csv: {content}")
    assert say_trained_on("folder", model).startswith(f"folder: {content}")
    assert say_trained_on("[nt][ew]*.csv", model).startswith(f"[nt][ew]*.csv (two.csv): {content}")
    assert not any(say_trained_on(name, model) for name in ("test.csv", "new.csv", "-"))
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "train.csv").write_text("".join(f'"{n % 4 + 1}","a {n}","b"\n' for n in range(60)))
    (tmp_path / "news" / "test.csv").write_text("".join(f'"{n % 4 + 1}","c {n}","d"\n' for n in range(60)))
    news = training_digests(prepare(compose(["data=ag_news", "data.dir=news"]).data))
    model = replace(model, facts={"corpus": {"files": list(news)}})
    assert content in say_trained_on("news/train.csv", model)
    assert say_trained_on("news/test.csv", model) == ""


def test_a_file_of_the_training_that_has_other_rows_now_is_known_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one.csv", "two.csv"):
        colours(tmp_path / name, rows=60)
    model = replace(small_model(), facts={"overrides": ["model=gru", "data.train=[one.csv,'./two.csv']"]})
    for name in ("one.csv", "two.csv", str(tmp_path / "two.csv"), "*.csv"):
        said = say_trained_on(name, model)
        assert said.startswith(f"{name}: the model's training read a file of this path (data.train): answers")
    colours(tmp_path / "three.csv", rows=60)
    assert say_trained_on("three.csv", model) == ""


@pytest.mark.parametrize(
    "facts",
    [
        {"overrides": 3, "corpus": 3},
        {"overrides": [3, "data.train=["], "corpus": {"files": 3}},
        {"overrides": ["data.train={a:1}"], "corpus": {"files": [3, None]}},
        {"overrides": ["data.train=[3,/**/*,'a\0b','~nobody-here/a']"]},
    ],
)
def test_what_a_foreign_model_says_of_its_files_is_left_out_where_it_does_not_fit(facts, tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\na,b\n")
    assert say_trained_on(str(tmp_path / "rows.csv"), replace(small_model(), facts=facts)) == ""


def test_a_label_that_begins_like_a_formula_is_text_in_a_spreadsheet():
    assert [no_formula(label) for label in ("=1+1", "@x", "a=b")] == ["'=1+1", "'@x", "a=b"]


def test_answers_are_written_as_csv_or_json_lines(tmp_path):
    answers = small_model().predict(["the cat", 'a "dog",\nfar'])
    to = write_answers(["the cat", 'a "dog",\nfar'], answers, tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in to.read_text().splitlines()]
    assert [row["label"] for row in rows] == [answer.label for answer in answers]
    assert read_asked(str(write_answers(["the cat", 'a "dog",\nfar'], answers, tmp_path / "a.csv"))) == [
        "the cat",
        'a "dog",\nfar',
    ]
    with pytest.raises(UserError, match=r"must end in \.csv or \.jsonl"):
        write_answers([], [], tmp_path / "a.xlsx")
    with pytest.raises(UserError, match="cannot be written: No such file or directory"):
        write_answers([], [], tmp_path / "nowhere" / "a.csv")
