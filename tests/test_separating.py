"""Replicating until two are separated, with real trainings: whom it trains, what it counts, when it stops."""

import csv
import random
from pathlib import Path

import pytest

import rnnsweep
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.looks import read_looks

SWEEP = """# Does a toy need recurrence?
name: toy
architectures: [bag, rnn]
trials: 1
replicates: 2
baseline: false
overrides:
  - data=files
  - data.train={rows}
  - model.hidden_size=4
  - model.embedding_size=4
  - data.batch_size=16
  - trainer.max_epochs=1
space: {{optimizer.lr: [0.02]}}
"""


def write_toy(home: Path) -> Path:
    """Write the sweep of two architectures, and its rows."""
    draw = random.Random(0)
    with (home / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(200):
            word = draw.choice([("apple", "pear"), ("iron", "zinc")][number % 2])
            noise = draw.choice(["apple", "pear", "iron", "zinc"])
            writer.writerow(
                [f"{word} {noise} w{draw.randrange(50)} {number}", ("fruit", "metal")[number % 2]]
            )
    path = home / "toy.yaml"
    path.write_text(SWEEP.format(rows=home / "rows.csv"))
    return path


@pytest.fixture
def toy(home: Path) -> Path:
    """A sweep of two architectures that is done, with two replicates of each."""
    rnnsweep.sweep(write_toy(home), slots=1)
    return home


@pytest.mark.slow
def test_it_trains_as_many_as_can_show_a_difference_counts_its_looks_and_reads_test_once_each(toy):
    with pytest.raises(UserError, match="--max 2: must be at least the 3 replicates of --n"):
        rnnsweep.replicate("toy", 3, until_separated=True, most=2)
    result = rnnsweep.replicate("toy", 2, until_separated=True, most=10, slots=1)
    folder = toy / "mlruns" / "sweeps" / "toy"
    found = result.comparison
    (verdict,) = found.verdicts
    assert verdict.pairs >= 6  # the fewest that can tell two apart
    looks = read_looks(SweepFolder(folder)).replicates
    assert looks[0] == {"bag": 2, "rnn": 2}
    assert looks[-1] == {"bag": verdict.pairs, "rnn": verdict.pairs}
    assert set(SweepFolder(folder).count_test_reads().values()) == {1}
    assert len(SweepFolder(folder).count_test_reads()) == found.test_reads.total == 2 * verdict.pairs
    assert "pays a share of the 5 %" in found.facts["looks outside the plan"]
    again = rnnsweep.replicate("toy", 2, until_separated=True, most=verdict.pairs, slots=1)
    assert [v.pairs for v in again.comparison.verdicts] == [verdict.pairs]
