"""Sweeps without a file: Hydra's sweep grammar on the command line."""

import shutil

import pytest

import rnnsweep
from rnnsweep.api.project.sweep_of_keys import write_asked
from rnnsweep.cli import main
from rnnsweep.config.grammar import read_asked_space
from rnnsweep.errors import UserError
from rnnsweep.sweepfile import Choices, FloatRange, read_sweep

LINE = [
    "data=docstrings",
    "model=lstm,gru",
    "optimizer.lr=tag(log,interval(1e-3,1e-2))",
    "model.dropout=0.1,0.3",
]


def test_a_command_line_is_kept_as_the_sweep_file_that_it_amounts_to(home):
    shutil.rmtree(home / "sweeps")
    path = write_asked(LINE, trials=7)
    asked = read_sweep(path)
    assert path.parent == home / "sweeps"
    assert asked.architectures == ("lstm", "gru")
    assert asked.overrides == ("data=docstrings",)
    assert asked.trials == 7
    assert asked.space == (
        FloatRange("optimizer.lr", 0.001, 0.01, log=True),
        Choices("model.dropout", (0.1, 0.3)),
    )
    assert asked.question == " ".join(LINE)


def test_a_call_with_a_list_asks_what_the_command_line_does(home):
    shutil.rmtree(home / "sweeps")
    path = write_asked(LINE, trials=7)
    with pytest.raises(UserError, match="gpu:0"):  # a GPU that is not there is refused once the file is read
        rnnsweep.sweep(LINE, trials=7, slots="gpu:0")
    assert list((home / "sweeps").iterdir()) == [path]


def test_a_sweep_that_is_refused_leaves_no_new_file(home, capsys):
    shutil.rmtree(home / "sweeps")
    (home / "rows.csv").write_text("text,label\n" + "good,a\nbad,b\n" * 40)
    wrong = ["data=files", f"data.train={home / 'rows.csv'}", "data.text=words", "model=lstm,gru"]
    with pytest.raises(UserError, match="words"):
        rnnsweep.sweep(wrong)
    for line in (["sweep", *wrong], ["train", "-m", *wrong]):
        assert main(line) == 2
        assert "words" in capsys.readouterr().err
    assert list((home / "sweeps").iterdir()) == []


def test_values_of_one_architecture_are_said_to_be_searched_and_not_compared(home, capsys):
    assert main(["sweep", "model=gru", "model.hidden_size=32,64", "--slots", "gpu:0"]) == 2
    said = "! Values of model.hidden_size are searched, not compared; how to compare them: "
    assert said + "rnnsweep config --explain architectures" in capsys.readouterr().err
    assert main(["sweep", "model=gru,lstm", "model.hidden_size=32,64", "--slots", "gpu:0"]) == 2
    assert "not compared" not in capsys.readouterr().err
    assert main(["config", "--explain", "architectures"]) == 0
    assert "model.hidden_size=64" in capsys.readouterr().out


def test_the_same_line_names_the_same_sweep_whatever_its_budget(home):
    shutil.rmtree(home / "sweeps")
    assert write_asked(LINE, trials=7) == write_asked(LINE, trials=9)
    assert write_asked(LINE) != write_asked([*LINE, "seed=1"])


