"""A file of sweeps/: what it says, and each mistake in it refused by file, key and value."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rnnsweep.errors import UserError
from rnnsweep.sweepfile import Choices, FloatRange, IntRange, Method, read_sweep, rewritten

WHOLE = """\
# Does direction matter more than width?
name: width
architectures: [lstm, bilstm]
trials: 12
seconds: 600
epochs: 40.5
overrides:
  - data=docstrings
  - trainer.max_epochs=2
space:
  model.hidden_size: {type: int, low: 8, high: 64, log: true}
  optimizer.lr: {type: float, low: 1e-4, high: 1e-2, log: true}
  model.dropout: {type: float, low: 0, high: 0.5, step: 0.1}
  optimizer.gradient_clip: {type: categorical, choices: [null, 1, "a, 'b'"]}
  data.libraries: [[numpy, scipy], []]
  optimizer.momentum: {type: float, low: 0.5, high: 0.9, when: {optimizer.name: sgd}}
  optimizer.name: [adam, sgd]
per_architecture:
  bilstm:
    model.layer_dropout: {type: float, low: 0, high: 0.5}
replicates: 5
vary: seed
sampler: {name: tpe, n_startup_trials: 6}
pruner: {name: median, startup: 3, warmup: 0.25}
seed: 3
slots: gpu:0,gpu:0,gpu:1
retries: 2
time_limit: 90
baseline: false
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "question.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_is_read_with_its_type(tmp_path):
    sweep = read_sweep(write(tmp_path, WHOLE))
    assert sweep.question == "Does direction matter more than width?"
    assert (sweep.name, sweep.architectures) == ("width", ("lstm", "bilstm"))
    assert (sweep.trials, sweep.seconds, sweep.epochs) == (12, 600.0, 40.5)
    assert sweep.overrides == ("data=docstrings", "trainer.max_epochs=2")
    assert (sweep.replicates, sweep.vary, sweep.seed, sweep.slots) == (5, "seed", 3, "gpu:0,gpu:0,gpu:1")
    assert sweep.sampler == Method("tpe", {"n_startup_trials": 6})
    assert sweep.pruner == Method("median", {"startup": 3, "warmup": 0.25})
    assert (sweep.retries, sweep.time_limit, sweep.baseline) == (2, 90.0, False)


def test_a_space_has_ranges_choices_and_conditions_with_parents_first(tmp_path):
    sweep = read_sweep(write(tmp_path, WHOLE))
    assert sweep.space == (
        IntRange("model.hidden_size", 8, 64, log=True),
        FloatRange("optimizer.lr", 1e-4, 1e-2, log=True),
        FloatRange("model.dropout", 0.0, 0.5, step=0.1),
        Choices("optimizer.gradient_clip", (None, 1, "a, 'b'")),
        Choices("data.libraries", (["numpy", "scipy"], [])),
        Choices("optimizer.name", ("adam", "sgd")),
        FloatRange("optimizer.momentum", 0.5, 0.9, when=(("optimizer.name", ("sgd",)),)),
    )
    assert [d.key for d in sweep.dimensions("bilstm")][-1] == "model.layer_dropout"
    assert sweep.dimensions("lstm") == sweep.space


def test_what_is_left_out_has_a_default(tmp_path):
    sweep = read_sweep(write(tmp_path, "# Why?\narchitectures: [gru]\ntrials: 1\nspace: {}\n"))
    assert (sweep.name, sweep.planned, sweep.vary, sweep.baseline) == ("question", (6, 13, 30), "all", True)
    assert (sweep.sampler, sweep.pruner) == (Method("tpe"), Method("median"))
    assert (sweep.seconds, sweep.slots, sweep.time_limit) == (None, None, None)


REST = "architectures: [gru]\ntrials: 1\nspace: {}\n"


@pytest.mark.parametrize(
    ("comments", "question"),
    [
        (
            "# Is a second layer worth\n# its weights?\n# Asked by Ann.\n",
            "Is a second layer worth its weights?",
        ),
        ("# Why?\n# Who asks?\n", "Why?"),
        ("# LSTM against GRU\n# Asked by Ann.\n", "LSTM against GRU"),
        ("# LSTM against GRU\n#\n# Is it true?\n", "LSTM against GRU"),
        ("\ufeff#Why, in\n#   the end?\n", "Why, in the end?"),
    ],
)
def test_a_question_is_the_first_line_or_goes_on_to_its_question_mark(tmp_path, comments, question):
    sweep = read_sweep(write(tmp_path, comments + REST))
    assert sweep.question == question
    (tmp_path / "again.yaml").write_text(rewritten(sweep.text, sweep.path, {"trials": 2}))
    assert read_sweep(tmp_path / "again.yaml").question == question


RANGE = "{type: float, low: 0, high: 0.5}"
SMALL = f"# Why?\narchitectures: [gru, lstm]\ntrials: 2\nspace:\n  model.dropout: {RANGE}\n"

