"""What a sweep without a file says while it runs, where it takes long: how many trials take less time."""

from dataclasses import replace

import pytest

from rnnsweep.cli import main
from rnnsweep.cli.live import SayingShorter
from rnnsweep.cli.output import INTERRUPTED
from rnnsweep.state import ArchitectureProgress, Snapshot
from rnnsweep.state.watching.fewer import fewer_trials

GRU = ArchitectureProgress("gru", 40, complete=2, running=2, replicates_wanted=6, replicates_most=30)
HOUR = Snapshot(
    "toy",
    "Which?",
    standings=(GRU, replace(GRU, architecture="lstm")),
    running=(),
    slots=2,
    elapsed=60.0,
    eta=1720.0,  # 2 * (36 trials, 2 halves, 6 replicates): 20 s each
    eta_most=2680.0,
)


def test_the_largest_number_of_trials_is_named_with_which_the_sweep_takes_ten_minutes():
    short = replace(GRU, replicates_most=0)
    assert fewer_trials(replace(HOUR, standings=(short, short), eta=860.0, eta_most=860.0)) == (
        27,
        pytest.approx(600.0),
        pytest.approx(600.0),
    )


def test_where_none_is_that_short_the_fewest_that_leave_an_answer_are_named():
    trials, seconds, most = fewer_trials(HOUR)
    assert trials == 6
    assert (seconds, most) == (pytest.approx(1720 * 18 / 86), pytest.approx(2680 * 66 / 134))


@pytest.mark.parametrize(
    "change",
    [
        {"eta": None, "eta_most": None},
        {"eta": 500.0, "eta_most": 599.0},
        {"standings": (GRU, replace(GRU, complete=1))},
        {"standings": (replace(GRU, budget=8), replace(GRU, budget=8))},
        {"standings": (replace(GRU, budget=6),)},
    ],
    ids=["no estimate", "little left", "too early", "fewer would spare little", "there are no more"],
)
def test_nothing_is_named_where_it_would_not_help(change):
    assert fewer_trials(replace(HOUR, **change)) is None


class Heard:
    def __init__(self):
        self.lines, self.snapshots = [], []

    def update(self, snapshot):
        self.snapshots.append(snapshot)

    def message(self, text):
        self.lines.append(text)


def test_it_is_said_once_as_a_command_to_paste():
    heard = Heard()
    listener = SayingShorter(heard, "rnnsweep sweep asked-1")
    for _ in range(3):
        listener.update(HOUR)
    listener.message("a trial failed")
    assert heard.lines == [
        "about 28:40 to 44:40 min left. To shorten it: Ctrl-C, then"
        " rnnsweep sweep asked-1 --trials 6  # about 6:00 to 22:00 min",
        "a trial failed",
    ]
    assert heard.snapshots == [HOUR] * 3


def test_it_is_not_said_of_a_sweep_that_is_stopping():
    heard = Heard()
    SayingShorter(heard, "rnnsweep sweep asked-1").update(replace(HOUR, stopping=True))
    assert heard.lines == []


def test_a_sweep_without_a_file_says_it_and_one_that_could_be_planned_does_not(home, monkeypatch, capsys):
    def begins_and_is_interrupted(question, *, listener, **how):
        listener.update(HOUR)
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnsweep.api.sweep", begins_and_is_interrupted)
    rows = "".join(f"text {n} of {n * n},{'good' if n % 2 else 'bad'}\n" for n in range(200))
    (home / "rows.csv").write_text(f"text,label\n{rows}")
    line = ["data=files", f"data.train={home / 'rows.csv'}", "model=lstm,gru", "optimizer.lr=0.001,0.01"]
    assert main(["sweep", *line, "--trials", "40", "--name", "mine"]) == INTERRUPTED
    said = "To shorten it: Ctrl-C, then rnnsweep sweep mine --trials 6  # about 6:00 to 22:00 min"
    assert said in capsys.readouterr().err
    assert main(["sweep", "mine"]) == INTERRUPTED
    assert "To shorten it" not in capsys.readouterr().err