def test_a_sweep_without_a_file_draws_the_test_part_that_the_file_of_init_draws(home):
    rows = [f"word{n % 7} text number {n},{'good' if n % 2 else 'bad'}" for n in range(400)]
    (home / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    line = ["data.train=rows.csv", "model=lstm,gru"]
    path = write_asked(line)
    of_file = rnnsweep.init("new", table="rows.csv").folder / "sweeps" / "rows.yaml"
    assert {read_sweep(one).chosen("gru").count("data.test_share=0.3") for one in (path, of_file)} == {1}
    assert "# data.test_share=0.3 is added: more test rows than the usual 10 %" in path.read_text()
    assert write_asked(line) == path  # the same command resumes it
    chosen = write_asked([*line, "data.test_share=0.2"])
    assert read_sweep(chosen).overrides == ("data.train=rows.csv", "data.test_share=0.2")
    given = write_asked([*line, "data.test=rows.csv"])
    assert read_sweep(given).overrides == ("data.train=rows.csv", "data.test=rows.csv")
    grid = write_asked(["data.train=rows.csv", "model=lstm,gru"], grid=True)
    assert read_sweep(grid).overrides == ("data.train=rows.csv",)  # it tests nothing


def test_a_file_that_an_earlier_version_wrote_without_a_test_share_resumes_its_sweep(home):
    rows = [f"word{n % 7} text number {n},{'good' if n % 2 else 'bad'}" for n in range(400)]
    (home / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    line = ["data.train=rows.csv", "model=lstm,gru"]
    path = write_asked(line)
    path.write_text(path.read_text().replace(", data.test_share=0.3", ""))
    assert write_asked(line) == path
    assert read_sweep(path).overrides == ("data.train=rows.csv",)


def test_a_grid_has_every_combination_once_and_no_replicates(home):
    shutil.rmtree(home / "sweeps")
    line = ["model=lstm,gru", "model.num_layers=1,2", "model.hidden_size=range(16,64,16)"]
    asked = read_sweep(write_asked(line, grid=True))
    assert (asked.trials, asked.sampler.name, asked.replicates, asked.baseline) == (6, "grid", 0, False)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("model.hidden_size=interval(16,64)", {"type": "int", "low": 16, "high": 64}),
        ("optimizer.lr=interval(0.001,1)", {"type": "float", "low": 0.001, "high": 1.0}),
        ("model.num_layers=choice(1,2)", [1, 2]),
        ("model.hidden_size=range(16,64,16)", [16, 32, 48]),
        ("model.dropout=range(0.0,0.3,0.1)", [0.0, 0.1, 0.2]),
        ("model.pooling=mean,max", ["mean", "max"]),
        ("data.text=[title],[title,body]", [["title"], ["title", "body"]]),
    ],
)
def test_each_form_of_the_grammar_is_an_entry_of_the_space(text, entry):
    (found,) = read_asked_space([text]).space.values()
    assert found == entry


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data=docstrings,ag_news", "a sweep has one file of conf/data"),
        ("optimizer.lrr=1,2", "no such key.* Did you mean 'optimizer.lr'"),
        ("model.hidden_size=interval(1.5,4)", "takes whole numbers"),
        ("optimizer.lr=interval(2,1)", "low below high"),
        ("optimizer.lr=tag(ln,interval(1,2))", "tag 'ln' is not known; log is"),
        ("model.pooling=glob(*)", "glob.* is not read here"),
        ("model=interval(1,2)", "list the architectures"),
        ("model.hidden_size=range(1,100000)", "has 99999 values"),
        ("hydra.run.dir=x", "mlruns/"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_would_be_right(text, message):
    with pytest.raises(UserError, match=message):
        read_asked_space([text])


def test_a_range_has_no_grid(home):
    with pytest.raises(UserError, match="optimizer.lr: a grid takes values"):
        write_asked(["optimizer.lr=interval(1e-3,1e-2)"], grid=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sweep quickstart model=gru,lstm", "'model=gru,lstm': a file and overrides exclude each other"),
        ("sweep", "Name a file of sweeps/, or ask without one"),
        ("train model=gru,lstm", "add -m"),
        ("train --cfg job", "rnnsweep config"),
        ("train --info", "rnnsweep config"),
        ("train hydra.run.dir=out", "mlruns/"),
        ("train hydra.sweeper.n_trials=3", "--trials"),
        ("train hydra.launcher.n_jobs=3", "--slots"),
    ],
)
def test_hydras_habits_are_answered_with_what_does_it_here(home, capsys, line, message):
    assert main(line.split()) == 2
    assert message in capsys.readouterr().err


SPELLINGS = {
    "{min: 0.001, max: 0.1}": "{type: float, low: 0.001, high: 0.1}",
    "{distribution: log_uniform, min: 0.001, max: 0.1}": "{type: float, low: 0.001, high: 0.1, log: true}",
    "{values: [0.1, 0.2]}": "[0.1, 0.2]",
    "{value: 0.1}": "[0.1]",
    "{type: loguniform, low: 0.001, high: 0.1}": "{type: float, low: 0.001, high: 0.1, log: true}",
    "loguniform(0.001, 0.1)": "{type: float, low: 0.001, high: 0.1, log: true}",
    "tune.loguniform(1e-3, 1e-1)": "{type: float, low: 0.001, high: 0.1, log: true}",
    "tune.randint(16, 64)": "{type: int, low: 16, high: 64}",
    "tune.choice([0.1, 0.2])": "[0.1, 0.2]",
    'trial.suggest_float("lr", 1e-3, 1e-1, log=True)': "{type: float, low: 0.001, high: 0.1, log: true}",
    'suggest_float("lr", low=1e-3, high=1e-1)': "{type: float, low: 0.001, high: 0.1}",
    "suggest_float(1e-3, 1e-1)": "{type: float, low: 0.001, high: 0.1}",
    "suggest_float(optimizer.lr, 1e-3, 1e-1)": "{type: float, low: 0.001, high: 0.1}",
    "suggest_categorical(['mean', 'max'])": "[mean, max]",
    'trial.suggest_int("units", 16, 64)': "{type: int, low: 16, high: 64}",
    'trial.suggest_categorical("pool", ["mean", "max"])': "[mean, max]",
    "tag(log, interval(1e-3, 1e-1))": "{type: float, low: 0.001, high: 0.1, log: true}",
    "choice(mean, max)": "[mean, max]",
}


@pytest.mark.parametrize("written", SPELLINGS)
def test_spellings_of_other_tools_are_answered_with_the_line_to_write(tmp_path, written):
    path = tmp_path / "x.yaml"
    path.write_text(f"# q\narchitectures: [gru]\ntrials: 3\nspace:\n  optimizer.lr: {written}\n")
    with pytest.raises(UserError) as refused:
        read_sweep(path)
    assert f"write {SPELLINGS[written]}" in str(refused.value)


@pytest.mark.parametrize(
    "written", ["f()", "f()()", "a(((", "(" * 199, "choice(" + "-" * 190 + "1)", "x" * 5000]
)
def test_texts_that_are_no_range_are_refused_in_one_line(tmp_path, written):
    path = tmp_path / "x.yaml"
    path.write_text(f"# q\narchitectures: [gru]\ntrials: 3\nspace:\n  optimizer.lr: {written}\n")
    with pytest.raises(UserError, match=r"^[^\n]*space\.optimizer\.lr[^\n]*$"):
        read_sweep(path)
