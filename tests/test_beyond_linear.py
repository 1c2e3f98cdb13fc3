"""The setting that was chosen by validation on AG News, and the sweep that asks what it is worth."""

from pathlib import Path

import pytest

from rnnsweep.config import compose, flatten
from rnnsweep.study.space import check_space
from rnnsweep.sweep import read_sweep
from rnnsweep.training import train

SWEEP = Path(__file__).parents[1] / "sweeps" / "beyond_linear.yaml"


def test_the_sweep_asks_of_the_chosen_setting_with_enough_replicates_and_the_baseline():
    sweep = read_sweep(SWEEP)
    assert (sweep.baseline, sweep.trials, sweep.replicates) == (True, 1, 10)
    asked = flatten(check_space(sweep)["bigru"])
    chosen = flatten(compose(["experiment=beyond_linear"]))
    assert asked == chosen
    assert (chosen["data"], chosen["data.vectors"]) == ("ag_news", "own")


@pytest.mark.slow
def test_the_chosen_setting_learns_news(ag_news):
    run = compose(
        ["experiment=beyond_linear", f"data.dir={ag_news}", "data.limit=4000", "trainer.max_epochs=4"]
    )
    assert train(run).validation > 0.8
