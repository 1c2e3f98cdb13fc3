"""`rnnsweep schema`: what editors complete and check a sweep file by."""

import json

import pytest
import test_sweep
import test_sweep_limits
from jsonschema import Draft202012Validator

from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.sweepfile import read_sweep
from rnnsweep.sweepfile.methods import PRUNERS, SAMPLERS
from rnnsweep.sweepfile.search_space.values import load_yaml

# what a schema cannot see: a file's first line, one value against another, text of a smaller language
BEYOND = {
    *("no question", "an empty question", "a key twice", "no YAML", "low above high", "a log range at 0"),
    *("log with a step", "the architecture in the space", "a circle", "itself as condition", "wrong slots"),
    *("a section of another architecture", "a section of a removed architecture", "an endless bound"),
    "an override without a value",
    *("an architecture called as the baseline", "an override with brackets in a list"),
    "an override with braces in a list",
    *("the architecture among the overrides", "a key set and searched", "a choice twice"),
}
BEYOND_LIMITS = {
    *("objectives: [validation, seconds]\npruner: median", "warm_start: [question]", "target: 92"),
    "constraints: {memory: 0 MB}",
    "overrides: [model.hidden_size=8]\nspace: {model.hidden_size: {parameters: 9000}}",
    "space: {model.num_layers: {parameters: 9000}}",
    "space: {model.hidden_size: {parameters: [1.5]}}",
    "space: {model.hidden_size: {parameters: {type: float, low: 1, high: 9}}}",
    "space: {model.hidden_size: {parameters: {type: int, low: 0, high: 9}}}",
    "space: {model.hidden_size: {parameters: 9}, model.embedding_size: {parameters: 9}}",
    "space: {model.hidden_size: {parameters: 9}, seed: {choices: [0], when: {model.hidden_size: 8}}}",
}


@pytest.fixture(scope="module")
def schema():
    from rnnsweep.sweepfile import sweep_schema

    return sweep_schema()


@pytest.fixture(scope="module")
def accepts(schema):
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return lambda text, path: validator.is_valid(load_yaml(text, path))


def test_the_command_prints_the_schema_alone(schema, capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(schema))


def test_every_sweep_file_of_the_project_fulfils_it(accepts, root):
    files = sorted((root / "sweeps").rglob("*.yaml"))
    assert len(files) > 10
    assert [path for path in files if not accepts(path.read_text(), path)] == []


def test_a_file_with_every_key_fulfils_it(accepts, tmp_path):
    assert accepts(test_sweep.WHOLE, tmp_path)


@pytest.mark.parametrize("mistake", sorted(set(test_sweep.WRONG) - BEYOND))
def test_a_mistake_that_a_schema_can_see_is_seen(mistake, accepts, tmp_path):
    old, new, _ = test_sweep.WRONG[mistake]
    assert not accepts(test_sweep.SMALL.replace(old, new, 1), tmp_path)


@pytest.mark.parametrize("mistake", sorted(set(test_sweep_limits.WRONG) - BEYOND_LIMITS))
def test_a_mistake_in_limits_that_a_schema_can_see_is_seen(mistake, accepts, tmp_path):
    small = test_sweep_limits.SMALL
    small = small.replace("space: {}\n", "") if "space:" in mistake else small
    assert not accepts(small + mistake + "\n", tmp_path)


@pytest.mark.parametrize(
    ("key", "name", "option"),
    [
        (key, name, option)
        for key, known in (("sampler", SAMPLERS), ("pruner", PRUNERS))
        for name, options in known.items()
        for option in options
    ],
)
def test_each_option_of_each_method_is_in_it(key, name, option, schema, accepts, tmp_path):
    section = schema["$defs"][name]["properties"][option]
    value = section["enum"][0] if "enum" in section else {"boolean": True}.get(section["type"], 2)
    text = f"{test_sweep.SMALL}{key}: {{name: {name}, {option}: {json.dumps(value)}}}\n"
    assert accepts(text, tmp_path)
    assert not accepts(text.replace(option, f"{option}x"), tmp_path)
    path = tmp_path / "question.yaml"
    path.write_text(text)
    assert getattr(read_sweep(path), key).options == {option: value}


def test_what_is_left_to_another_file_need_not_be_there(accepts, tmp_path):
    assert accepts("# And on news?\nlike: quickstart\n", tmp_path)
    assert not accepts("# And on news?\narchitectures: [gru]\n", tmp_path)


def test_every_key_says_what_it_means(schema):
    silent = [key for key, value in schema["properties"].items() if not value.get("description")]
    assert silent == []


def test_a_score_to_decide_by_is_an_override_of_every_trial(tmp_path):
    path = tmp_path / "question.yaml"
    path.write_text(f"{test_sweep.SMALL}objective: macro_f1\n")
    assert read_sweep(path).overrides == ("objective=macro_f1",)
    path.write_text(f"{test_sweep.SMALL}objective: 1\n")
    with pytest.raises(UserError, match="objective: 1: must be text"):
        read_sweep(path)
