"""What is said of each key: on the command line, in the shell's completion, on the reference pages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from rnnsweep.cli import main
from rnnsweep.cli.entry import commands
from rnnsweep.config import RunSchema, compose, explain_key, explain_run_keys, known_keys
from rnnsweep.config.schema import GROUPS, about_keys
from rnnsweep.errors import UserError
from rnnsweep.settings import ONE_OR_MORE, check_settings, setting
from rnnsweep.sweepfile.explanations import explain_sweep_keys
from rnnsweep.sweepfile.model import SweepFile

ROOT = Path(__file__).parents[1]


def explained(capsys, key: str) -> dict:
    assert main(["config", "--explain", key, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def completed(line: str) -> list[str]:
    *words, begun = line.split(" ")
    return [
        item.value for item in ShellComplete(commands, {}, "rnnsweep", "_X").get_completions(words, begun)
    ]


def test_every_key_of_a_run_has_type_default_meaning_and_an_example_that_a_run_takes():
    every = explain_run_keys()
    assert set(every) == {*GROUPS, *known_keys()}
    assert set(about_keys()) == set(known_keys())
    for key, one in every.items():
        assert one.type
        assert len(one.meaning) > 5, key
        assert one.example != "", key


def test_every_example_is_a_value_that_a_run_takes(home):
    # a file of one's own, and what excludes others
    one_by_one = {"model.cell", "task.answer", "data.corpus", "data.folds", "data.fold"}
    examples = {key: f"{key}={one.example}" for key, one in explain_run_keys().items() if "." in key}
    further = {"seed=1", "objective=log_loss", "model.bidirectional=true", "model.pooling=last"}
    for corpus in ("docstrings", "ag_news", "files"):
        fits = {
            text
            for key, text in examples.items()
            if key not in one_by_one and corpus in (about_keys()[key].corpora or (corpus,))
        }
        compose([f"data={corpus}", *sorted(fits), *sorted(further)])
    compose([examples["task.answer"]])
    compose([examples["data.corpus"]])
    compose(["data=docstrings", examples["data.folds"], examples["data.fold"]])


def test_the_default_of_a_key_is_what_a_run_has_without_files_and_overrides():
    every = explain_run_keys()
    assert every["optimizer.lr"].default == RunSchema().optimizer.lr
    assert every["model.hidden_size"].default == 64
    assert every["seed"].default == 0


def test_null_is_explained_where_it_is_allowed_and_nowhere_else():
    for key, one in explain_run_keys().items():
        if key not in GROUPS:
            assert bool(one.null) == one.type.endswith("or null"), key


def test_every_key_of_a_sweep_file_has_type_meaning_and_example():
    every = explain_sweep_keys()
    assert set(SweepFile.model_fields) <= set(every)
    assert len(every) > 60
    for key, one in every.items():
        assert one.type, key
        assert len(one.meaning) > 5, key
        assert one.example not in ("", None), key
        assert one.default is not None or key in OPTIONAL, key


OPTIONAL = {  # keys that a file may leave out without anything in their place
    *("trials", "seconds", "epochs", "overrides", "warm_start", "stop_after", "target", "time_limit", "like"),
    *("constraints.parameters", "constraints.seconds", "constraints.memory", "space.KEY.step"),
}


def test_a_key_is_explained_as_one_json_object(home, capsys):
    one = explained(capsys, "optimizer.schedule")
    assert {"type", "choices", "default", "meaning", "example"} <= set(one)
    assert one["choices"] == ["cosine", "none", "one_cycle", "plateau"]
    assert one["default"] == "cosine"
    assert explained(capsys, "data.train")["null"] == "names no file"
    assert explained(capsys, "model")["choices"][0] == "bag"
    assert explained(capsys, "trials")["of"] == "sweep"


@pytest.mark.parametrize("key", ["objective", "trainer.monitor"])
def test_a_key_that_names_a_score_is_explained_with_the_scores_of_each_task(key):
    for one in explain_key(key):
        assert "with task=classification: accuracy, " in one.meaning
        assert "macro_f1" in one.meaning
        assert "; with task=regression: " in one.meaning


def test_a_key_of_runs_and_of_sweep_files_is_explained_twice(home, capsys):
    one = explained(capsys, "seed")
    assert [one["of"], *(other["of"] for other in one["also"])] == ["run", "sweep"]


def test_a_searched_key_and_an_option_of_a_sampler_are_explained_as_the_file_has_them():
    assert explain_key("space.optimizer.lr")[0].key == "optimizer.lr"
    assert explain_key("space.optimizer.lr.low")[0].meaning == "smallest value, included"
    assert [one.key for one in explain_key("sampler.constant_liar")] == ["sampler.tpe.constant_liar"]
    assert {one.default for one in explain_key("pruner.startup")} == {4}


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("optimizer.lrr", "optimizer.lr"),
        ("learning_rate", "optimizer.lr"),
        ("optimizer.learning_rate", "optimizer.lr"),
        ("trails", "trials"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(key, nearest):
    with pytest.raises(UserError, match=f"{key}: no such key .*Did you mean '{nearest}'"):
        explain_key(key)


def test_a_key_of_another_tool_is_answered_with_what_does_it_here():
    with pytest.raises(
        UserError, match=r"trainer\.fast_dev_run: no such key .* Here trainer.max_epochs=1 makes"
    ):
        explain_key("trainer.fast_dev_run")


def test_an_explanation_fits_eighty_columns(home, capsys):
    from rnnsweep.cli.commands.settings import _print_explanation

    for one in (*explain_run_keys().values(), *explain_sweep_keys().values()):
        _print_explanation(one)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_the_shell_completes_keys_and_their_values(home):
    assert completed("train model.pool") == ["model.pooling="]
    assert completed("train model.pooling=m") == [f"model.pooling={w}" for w in ("max", "mean", "mean_max")]
    assert completed("train model.bidirectional=") == [
        "model.bidirectional=false",
        "model.bidirectional=true",
    ]
    assert "optimizer.gradient_clip=null" in completed("train optimizer.gradient_clip=")
    assert completed("train model=stacked_big") == ["model=stacked_bigru"]
    assert completed("config --explain replicates.f") == ["replicates.first"]


def test_the_reference_pages_have_a_row_for_every_key(tmp_path):
    subprocess.run([sys.executable, ROOT / "docs" / "reference_pages.py", tmp_path], check=True)
    for page, keys in (("run_settings.md", explain_run_keys()), ("sweep_keys.md", explain_sweep_keys())):
        text = (tmp_path / page).read_text()
        rows = [line for line in text.splitlines() if line.startswith("| `")]
        assert {row.split("`")[1] for row in rows} == set(keys)
        assert all(row.replace("\\|", "").count("|") == 6 for row in rows)
    for page in tmp_path.iterdir():
        kept = ROOT / "docs" / "reference" / page.name
        assert kept.read_text() == page.read_text(), "renew it: .venv/bin/python docs/reference_pages.py"


def test_a_declared_range_is_what_a_value_is_checked_by():
    from dataclasses import dataclass

    @dataclass
    class Own:
        size: int = setting(3, "a size", example=1, within=ONE_OR_MORE)
        some: int | None = setting(None, "some", example=1, within=ONE_OR_MORE, null="takes none")
        names: list[str] = setting([], "names", example="[a]")

    check_settings("own", Own())
    assert Own().names is not Own().names
    with pytest.raises(UserError, match="own.size=0: must be 1 or more$"):
        check_settings("own", Own(size=0))
    with pytest.raises(UserError, match="own.some=0: must be 1 or more, or null"):
        check_settings("own", Own(some=0))
