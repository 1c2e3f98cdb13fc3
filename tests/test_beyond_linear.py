"""The settings that were chosen by validation on AG News, and the sweeps that ask what they are worth."""

from pathlib import Path

import pytest

from rnnsweep.config import compose, flatten
from rnnsweep.search.space import check_space
from rnnsweep.sweepfile import read_sweep
from rnnsweep.training import train

SWEEPS = Path(__file__).parents[1] / "sweeps"
GLOVE = "glove.6B.100d.txt"


@pytest.mark.parametrize(("name", "vectors"), [("beyond_linear", "own"), ("beyond_linear_glove", GLOVE)])
def test_the_sweep_asks_of_the_chosen_setting_with_enough_replicates_and_the_baseline(name, vectors):
    sweep = read_sweep(SWEEPS / f"{name}.yaml")
    assert (sweep.baseline, sweep.trials, sweep.replicates) == (True, 1, 10)
    asked = flatten(check_space(sweep)["bigru"])
    chosen = flatten(compose([f"experiment={name}"]))
    assert asked == chosen
    assert (chosen["data"], chosen["data.vectors"]) == ("ag_news", vectors)


def test_the_two_settings_differ_in_vectors_and_units_alone():
    own, glove = (flatten(compose([f"experiment={n}"])) for n in ("beyond_linear", "beyond_linear_glove"))
    differing = {key: (own[key], glove[key]) for key in own if own[key] != glove[key]}
    differing.pop("experiment")
    assert differing == {
        "data.vectors": ("own", GLOVE),
        "model.embedding_size": (128, 100),
        "model.hidden_size": (64, 128),
    }


@pytest.mark.slow
def test_the_chosen_setting_learns_news(ag_news):
    run = compose(
        ["experiment=beyond_linear", f"data.dir={ag_news}", "data.limit=4000", "trainer.max_epochs=4"]
    )
    assert train(run).validation > 0.8


@pytest.mark.slow
def test_the_setting_with_vectors_of_others_learns_from_a_file_of_100_numbers(ag_news, tmp_path):
    words = ("oil", "game", "software", "president", "the")
    lines = (" ".join([word, *(f"{number / 1000:.3f}" for number in range(100))]) for word in words)
    (tmp_path / GLOVE).write_text("\n".join(lines) + "\n")
    words = ["experiment=beyond_linear_glove", f"data.dir={ag_news}", f"data.vectors={tmp_path / GLOVE}"]
    run = compose([*words, "data.limit=2000", "model.hidden_size=16", "trainer.max_epochs=4"])
    assert train(run).validation > 0.6
