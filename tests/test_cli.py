"""The command line: statuses, streams, one line for each mistake, and nothing heavy before it is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.cli.command import _HOMES
from rnnsweep.cli.output import one_json_object
from rnnsweep.cli.words import count, score
from rnnsweep.drawing.times import duration, durations
from rnnsweep.json_text import plain

LIGHT = ("api", "config", "engine", "search", "state", "sweepfile", "tracking")
HEAVY = (
    "torch",
    "pytorch_lightning",
    "mlflow",
    "optuna",
    "pandas",
    "sklearn",
    "matplotlib",
    "hydra",
    "numpy",
)
COMMANDS = sorted(_HOMES)


def ended(*arguments: str) -> int:
    return main(list(arguments))


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_no_help_imports_anything_heavy():
    code = (
        "import sys; from rnnsweep.cli import main\n"
        f"ends = [main(['--help'])] + [main([name, '--help']) for name in {COMMANDS!r}]\n"
        f"print(set(ends), [name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert python(code).splitlines()[-1] == "{0} []"


def test_the_light_packages_import_nothing_heavy():
    heavy = [name for name in HEAVY if name != "hydra"]
    modules = ", ".join(("rnnsweep", *(f"rnnsweep.{package}" for package in LIGHT)))
    code = f"import sys, {modules}\nprint([name for name in {heavy!r} if name in sys.modules])"
    assert python(code).strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples_in_its_help(name, capsys):
    assert ended(name, "--help") == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert shown.count(f"rnnsweep {name}") >= 2
    assert max(map(len, shown.splitlines())) <= 80


def test_the_list_of_commands_fits_eighty_columns_without_being_cut(capsys):
    ended("--help")
    shown = capsys.readouterr().out
    listed = shown.partition("Commands:")[2]
    assert len(listed.split("\n  ")) > len(COMMANDS)
    assert "..." not in listed
    assert max(map(len, shown.splitlines())) <= 80


def test_without_a_command_the_help_is_shown(capsys):
    assert ended() == 0
    assert "Commands:" in capsys.readouterr().out


def test_version_names_what_the_project_stands_on(home, capsys):
    assert ended("version", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rnnsweep"] == rnnsweep.__version__
    assert {"torch", "mlflow", "optuna", "conf", "mlruns"} <= set(found)
    assert ended("--version") == 0
    assert capsys.readouterr().out.strip() == f"rnnsweep {rnnsweep.__version__}"


def test_config_prints_every_value_with_where_it_came_from(home, capsys):
    assert ended("config", "model=bilstm", "optimizer.lr=0.01") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "model.bidirectional: true" in " ".join(lines)
    origins = {line.partition(":")[0]: line.partition("# ")[2] for line in lines}
    assert origins["optimizer.lr"] == "command line"
    assert origins["model.bidirectional"] == "conf/model/bilstm.yaml, line 3"
    assert origins["model.dropout"] == "default"


def test_config_is_one_json_object_for_programs(home, capsys):
    assert ended("config", "model=gru", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == {"value": "gru", "origin": "command line"}


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


ROWS = "text,label\n" + "".join(
    f"the {word} number {i},{word}\n" for i in range(20) for word in ("red", "blue")
)

MISTAKES = {
    "unknown model": (["train", "model=lsmt"], ["model='lsmt'", "Did you mean 'lstm'?"]),
    "misspelt key": (
        ["train", "model.hiden_size=3"],
        ["model.hiden_size=3", "Did you mean 'model.hidden_size'?"],
    ),
    "plus misspelt key": (["train", "+model.hiden_size=3"], ["Did you mean 'model.hidden_size'?"]),
    "letters for a number": (["train", "model.hidden_size=abc"], ["must be a whole number"]),
    "negative size": (["train", "model.hidden_size=-3"], ["model.hidden_size=-3", "must be 1 or more"]),
    "NaN": (["train", "optimizer.lr=nan"], ["optimizer.lr=nan", "must be a finite number"]),
    "missing folder": (["train", "data=ag_news", "data.dir=nowhere"], ["nowhere"]),
    "missing file": (["train", "data=files", "data.train=nowhere.csv"], ["nowhere.csv"]),
    "no file named": (["train", "data=files"], ["data.train"]),
    "empty file": (["train", "data=files", "data.train=empty.csv"], ["empty.csv"]),
    "one class": (["train", "data=files", "data.train=one.csv"], ["one.csv"]),
    "wrong encoding": (["train", "data=files", "data.train=latin.csv", "data.encoding=utf-8"], ["latin.csv"]),
    "missing columns": (["train", "data=files", "data.train=columns.csv"], ["columns.csv"]),
    "missing column": (["train", "data=files", "data.train=good.csv", "data.text=body"], ["body"]),
    "missing sweep file": (["sweep", "sweeps/nowhere.yaml"], ["sweeps/nowhere.yaml", "no such sweep file"]),
    "no such status": (["status", "nowhere"], ["'nowhere'", "no such sweep"]),
    "no such compare": (["compare", "nowhere"], ["'nowhere'", "no such sweep"]),
    "no such best": (["best", "nowhere"], ["'nowhere'", "no such sweep"]),
    "status before the start": (
        ["status", "quickstart"],
        ["was not started yet; to start it: rnnsweep sweep quickstart"],
    ),
    "compare before the start": (
        ["compare", "quickstart"],
        ["was not started yet; to start it: rnnsweep sweep quickstart"],
    ),
    "no such run": (["evaluate", "nowhere"], ["'nowhere'"]),
    "unknown command": (["trian"], ["'trian'", "Did you mean 'train'?"]),
    "unknown option": (["train", "--jsn"], ["--jsn", "--json", "rnnsweep train --help"]),
    "missing argument": (["evaluate"], ["RUN"]),
    "two arguments for one": (["status", "a", "b"], ["b"]),
    "a letter for an option's number": (["sweep", "quickstart", "--trials", "x"], ["--trials"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_with_two_in_at_most_two_lines_and_records_nothing(mistake, home, capsys):
    write(home / "empty.csv", "")
    write(home / "one.csv", "text,label\n" + "a red number,red\n" * 30)
    write(home / "latin.csv", ROWS.replace("red", "caf\xe9").encode("latin-1"))
    write(home / "columns.csv", ROWS.replace("text,label", "foo,bar"))
    write(home / "good.csv", ROWS)
    arguments, words = MISTAKES[mistake]
    assert ended(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) <= 2, err
    assert "Traceback" not in err
    assert [word for word in words if word not in err] == []
    assert not (home / "mlruns").exists()


@pytest.mark.parametrize("command", ["train", "compare", "evaluate", "status"])
def test_with_json_a_mistake_prints_nothing_on_standard_output(command, home, capfd):
    assert ended(command, "nowhere", "--json") == 2
    out, err = capfd.readouterr()
    assert (out, len(err.splitlines()) in (1, 2)) == ("", True)


def test_our_own_mistake_ends_with_one_and_says_where_the_traceback_is(home, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setattr("rnnsweep.config.origins", lambda overrides: {}["gone"])
    # the letter is of a file name that is not UTF-8
    assert ended("config", "data.dir=caf\udce9") == 1
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "internal error: KeyError: 'gone'"
    log = Path(err[1].removeprefix("The traceback is in ").partition(";")[0])
    assert log.is_relative_to(home)
    assert "Traceback" in log.read_text()
    assert "data.dir=caf\\udce9" in log.read_text()


def test_our_own_mistake_shows_its_traceback_when_asked(home, capsys, monkeypatch):
    monkeypatch.setattr("rnnsweep.config.origins", lambda overrides: {}["gone"])
    assert ended("config", "--traceback") == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_one_word(home, capsys, monkeypatch):
    def interrupted(overrides):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnsweep.config.origins", interrupted)
    assert ended("config") == 130
    assert capsys.readouterr().err.split() == ["interrupted"]


def test_a_reader_that_has_seen_enough_is_no_error(home):
    line = f"{sys.executable} -c 'from rnnsweep.cli import main; import sys; sys.exit(main())' config"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} | head -1"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


def test_a_standard_output_that_is_closed_is_no_error(home):
    line = f"{sys.executable} -c 'from rnnsweep.cli import main; import sys; sys.exit(main())' config >&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_while_json_is_wanted_everything_else_goes_to_standard_error(capfd):
    with one_json_object(True) as emit:
        print("a library that prints")
        os.write(1, b"a library in C\n")
        subprocess.run(["echo", "a child process"], check=True)
        emit({"score": float("nan"), "path": Path("x")})
    out, err = capfd.readouterr()
    assert json.loads(out) == {"score": None, "path": "x"}
    assert out.count("\n") == 1
    assert {"a library that prints", "a library in C", "a child process"} == set(err.splitlines())


def test_numbers_of_other_libraries_become_plain_and_nan_becomes_null():
    numpy = pytest.importorskip("numpy")
    found = plain({"a": numpy.float32(0.5), "b": numpy.int64(3), "c": [float("inf")], 4: (True, None)})
    assert found == {"a": 0.5, "b": 3, "c": [None], "4": [True, None]}


def test_times_scores_and_counts_read_well():
    assert [duration(s) for s in (4.4, 187, 7500)] == ["4 s", "3:07 min", "2:05 h"]
    ranges = [durations(*ends) for ends in ((4.4, 42), (300, 441), (42, 187), (3500, 7500), (187, 187.2))]
    assert ranges == ["4 to 42 s", "5:00 to 7:21 min", "42 s to 3:07 min", "58:20 min to 2:05 h", "3:07 min"]
    assert [score(s) for s in (0.5, None, float("nan"))] == ["0.5000", "-", "-"]
    assert [count(n, "trial") for n in (1, 0, 12345)] == ["1 trial", "0 trials", "12,345 trials"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_of_a_shell(shell, capsys):
    assert ended("completion", shell) == 0
    assert "_RNNSWEEP_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rnnsweep", "tra"], {"train"}),
        (["rnnsweep", "train", "model=big"], {"model=bigru"}),
        (["rnnsweep", "train", "model", "="], {"gru", "lstm", "bag"}),
        (["rnnsweep", "train", "model", "=", "big"], {"bigru"}),
        (["rnnsweep", "train", "model.hid"], {"model.hidden_size="}),
        (["rnnsweep", "sweep", "qu"], {"quickstart"}),
        (["rnnsweep", "status", "ni"], {"night"}),
    ],
)
def test_completion_knows_commands_keys_and_files(words, expected, home):
    for name in ("night", "nil"):
        (home / "mlruns" / "sweeps" / name).mkdir(parents=True)
    (home / "mlruns" / "sweeps" / "night" / "start.json").write_text("{}")  # the other was never started
    environment = {
        **os.environ,
        "_RNNSWEEP_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from rnnsweep.cli import main; main([])"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {line.partition(",")[2] for line in done.stdout.splitlines()}
    assert expected <= found
    assert "nil" not in found
