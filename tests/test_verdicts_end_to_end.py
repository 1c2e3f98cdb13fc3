"""A real small sweep to its verdicts: what its answer holds, and the one command that it names."""

import csv
import json
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.comparison.predictions import ValidationPart
from rnnsweep.comparison.rows_of_test_part import read_test_rows
from rnnsweep.state.folder import SweepFolder

pytestmark = pytest.mark.slow

SWEEP = """# Does a toy need recurrence?
name: toy
architectures: [bag, rnn]
trials: 2
replicates: {{first: 2, most: 3, looks: 2}}
overrides:
  - data=files
  - data.train={rows}
  - data.group=author
  - model.hidden_size=4
  - model.embedding_size=4
  - data.batch_size=16
  - trainer.max_epochs=1
space: {{optimizer.lr: [0.02, 0.05]}}
sampler: grid
"""


def write_project(home: Path) -> Path:
    """Write rows of forty authors, and a sweep over them."""
    draw = random.Random(0)
    with (home / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "author"])
        for number in range(240):
            word = draw.choice([("apple", "pear"), ("iron", "zinc")][number % 2])
            noise = draw.choice(["apple", "pear", "iron", "zinc"])
            text = f"{word} {noise} w{draw.randrange(50)} {number}"
            writer.writerow([text, ("fruit", "metal")[number % 2], f"author {number % 40}"])
    (home / "sweeps").mkdir(exist_ok=True)
    path = home / "sweeps" / "toy.yaml"
    path.write_text(SWEEP.format(rows=home / "rows.csv"))
    return path


def said(capsys, *words: str) -> dict:
    """The JSON object that a command prints."""
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_sweep_ends_in_verdicts_that_keep_their_contracts_and_one_command_that_runs(home, capsys):
    write_project(home)
    planned = said(capsys, "plan", "toy")
    assert (planned["decides"], planned["replicates_that_decide"]) == (False, 7)
    assert planned["next"] == "rnnsweep sweep toy"
    rnnsweep.sweep("toy", slots=2)
    answer = said(capsys, "compare", "toy")
    _check_contracts(home, answer)
    drawn = read_test_rows(rnnsweep.runs("toy"), SweepFolder.of(home / "mlruns", "toy"), {}).validation
    (facts,) = planned["data"].values()
    assert drawn == ValidationPart(facts["parts"]["validation"]["rows"], 0.1, grouped=True)
    following = answer["next"]
    assert following is not None
    assert following.startswith("rnnsweep replicate toy --n ")
    capsys.readouterr()
    assert main(["compare", "toy"]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["reading the runs of toy ...", "comparing them ..."]
    terminal = " ".join(shown.out.split())
    assert terminal.count("rnnsweep replicate") == terminal.count(following) == 1
    report = SweepFolder.of(home / "mlruns", "toy").report
    assert re.search(rf"Next[^:]*: {following}", report.read_text())
    report.unlink()
    ours = f"{sys.executable} -c 'from rnnsweep.cli import main; import sys; sys.exit(main())'"
    figures = home / "figures"
    subprocess.run(["bash", "-c", f"{ours} compare toy --figures {figures} | true"], check=True)
    assert report.exists()  # whose reader has seen enough of the answer
    assert any(figures.iterdir())
    _check_interrupted(report, capsys)
    assert said(capsys, "status", "toy")["next"] == said(capsys, "plan", "toy")["next"] == following
    assert main(shlex.split(following)[1:]) == 0  # pasted
    after = said(capsys, "compare", "toy")
    wanted = int(following.split()[-1])
    assert {one["test"]["replicates"] for one in after["standings"]} == {wanted}
    assert after["next"] == said(capsys, "status", "toy")["next"]
    assert after["next"] != following


def _check_interrupted(report: Path, capsys) -> None:
    def interrupted(*words, **more):
        raise KeyboardInterrupt

    report.unlink()
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnnsweep.api.comparing.answers.keep_answer", interrupted)
        assert main(["compare", "toy"]) == 130
    assert f"{report}: not written; the same command writes it" in capsys.readouterr().err
    assert not report.exists()  # nor kept on the sweep's run, which the next comparison does


def _check_contracts(home: Path, answer: dict) -> None:
    by_name = {one["architecture"]: one for one in answer["standings"]}
    networks = {by_name[name]["test"]["replicates"] for name in ("bag", "rnn")}
    assert by_name["linear"]["test"]["replicates"] in networks
    assert by_name["linear"]["test"]["low"] is not None
    assert len(answer["verdicts"]) == 3
    for verdict in answer["verdicts"]:
        assert set(verdict["new_rows"]) == {"low", "high", "p"}
        assert verdict["new_rows"]["low"] <= verdict["difference"] <= verdict["new_rows"]["high"]
        assert 0 <= verdict["new_rows"]["p"] <= 1
    assert answer["test_rows"] > 10
    assert 0.4 < answer["majority"] < 0.7
    assert "groups" in json.dumps(answer["conclusion"])  # rows of one author stand together
    best = rnnsweep.best("toy")
    ahead = next(one for one in answer["standings"] if one["architecture"] != "linear")
    assert best.architecture == ahead["architecture"]
    assert best.replicates == ahead["test"]["replicates"]
    missing = SweepFolder.of(home / "mlruns", "toy").task("linear-r0").predictions
    assert missing.is_file()


def test_an_unfinished_sweep_is_compared_with_a_word_on_it(home, capsys):
    path = write_project(home)
    few = {
        "trials: 2": "trials: 1",
        "{first: 2, most: 3, looks: 2}": "2\nbaseline: false",
        "[bag, rnn]": "[bag]",
        ", 0.05]": "]",
    }
    for old, new in few.items():
        path.write_text(path.read_text().replace(old, new))
    rnnsweep.sweep("toy", slots=2, models=False)
    folder = SweepFolder.of(home / "mlruns", "toy")
    lines = folder.path.joinpath("ledger.jsonl").read_text().splitlines(keepends=True)
    closed = [line for line in lines if '"close"' not in line]
    folder.path.joinpath("ledger.jsonl").write_text("".join(closed))  # as a kill leaves it
    answer = said(capsys, "compare", "toy")
    assert answer["answer"].startswith("The sweep is not finished: ")
    assert answer["next"] == said(capsys, "status", "toy")["next"] == "rnnsweep sweep toy"


def test_verdicts_count_the_groups_of_rows_after_their_table_is_gone_or_say_nothing_of_new_rows(home):
    write_project(home)
    rnnsweep.sweep("toy", slots=2)

    def on_new_rows():
        compared = rnnsweep.compare("toy")
        return [verdict.new_rows for verdict in compared.verdicts], compared.data

    counted, _ = on_new_rows()
    assert counted[0].grouped
    (home / "rows.csv").unlink()
    kept, _ = on_new_rows()
    assert kept == counted

    of_earlier_version = home.glob("mlruns/sweeps/toy/trials/*/test_predictions.npz")
    for file in list(of_earlier_version):
        with np.load(file) as arrays:
            without = {name: arrays[name] for name in arrays if name != "groups_N"}
        np.savez_compressed(file, **without)
    unknown, data = on_new_rows()
    assert unknown == [None] * len(counted)
    assert data == (
        "The table of the rows is gone or has other rows, and data.group=author was read from it: nothing is"
        " said of new rows",
    )
