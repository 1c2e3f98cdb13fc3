"""The pairs that teach: sweeps whose architectures are named lists of overrides."""

from pathlib import Path

import pytest

from rnnsweep.config import compose, flatten
from rnnsweep.errors import UserError
from rnnsweep.search.space import check_space, write_overrides
from rnnsweep.sweepfile import read_sweep

PAIRS = sorted((Path(__file__).parents[1] / "examples" / "lesson" / "pairs").glob("*.yaml"))
SMALL = (
    "# Why?\narchitectures: {architectures}\ntrials: 1\nspace: {{}}\noverrides: [seed=4, model.dropout=0.1]\n"
)


def sweep_of(tmp_path, architectures):
    path = tmp_path / "question.yaml"
    path.write_text(SMALL.format(architectures=architectures))
    return read_sweep(path)


def test_all_pairs_are_there():
    assert {path.stem for path in PAIRS} == {
        "packed", "masked", "pooling", "unknown", "directions", "descriptions", "vocabulary",
        "bucketing", "depth", "learning_rate", "batch_size", "vectors",
    }  # fmt: skip


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_every_pair_asks_a_question_and_composes(path):
    sweep = read_sweep(path)
    assert sweep.question.endswith("?")
    assert (sweep.trials, sweep.name) == (1, f"lesson-{path.stem}")
    assert sweep.replicates >= 8  # fewer pairs cannot separate anything by a sign-flip test
    bases = check_space(sweep)
    assert list(bases) == list(sweep.architectures)


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_what_differs_between_the_sides_of_a_pair_is_what_it_asks_about(path):
    asked = {
        "packed": {"model.masked"},
        "masked": {"model.masked"},
        "pooling": {"model.pooling"},
        "unknown": {"data.pad_is_unknown"},
        "directions": {"model.join"},
        "descriptions": {"data.text"},
        "vocabulary": {"data.fit_rows"},
        "bucketing": {"data.grouping"},
        "depth": {"model.num_layers"},
        "learning_rate": {"optimizer.lr"},
        "batch_size": {"data.batch_size"},
        "vectors": {"data.vectors", "model.freeze_embedding"},
    }[path.stem]
    runs = [flatten(run) for run in check_space(read_sweep(path)).values()]
    differ = {key for key in runs[0] if len({str(run[key]) for run in runs}) > 1}
    assert differ - {"experiment"} == asked


def test_a_variant_is_a_name_for_overrides_that_win_over_the_common_ones(tmp_path):
    sweep = sweep_of(tmp_path, "{narrow: [model=gru, model.dropout=0], wide: [model=lstm]}")
    assert sweep.architectures == ("narrow", "wide")
    assert check_space(sweep)["narrow"].model.dropout == 0
    written = write_overrides(sweep, "wide", {"optimizer.lr": 0.1}, threads=1)
    assert written == ["seed=4", "model.dropout=0.1", "model=lstm", "optimizer.lr=0.1"]
    assert compose(written).choices["model"] == "lstm"


def test_a_list_of_architectures_is_read_as_before(tmp_path):
    sweep = sweep_of(tmp_path, "[gru, lstm]")
    assert sweep.variants == {}
    assert write_overrides(sweep, "gru", {}, threads=1) == ["model=gru", "seed=4", "model.dropout=0.1"]


@pytest.mark.parametrize(
    ("architectures", "message"),
    [
        ("{}", "architectures: {}: must be a list, or a mapping of names to overrides"),
        ("{narrow: []}", "architectures.narrow: []: must be a list with at least one entry"),
        ("{narrow: [gru]}", "architectures.narrow: 'gru': must be key=value"),
        ("{a/b: [model=gru]}", "'a/b': must be letters, digits"),
        ("{1: [model=gru]}", "must be a key that is text"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(tmp_path, architectures, message):
    with pytest.raises(UserError) as caught:
        sweep_of(tmp_path, architectures)
    assert message in str(caught.value)


def test_a_mistake_in_a_variant_names_the_sweep_file(tmp_path):
    sweep = sweep_of(tmp_path, "{narrow: [model=gru, model.hiden_size=3]}")
    with pytest.raises(
        UserError, match=r"hiden_size=3 \(.*question\.yaml\).*Did you mean 'model\.hidden_size'"
    ):
        check_space(sweep)
