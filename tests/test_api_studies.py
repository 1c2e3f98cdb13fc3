"""Whole searches repeated with other seeds: what is asked of them, and who counts as one."""

import json
from pathlib import Path

import pytest
import yaml
from test_separating import write_toy

import rnnsweep
from rnnsweep.api.find_sweep import find_question
from rnnsweep.api.replicates.further import another_study, run_studies
from rnnsweep.api.results import SweepResult
from rnnsweep.cli.live import summary_line
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.state.siblings import further_studies
from rnnsweep.sweepfile import read_sweep

SWEEP = """# Which?
name: which
architectures: [gru, lstm]
trials: 20
replicates: 10
seed: 7
space: {optimizer.lr: {type: float, low: 1e-4, high: 0.1}}
"""


def write(folder: Path, text: str = SWEEP):
    path = folder / "which.yaml"
    path.write_text(text)
    return read_sweep(path)


def test_another_study_asks_the_same_with_another_seed_and_without_replicates(tmp_path):
    asked = write(tmp_path)
    one = another_study(asked, 3)
    (tmp_path / "snapshot.yaml").write_text(one.text)
    again = read_sweep(tmp_path / "snapshot.yaml")
    for found in (one, again):
        assert (found.name, found.seed, found.replicates, found.baseline) == ("which.study-3", 2007, 0, False)
        assert (found.question, found.space, found.trials) == (asked.question, asked.space, asked.trials)


def test_a_file_in_one_line_has_further_studies_too(tmp_path):
    flow = "# Which?\n{architectures: [gru], trials: 1, seed: 1, space: {optimizer.lr: [0.1]}}\n"
    one = another_study(write(tmp_path, flow), 2)
    (tmp_path / "snapshot.yaml").write_text(one.text)
    assert read_sweep(tmp_path / "snapshot.yaml").seed == one.seed == 1001


def test_studies_stop_where_one_is_interrupted(tmp_path):
    heard, told = [], []

    class Result:
        state = "finished"

    def run(one, answer):
        assert answer is None  # the answer is given once, at the end
        heard.append(one.name)
        result = Result()
        result.state = "interrupted" if one.name.endswith("2") else "finished"
        return result

    assert run_studies(write(tmp_path), run, studies=4, tell=told.append).state == "interrupted"
    assert heard == ["which", "which.study-2"]
    assert told == ["study 2 of 4: sweep which.study-2, seed 1007"]


def start(mlruns: Path, name: str, *, state="finished", corpus="c", **asked) -> None:
    folder = mlruns / "sweeps" / name
    folder.mkdir(parents=True)
    values = {"architectures": ["gru"], "space": {"optimizer.lr": [0.1]}, "trials": 1, **asked}
    (folder / "sweep.yaml").write_text(f"# Which?\n{yaml.safe_dump(values)}")
    del values["trials"]
    begun = {
        "asked": values,
        "corpus": corpus,
        "configuration": "x",
        "model": "y",
        "code": "z",
        "identity": name,
    }
    (folder / "start.json").write_text(json.dumps(begun))
    events = [
        {"time": 1, "event": "open", "architectures": ["gru"], "trials": 1, "replicates": 0},
        {"time": 2, "event": "close", "state": state},
    ]
    (folder / "ledger.jsonl").write_text("".join(json.dumps({"at": 0, **e}) + "\n" for e in events))


def test_finished_sweeps_that_ask_the_same_with_other_seeds_count_one_for_each_seed(tmp_path):
    start(tmp_path, "which")
    start(tmp_path, "copy", seed=1)
    start(tmp_path, "copy-of-copy", seed=1)
    start(tmp_path, "same-seed", seed=0)
    start(tmp_path, "half", seed=2, state="interrupted")
    start(tmp_path, "other-space", seed=3, space={"optimizer.lr": [0.2]})
    start(tmp_path, "other-corpus", seed=4, corpus="d")
    start(tmp_path, "which.study-2", seed=1000)
    assert further_studies(tmp_path, "which") == ["copy-of-copy", "which.study-2"]
    assert further_studies(tmp_path, "never") == []


def test_a_started_sweep_is_found_by_its_name_wherever_its_file_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    start(tmp_path / "mlruns", "elsewhere", seed=5)
    found = find_question("elsewhere", find_paths())
    assert (found.name, found.seed) == ("elsewhere", 5)
    with pytest.raises(UserError, match="nowhere: no such sweep file"):
        find_question("nowhere", find_paths())


def test_the_last_study_is_followed_by_the_comparison_of_the_first(tmp_path):
    heard = []

    def run(one, answer):
        heard.append((one.name, answer))
        return SweepResult(answer or one.name, "finished", 1, 1.0, 1.0, {})

    assert run_studies(write(tmp_path), run, studies=3, tell=print).sweep == "which"
    assert heard == [("which", None), ("which.study-2", None), ("which.study-3", "which")]


class Heard:
    """What a sweep says that it does once nothing runs any more and all is sent."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def update(self, snapshot) -> None:
        if snapshot.unsent == 0:
            said = f"{snapshot.sweep}: {summary_line(snapshot).partition('; ')[2]}"
            self.said += [] if said in self.said else [said]

    def message(self, text: str) -> None: ...


@pytest.mark.slow
def test_three_whole_studies_give_the_curves_that_one_does_not(home):
    path = write_toy(home)
    text = path.read_text().replace("trials: 1", "trials: 2").replace("replicates: 2", "replicates: 0")
    path.write_text(text.replace("[0.02]", "[0.02, 0.05]"))
    one = rnnsweep.sweep(path, slots=1, models=False).comparison
    assert one.bought.next == "rnnsweep sweep toy --studies 5"
    heard = Heard()
    found = rnnsweep.sweep(path, slots=1, studies=3, models=False, listener=heard)
    assert [said for said in heard.said if "comparing" in said] == ["toy.study-3: comparing"]
    assert "toy.study-2: all runs are in MLflow" in heard.said
    bought = found.comparison.bought
    assert (found.sweep, bought.studies, bought.refusal) == ("toy", 3, "")
    assert {name: list(c.trials) for name, c in bought.curves.items()} == {"bag": [1, 2], "rnn": [1, 2]}