WRONG = {
    "no question": ("# Why?\n", "", r"line 1: 'architectures: \[gru, lstm\]': must be the question"),
    "an empty question": ("# Why?", "#", "line 1: '#': must be the question"),
    "W&B's word for the sampler": (
        *("trials:", "method: bayes\ntrials:"),
        "unknown key 'method'; write `sampler: tpe`, as W&B's 'method' is called here$",
    ),
    "W&B's word for the pruner": ("trials:", "early_terminate: {}\ntrials:", "write `pruner: hyperband`"),
    "a misspelt key": ("trials:", "trails:", "unknown key 'trails'.*Did you mean 'trials'?"),
    "a misspelt key of a range": (
        "low:",
        "lowe:",
        "unknown key 'lowe' in space.model.dropout.*Did you mean 'low'?",
    ),
    "no architectures": ("architectures: [gru, lstm]\n", "", "`architectures:` is missing"),
    "no space": ("space:\n  model.dropout: " + RANGE, "", "`space:` is missing"),
    "no budget": ("trials: 2\n", "", "no budget: `trials:`, `seconds:` or `epochs:` is missing"),
    "an architecture called as the baseline": (
        "[gru, lstm]",
        "[gru, linear]",
        "architectures: 'linear': must be another name: the baseline of each sweep has this one",
    ),
    "an architecture twice": ("[gru, lstm]", "[gru, gru]", "architectures: 'gru' is there twice"),
    "an architecture that is a number": ("[gru, lstm]", "[1]", "architectures.entry: 1: must be text"),
    "settings in a list of architectures": (
        "[gru, lstm]",
        "[gru, deep: [model=gru, model.num_layers=2]]",
        r"architectures: one entry has settings, so write a mapping of names for all: \{gru: \[model=gru\],"
        r" deep: \[model=gru, model.num_layers=2\]\}$",
    ),
    "no entry": ("[gru, lstm]", "[]", "architectures: .*: must be a list with at least one entry"),
    "letters for a number": ("trials: 2", "trials: two", "trials: 'two': must be an integer, 1 or more"),
    "a fraction for a number": ("trials: 2", "trials: 2.5", "trials: 2.5: must be an integer"),
    "true for a number": ("trials: 2", "trials: true", "trials: True: must be an integer"),
    "no trials": ("trials: 2", "trials: 0", "trials: 0: must be an integer, 1 or more"),
    "low above high": ("low: 0,", "low: 0.9,", "`low <= high` must hold, but got low=0.9, high=0.5"),
    "a log range at 0": ("high: 0.5", "high: 0.5, log: true", "low: 0.0: must be above 0 where log is true"),
    "log with a step": (
        RANGE,
        "{type: int, low: 1, high: 9, log: true, step: 2}",
        "step: 2: must be absent where log is true",
    ),
    "no high": (", high: 0.5", "", "space.model.dropout: `high:` is missing"),
    "an endless bound": ("high: 0.5", "high: .inf", "high: inf: must be a finite number"),
    "letters for a bound": ("high: 0.5", "high: lots", "high: 'lots': must be a number"),
    "a fraction for an int": (RANGE, "{type: int, low: 1, high: 2.5}", "high: 2.5: must be an integer"),
    "letters for log": ("high: 0.5", "high: 0.5, log: maybe", "log: 'maybe': must be true or false"),
    "a step of nothing": ("high: 0.5", "high: 0.5, step: 0", "step: 0: must be a number above 0"),
    "an unknown type": (
        "type: float",
        "type: flaot",
        "'flaot' is not one of int, float, categorical. Did you",
    ),
    "no type": (
        "type: float, ",
        "",
        r"type: is missing: int, float, categorical; write \{type: float, low: 0, high: 0.5\}",
    ),
    "no choices": (RANGE, "{type: categorical, choices: []}", "must be a list with at least one choice"),
    "a choice twice": (RANGE, "[1, 2, 1]", "space.model.dropout: 1 is there twice"),
    "a choice that is a mapping": (RANGE, "[{a: 1}]", "must be a number, text, null, true, false or a list"),
    "a range that is a number": (
        RANGE,
        "3",
        r"space.model.dropout: 3: must be a mapping, as \{type: float, low: 0.001, high: 0.1\}, or a list",
    ),
    "the architecture in the space": (
        "model.dropout",
        "model",
        "list the architectures under `architectures:`",
    ),
    "a circle": (
        RANGE,
        "{choices: [1], when: {optimizer.lr: 1}}\n  optimizer.lr: {choices: [1], when: {model.dropout: 1}}",
        "goes round in a circle: model.dropout, optimizer.lr",
    ),
    "itself as condition": (
        "high: 0.5",
        "high: 0.5, when: {model.dropout: 0}",
        "space.model.dropout: depends on itself",
    ),
    "an unknown sampler": (
        "trials: 2",
        "trials: 2\nsampler: tpu",
        "sampler.name: 'tpu' is not one of .*Did you mean",
    ),
    "a sampler by W&B's word": (
        *("trials: 2", "trials: 2\nsampler: bayes"),
        "sampler.name: 'bayes' is not one of .*Did you mean 'tpe'",
    ),
    "an unknown option": (
        "trials: 2",
        "trials: 2\nsampler: {name: tpe, startup: 2}",
        "unknown key 'startup' in sampler",
    ),
    "a wrong option": (
        "trials: 2",
        "trials: 2\nsampler: {name: tpe, multivariate: 1}",
        "sampler.multivariate: 1: must be true or false",
    ),
    "an unknown pruner": (
        "trials: 2",
        "trials: 2\npruner: medain",
        "'medain' is not one of .*Did you mean 'median'?",
    ),
    "a wrong percentile": (
        "trials: 2",
        "trials: 2\npruner: {name: percentile, percentile: 101}",
        "must be a percentage from 0 to 100",
    ),
    "wrong slots": ("trials: 2", "trials: 2\nslots: tpu:0", "slots='tpu:0': must be a number"),
    "a wrong variation": (
        "trials: 2",
        "trials: 2\nvary: seeds",
        "'seeds' is not one of all, initialisation, order, seed, split. Did you mean",
    ),
    "a section of another architecture": (
        "trials: 2",
        "trials: 2\nper_architecture: {grou: {}}",
        "unknown key 'grou' in per_architecture: known are gru, lstm. Did you mean 'gru'?",
    ),
    "a section of a removed architecture": (
        "trials: 2",
        "trials: 2\nper_architecture: {bag: {}}",
        "unknown key 'bag' in per_architecture: known are gru, lstm. Delete it here, too, or add it to"
        " `architectures:`$",
    ),
    "an override without a value": ("trials: 2", "trials: 2\noverrides: [seed]", "'seed': must be key=value"),
    "the architecture among the overrides": (
        "trials: 2",
        "trials: 2\noverrides: [model=gru]",
        "list the architectures under `architectures:`",
    ),
    "a key set and searched": (
        "trials: 2",
        "trials: 2\noverrides: [model.dropout=0]",
        "'model.dropout=0': the space searches this key too",
    ),
    "a name that is no folder": ("trials: 2", "trials: 2\nname: a/b", "name: 'a/b': must be letters, digits"),
    "a key twice": ("trials: 2", "trials: 2\ntrials: 3", "line 4: no YAML: key 'trials' is there twice"),
    "an override with brackets in a list": (
        "trials: 2",
        "trials: 2\noverrides: [data=files, data.text=[title,body], seed=3]",
        r'line 4: no YAML: expected .* but got .*; put quotes around it: "data.text=\[title,body\]"$',
    ),
    "an override with braces in a list": (
        "trials: 2",
        "trials: 2\noverrides: [task.class_weights={a: 1, b: 2}]",
        r'put quotes around it: "task.class_weights={a: 1, b: 2}"$',
    ),
    "no YAML": ("trials: 2", "trials: [2", "line 4: no YAML"),
    "a list of keys": (SMALL[7:], "- 1\n", r"question.yaml: \[1\]: must be a mapping"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_refused_with_the_file_the_key_and_what_is_right(mistake, tmp_path):
    old, new, message = WRONG[mistake]
    assert old in SMALL
    path = write(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        read_sweep(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_is_refused_with_the_nearest(tmp_path):
    path = write(tmp_path, SMALL)
    with pytest.raises(UserError, match="no such sweep file. Did you mean '.*question.yaml'?"):
        read_sweep(path.with_name("qestion.yaml"))


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="is empty: must be a question"):
        read_sweep(write(tmp_path, " \n"))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("# Größe?\n".encode("latin-1"))
    with pytest.raises(UserError, match="cannot be read as UTF-8 text"):
        read_sweep(path)


def test_a_file_cannot_name_code(tmp_path):
    path = write(tmp_path, SMALL.replace("trials: 2", "trials: !!python/object/apply:os.getpid []"))
    with pytest.raises(UserError, match="line 3: no YAML: could not determine a constructor"):
        read_sweep(path)


def test_every_sweep_of_the_repository_reads(root):
    names = [read_sweep(path).name for path in sorted((root / "sweeps").glob("*.yaml"))]
    assert "quickstart" in names
    assert len(set(names)) == len(names)


@given(
    low=st.floats(-1e6, 1e6),
    high=st.floats(-1e6, 1e6),
)
def test_a_range_is_read_as_written_or_refused_where_it_is_upside_down(low, high, tmp_path_factory):
    text = SMALL.replace("low: 0, high: 0.5", f"low: {low!r}, high: {high!r}")
    path = write(tmp_path_factory.mktemp("range"), text)
    if low <= high:
        assert read_sweep(path).space == (FloatRange("model.dropout", low, high),)
    else:
        with pytest.raises(UserError, match="`low <= high` must hold"):
            read_sweep(path)
