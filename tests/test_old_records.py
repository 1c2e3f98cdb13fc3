"""The records of an earlier version open, compare to the same figures and continue.

`recorded/` holds what commit 99c5e8a wrote: a finished sweep and one that Ctrl-C interrupted, of the rows of
`rows.csv`, without pictures, reports and weights; and what its ``compare --json`` printed.
"""

import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest

import rnnsweep
from rnnsweep.cli import main

RECORDED = Path(__file__).parent / "recorded" / "mlruns_of_99c5e8a.tar.xz"
WORDS = ("answer", "sentence", "report", "next", "health")  # they are said better since, and more remarks

AVERAGED = ("seconds", "samples_per_second")  # of the standings: medians of the replicates then, means since


@pytest.fixture
def project(tmp_path, monkeypatch):
    with tarfile.open(RECORDED) as file:
        file.extractall(tmp_path, filter="data")
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def differences(old, new, place=""):
    """The places of an old JSON value that a new one lacks or has otherwise; words of verdicts aside."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old:
            if key not in WORDS:
                yield from differences(old[key], new.get(key, "lost"), f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{place}.{number}")
    elif old != pytest.approx(new, abs=1e-12) if isinstance(old, float) else old != new:
        yield place, old, new


def test_an_old_sweep_compares_to_the_same_figures(project, capsys):
    assert main(["compare", "toys", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    old = json.loads((project / "compare_old.json").read_text())
    for one in (*old["standings"], *printed["standings"]):
        for key in AVERAGED:
            one.pop(key)
    assert list(differences(old, printed)) == []
    remarked, remarked_now = (
        Counter(one.get("architecture") for one in value["health"]) for value in (old, printed)
    )
    assert remarked <= remarked_now, "each remark of then is made"


def test_old_runs_and_states_are_read(project):
    table = rnnsweep.runs("toys")
    assert table["role"].value_counts().to_dict() == {"replicate": 6, "trial": 6, "baseline": 1, "sweep": 1}
    assert set(table["score"]) == {"accuracy"}
    old = json.loads((project / "status_old.json").read_text())
    status = rnnsweep.status("toys_interrupted")
    assert (status.state, status.trials) == (old["state"], old["trials"])


@pytest.mark.slow
def test_an_old_sweep_that_was_interrupted_continues_where_its_code_is_accepted(project, capsys):
    before = rnnsweep.runs("toys_interrupted")
    assert main(["sweep", "toys_interrupted", "--slots", "1", "--accept-changes"]) == 0
    capsys.readouterr()
    assert main(["status", "toys_interrupted", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["state"], status["trials"]["complete"]) == ("finished", 8)
    after = rnnsweep.runs("toys_interrupted").set_index("key")
    complete = before[before["state"] == "complete"]
    assert len(complete)
    for _, run in complete.iterrows():  # what was done is done
        assert after.loc[run["key"], "validation"] == run["validation"]
    assert (after["role"] == "replicate").sum() == 6
