"""Derived widths: the network nearest to a budget of parameters, and what is refused before it trains."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from simulation import write_sweep

from rnnsweep.config import compose
from rnnsweep.engine.scheduling.tasks import searched_keys
from rnnsweep.errors import UserError
from rnnsweep.networks import ModelConfig, build, parameter_count
from rnnsweep.networks.size import embedding_count
from rnnsweep.search.sizing import WIDEST, CorpusSizes, Sizing, check_sizes, nearest_width
from rnnsweep.search.space import check_space
from rnnsweep.sweepfile import Choices, Derived, IntRange, read_sweep

HEAD = "name: toy\narchitectures: [rnn, gru, lstm, bilstm, stacked_bilstm]\ntrials: 3\n"
WORDS, CLASSES = 1000, 4


def sweep_of(folder, *lines: str, **changes):
    return write_sweep(folder, HEAD + "space:\n" + "\n".join(f"  {line}" for line in lines), **changes)


def sizing_of(sweep):
    return Sizing(sweep, None, lambda run: (WORDS, CLASSES))


def check(sweep):
    check_sizes(sizing_of(sweep), check_space(sweep))


def counted(overrides, *, count="without_embedding"):
    model = compose(overrides).model
    total = parameter_count(model, vocabulary=WORDS, classes=CLASSES)
    return total if count == "all" else total - embedding_count(model, vocabulary=WORDS)


models = st.builds(
    ModelConfig,
    cell=st.sampled_from(["rnn", "gru", "lstm"]),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    embedding_size=st.integers(1, 200),
    biases=st.sampled_from(["one", "two"]),
)


@given(models, st.integers(1, 5_000_000), st.integers(2, 50))
def test_no_other_width_comes_nearer_to_the_budget(model, budget, classes):
    def miss(width):
        wide = replace(model, hidden_size=width)
        return abs(parameter_count(wide, vocabulary=9, classes=classes) - budget)

    width = nearest_width(
        lambda w: parameter_count(replace(model, hidden_size=w), vocabulary=9, classes=classes), budget
    )
    assert 1 <= width <= WIDEST
    assert all(miss(width) <= miss(other) for other in {max(1, width - 1), width + 1, width + 7, 1})


@given(models, st.integers(1, 2_000_000), st.integers(0, 1_000_000))
def test_a_larger_budget_never_gives_a_narrower_network(model, budget, more):
    def count(width):
        return parameter_count(replace(model, hidden_size=width), vocabulary=9, classes=3)

    assert nearest_width(count, budget) <= nearest_width(count, budget + more)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 1600))
def test_the_nearest_width_is_found_in_any_count_that_never_falls(steps, budget):
    def count(width):
        return sum(steps[: min(width, len(steps))]) + max(0, width - len(steps))

    found = nearest_width(count, budget)
    widths = range(1, len(steps) + 1700)
    assert abs(count(found) - budget) == min(abs(count(w) - budget) for w in widths)


def test_every_architecture_gets_the_same_number_of_parameters(tmp_path):
    sweep = sweep_of(tmp_path, "model.hidden_size: {parameters: 50000}")
    check(sweep)
    for name in sweep.architectures:
        point = sizing_of(sweep).point(name, {})
        (sized,) = point.sized
        assert point.problem is None
        assert point.overrides[-1] == f"model.hidden_size={sized.value}"
        assert sized.counted == counted(point.overrides)
        assert abs(sized.counted / 50000 - 1) == abs(sized.deviation) < 0.02


def test_the_formula_counts_what_the_derived_network_has(tmp_path):
    sweep = sweep_of(tmp_path, "model.hidden_size: {parameters: 80000, count: all}")
    for name in sweep.architectures:
        point = sizing_of(sweep).point(name, {})
        network = build(compose(point.overrides).model, vocabulary=WORDS, classes=CLASSES)
        assert sum(weights.numel() for weights in network.parameters()) == point.sized[0].counted


def test_all_weights_count_where_the_sweep_says_so(tmp_path):
    sweep = sweep_of(tmp_path, "model.hidden_size: {parameters: 80000, count: all}")
    point = sizing_of(sweep).point("lstm", {})
    assert counted(point.overrides, count="all") == point.sized[0].counted
    assert counted(point.overrides) == point.sized[0].counted - WORDS * 64


def test_the_other_values_of_a_trial_decide_its_width(tmp_path):
    sweep = sweep_of(tmp_path, "model.hidden_size: {parameters: 50000}", "model.num_layers: [1, 2, 3]")
    widths = [sizing_of(sweep).point("gru", {"model.num_layers": n}).sized[0].value for n in (1, 2, 3)]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3


def test_a_searched_budget_is_drawn_under_its_own_name_and_is_no_override(tmp_path):
    line = "model.hidden_size: {parameters: {type: int, low: 20000, high: 200000, log: true}}"
    sweep = sweep_of(tmp_path, line, "model.dropout: [0, 0.5]")
    assert sweep.space == (
        IntRange("model.hidden_size.parameters", 20000, 200000, log=True),
        Choices("model.dropout", (0, 0.5)),
    )
    check(sweep)
    values = {"model.hidden_size.parameters": 100000, "model.dropout": 0.5}
    point = sizing_of(sweep).point("lstm", values)
    assert [o.partition("=")[0] for o in point.overrides[-2:]] == ["model.dropout", "model.hidden_size"]
    assert point.sized[0].budget == 100000
    assert searched_keys(sweep, "lstm") == ("model.dropout", "model.hidden_size")


def test_a_budget_may_be_one_of_several(tmp_path):
    sweep = sweep_of(tmp_path, "model.hidden_size: {parameters: [20000, 50000]}")
    assert sweep.space == (Choices("model.hidden_size.parameters", (20000, 50000)),)
    assert sizing_of(sweep).point("gru", {"model.hidden_size.parameters": 50000}).sized[0].value == 100


def test_a_derived_key_holds_only_where_its_condition_does(tmp_path):
    line = "model.hidden_size: {parameters: [30000, 50000], when: {model.cell: [rnn, gru, lstm]}}"
    sweep = sweep_of(tmp_path, line, architectures="[lstm, bag]")
    check(sweep)
    assert sizing_of(sweep).point("bag", {}).sized == ()
    assert len(sizing_of(sweep).point("lstm", {"model.hidden_size.parameters": 30000}).sized) == 1


def test_an_architecture_may_derive_another_key(tmp_path):
    own = "{bag: {model.embedding_size: {parameters: 60000, count: all}}}"
    line = "model.hidden_size: {parameters: 50000, when: {model.cell: lstm}}"
    sweep = sweep_of(tmp_path, line, architectures="[lstm, bag]", per_architecture=own)
    check(sweep)
    assert [one.key for one in sizing_of(sweep).point("lstm", {}).sized] == ["model.hidden_size"]
    (sized,) = sizing_of(sweep).point("bag", {}).sized
    assert (sized.key, sized.value, sized.counted) == ("model.embedding_size", 60, 60 * (WORDS + 4) + 4)


def test_an_own_range_replaces_a_derived_key(tmp_path):
    own = "{lstm: {model.hidden_size: {type: int, low: 8, high: 16}}}"
    sweep = sweep_of(tmp_path, "model.hidden_size: {parameters: [20000, 50000]}", per_architecture=own)
    assert sweep.derivations("lstm") == ()
    assert sweep.dimensions("lstm") == (IntRange("model.hidden_size", 8, 16),)
    assert sweep.derivations("gru") == (Derived("model.hidden_size", None),)


REFUSED = {
    "too small": ("model.hidden_size: {parameters: 100}", "rnn: no model.hidden_size comes within 5.00% of"),
    "not to be met": (
        "model.hidden_size: {parameters: 2950, tolerance: 0.01}",
        r"within 1.00% of 2,950 parameters without the embedding: the nearest, 30, has 3,004 \(\+1.8%\)",
    ),
    "no effect": (
        "model.hidden_size: {parameters: 50000}",
        "model.hidden_size cannot reach 50,000 parameters",
    ),
    "two at once": (
        "model.hidden_size: {parameters: 50000, when: {model.cell: rnn}}\n"
        "  model.embedding_size: {parameters: 50000, when: {model.cell: rnn}}",
        "rnn: model.hidden_size and model.embedding_size cannot both be derived",
    ),
    "at one end": (
        "model.hidden_size: {parameters: {type: int, low: 20, high: 90000}}",
        "rnn at model.hidden_size.parameters=20: no model.hidden_size comes within",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_budget_that_no_width_meets_is_refused_before_anything_runs(mistake, tmp_path):
    line, message = REFUSED[mistake]
    architectures = "[bag]" if mistake == "no effect" else "[rnn]"
    sweep = sweep_of(tmp_path, line, architectures=architectures)
    with pytest.raises(UserError, match=message) as caught:
        check(sweep)
    assert str(caught.value).startswith(f"{sweep.path}: space: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_limit_that_no_network_keeps_is_refused_with_the_least_there_is(tmp_path):
    sweep = sweep_of(
        tmp_path, "model.hidden_size: {type: int, low: 8, high: 64}", constraints="{parameters: 60000}"
    )
    least = parameter_count(compose(["model=rnn", "model.hidden_size=8"]).model, vocabulary=WORDS, classes=4)
    with pytest.raises(
        UserError, match=f"no network of rnn keeps them: at least parameters {least:,} > 60,000"
    ):
        check(sweep)


def test_a_limit_is_looked_at_before_the_training(tmp_path):
    sweep = sweep_of(
        tmp_path, "model.hidden_size: {type: int, low: 8, high: 640}", constraints="{parameters: 100000}"
    )
    check(sweep)
    small, large = (sizing_of(sweep).point("lstm", {"model.hidden_size": h}) for h in (8, 640))
    assert small.problem is None
    parameters = counted(large.overrides, count="all")
    assert large.problem == f"parameters {parameters:,} > 100,000"
    assert large.above == {"parameters": parameters / 100000 - 1}


def test_a_corpus_is_prepared_once_for_each_of_its_settings(settings, monkeypatch):
    import rnnsweep.data

    prepared, real = [], rnnsweep.data.prepare
    monkeypatch.setattr(rnnsweep.data, "prepare", lambda config: prepared.append(config) or real(config))
    sizes = CorpusSizes()
    found = [sizes(settings(f"data.vocabulary={n}")) for n in (50, 50, 60)]
    assert found == [(50, 3), (50, 3), (60, 3)]
    assert len(prepared) == 2


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm", "bigru", "bilstm", "stacked_lstm", "stacked_bilstm"])
def test_the_question_of_equal_parameters_can_be_asked_of_each_architecture(name, root):
    sweep = read_sweep(root / "sweeps" / "iso_parameters.yaml")
    sizing = Sizing(sweep, None, lambda run: (8000, 9))
    (sized,) = sizing.point(name, {}).sized
    assert sized.budget == 50000
    assert abs(sized.deviation) < 0.02
    assert json.loads(json.dumps(sized.note()))["deviation"] == sized.deviation
