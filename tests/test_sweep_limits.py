"""Constraints, objectives, derived keys, warm starts and early ends in a file of sweeps/."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rnnsweep.errors import UserError
from rnnsweep.sweepfile import Derived, Method, read_sweep
from rnnsweep.sweepfile.search_space.limits import say_violations, violations

SMALL = "# Why?\narchitectures: [gru, lstm]\ntrials: 2\nspace: {}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "question.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_trial_may_take_and_when_a_study_ends_is_read(tmp_path):
    text = SMALL + (
        "constraints: {parameters: 200000, seconds: 60.5, memory: 400 MB}\n"
        "objectives: [parameters, validation]\n"
        "warm_start: [quickstart]\n"
        "stop_after: 5\n"
        "target: 0.92\n"
    )
    sweep = read_sweep(write(tmp_path, text))
    assert sweep.constraints == {"parameters": 200000, "seconds": 60.5, "memory": 400e6}
    assert (sweep.objectives, sweep.pruner) == (("validation", "parameters"), Method("none"))
    assert (sweep.warm_start, sweep.stop_after, sweep.target) == (("quickstart",), 5, 0.92)


def test_without_them_a_study_makes_validation_large_within_its_budget(tmp_path):
    sweep = read_sweep(write(tmp_path, SMALL))
    assert (sweep.constraints, sweep.objectives, sweep.warm_start) == ({}, ("validation",), ())
    assert (sweep.stop_after, sweep.target, sweep.derived, sweep.pruner.name) == (None, None, (), "median")


@pytest.mark.parametrize(
    ("written", "size"),
    [("400 MB", 400e6), ("1.5 GiB", 1.5 * 2**30), ("800kB", 800e3), ("2 MiB", 2**21), (5000000, 5e6)],
)
def test_sizes_are_read_with_their_units(written, size, tmp_path):
    assert read_sweep(write(tmp_path, SMALL + f"constraints: {{memory: {written}}}")).constraints == {
        "memory": size
    }


def test_a_derived_key_is_read_with_its_count_tolerance_and_condition(tmp_path):
    line = (
        "model.hidden_size: {parameters: 50000, count: all, tolerance: 0.01, when: {model.cell: [gru, lstm]}}"
    )
    sweep = read_sweep(write(tmp_path, SMALL.replace("space: {}", f"space:\n  {line}")))
    assert sweep.derived == (
        Derived("model.hidden_size", 50000, "all", 0.01, (("model.cell", ("gru", "lstm")),)),
    )
    assert sweep.space == ()


WRONG = {
    "constraints: {parameter: 1}": "unknown key 'parameter' in constraints: .*Did you mean 'parameters'",
    "constraints: {parameters: 1.5}": "constraints.parameters: 1.5: must be an integer, 1 or more",
    "constraints: {seconds: 0}": "constraints.seconds: 0: must be a number above 0",
    "constraints: {memory: 400 mb}": "constraints.memory: '400 mb': must be a size, as 400 MB or 1.5 GiB",
    "constraints: {memory: 0 MB}": "constraints.memory: '0 MB': must be a size",
    "constraints: [parameters]": "constraints: .*: must be a mapping",
    "objectives: [validation, size]": "objectives.entry: 'size' is not one of validation, param",
    "objectives: [parameters]": "must be a list with validation in it, as .validation, parameters.",
    "objectives: [validation, validation]": "objectives: 'validation' is there twice",
    "objectives: [validation, seconds]\npruner: median": (
        "pruner: 'median': must be none with several objectives: a trial that is behind in one may be"
    ),
    "warm_start: [1]": "warm_start.entry: 1: must be text",
    "warm_start: [question]": "warm_start: 'question': must name other sweeps than this one",
    "stop_after: 0": "stop_after: 0: must be an integer, 1 or more",
    "target: high": "target: 'high': must be a number",
    "overrides: [model.hidden_size=8]\nspace: {model.hidden_size: {parameters: 9000}}": (
        "'model.hidden_size=8': the space searches this key too"
    ),
    "space: {model.num_layers: {parameters: 9000}}": (
        "space.model.num_layers: cannot be derived from parameters; model.hidden_size and model.embeddin"
    ),
    "space: {model.hidden_size: {parameters: 0}}": "model.hidden_size.parameters: 0: must be an integer",
    "space: {model.hidden_size: {parameters: many}}": "parameters: 'many': must be an integer, 1 or more",
    "space: {model.hidden_size: {parameters: 9000, counted: all}}": "unknown key 'counted' in .*Did you",
    "space: {model.hidden_size: {parameters: 9000, count: cell}}": "count: 'cell' is not one of all, with",
    "space: {model.hidden_size: {parameters: 9000, tolerance: 0}}": "tolerance: 0: must be a number above 0",
    "space: {model.hidden_size: {parameters: [1.5]}}": (
        "space.model.hidden_size.parameters: must be a whole number, 1 or more, a list of them, or"
    ),
    "space: {model.hidden_size: {parameters: {type: float, low: 1, high: 9}}}": "must be a whole number",
    "space: {model.hidden_size: {parameters: {type: int, low: 0, high: 9}}}": "must be a whole number",
    "space: {model.hidden_size: {parameters: 9}, model.embedding_size: {parameters: 9}}": (
        "gru: model.hidden_size and model.embedding_size cannot both be derived from parameters"
    ),
    "space: {model.hidden_size: {parameters: 9}, seed: {choices: [0], when: {model.hidden_size: 8}}}": (
        "seed.when: 'model.hidden_size' is derived: nothing can depend on it"
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_refused_with_the_file_the_key_and_what_is_right(mistake, tmp_path):
    small = SMALL.replace("space: {}\n", "") if "space:" in mistake else SMALL
    path = write(tmp_path, small + mistake + "\n")
    with pytest.raises(UserError, match=WRONG[mistake]) as caught:
        read_sweep(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value).splitlines()) == 1


@given(st.floats(1, 1e9), st.floats(0, 1e9))
def test_a_limit_is_broken_above_it_and_nowhere_else(limit, value):
    above = violations({"seconds": limit}, {"seconds": value})["seconds"] > 0
    assert above == (say_violations({"seconds": limit}, {"seconds": value}) is not None)
    assert above == (value / limit > 1)


def test_what_is_above_its_limit_is_said_in_its_unit():
    limits = {"parameters": 200000, "seconds": 60.0, "memory": 400e6}
    scores = {"parameters": 210000, "seconds": 60.5, "memory": 512e6}
    assert say_violations(limits, scores) == (
        "parameters 210,000 > 200,000, seconds 60.5 > 60, memory 512 MB > 400 MB"
    )
    assert say_violations(limits, {"parameters": 200000, "seconds": None}) is None
