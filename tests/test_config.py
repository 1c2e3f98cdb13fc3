"""A run's configuration: composed, checked, named, and written so that it comes back."""

import math
import re
import shutil
import threading
from pathlib import Path

import hydra
import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings, strategies as st
from omegaconf import OmegaConf

import rnnsweep
from rnnsweep.config import (
    RunSchema,
    architectures,
    compose,
    copy_conf,
    flatten,
    known_keys,
    origins,
    overrides,
    quote,
    right_type,
)
from rnnsweep.config.overrides import read_overrides
from rnnsweep.errors import UserError

CONF = Path(__file__).parents[1] / "conf"

finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | finite | st.text()


@pytest.fixture
def conf(home: Path) -> Path:
    """A copy of conf/ in a project folder of its own, to write into."""
    (home / "conf").unlink()
    return Path(shutil.copytree(CONF, home / "conf"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def refusal(*overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        compose(overrides)
    message = str(caught.value)
    assert len(message.splitlines()) <= 2
    return message


def test_without_overrides_the_files_of_config_yaml_are_taken(home):
    run = compose()
    assert run.choices == {
        "task": "classification",
        "data": "docstrings",
        "model": "lstm",
        "optimizer": "adam",
        "trainer": "default",
        "tracking": "default",
    }
    assert (run.architecture, run.seed, run.overrides) == ("lstm", 0, ())


def test_a_file_of_a_group_sets_its_values_and_an_override_wins(home):
    run = compose(["optimizer=sgd", "optimizer.momentum=0.5"])
    assert (run.optimizer.name, run.optimizer.lr, run.optimizer.momentum) == ("sgd", 0.1, 0.5)


def test_one_composition_leaves_nothing_behind_for_the_next(home):
    assert [compose(o).architecture for o in (["model=gru"], [], ["model=bag"], [])] == [
        "gru",
        "lstm",
        "bag",
        "lstm",
    ]
    assert not GlobalHydra.instance().is_initialized()


@pytest.mark.parametrize("name", architectures(CONF))
def test_every_architecture_composes(home, name):
    run = compose([f"model={name}"])
    assert run.architecture == name
    assert flatten(run)["model.cell"] == run.model.cell


def test_the_architectures_are_the_files_of_conf_model(conf):
    write(conf / "model" / "mine.yaml", "cell: gru\n")
    assert set(architectures()) == {file.stem for file in (conf / "model").glob("*.yaml")}
    assert "mine" in architectures()


def test_flat_names_are_the_names_of_the_overrides(home):
    flat = flatten(compose(["model=gru", "model.hidden_size=7"]))
    assert (flat["model"], flat["model.hidden_size"], flat["seed"]) == ("gru", 7, 0)
    assert set(known_keys()) <= set(flat)


def test_a_part_of_chance_has_the_runs_seed_unless_it_has_its_own(home):
    run = compose(["seed=5", "seeds.order=7"])
    parts = ("initialisation", "order", "dropout")
    assert [run.seed_of(part) for part in parts] == [5, 7, 5]
    assert run.overrides == ("seed=5", "seeds.order=7")


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=stacked_bilstm", "optimizer=sgd", "optimizer.lr=1e-3"],
        ["data=ag_news", "data.text=[title,description]", "data.dir='/a b/c'", "seed=3"],
        ["model.embedding_size=32", "model.hidden_size=${model.embedding_size}"],
        ["experiment=small", "model.num_layers=2"],
    ],
)
def test_hydra_itself_composes_the_same_values(conf, overrides):
    write(
        conf / "experiment" / "small.yaml",
        "# @package _global_\ndefaults:\n  - override /model: gru\nmodel:\n  hidden_size: 5\nseed: 9\n",
    )
    ours = compose(overrides)
    with_schema = conf / "config.yaml"
    with_schema.write_text(with_schema.read_text().replace("defaults:\n", "defaults:\n  - run_schema\n"))
    ConfigStore.instance().store(name="run_schema", node=RunSchema)
    with hydra.initialize_config_dir(str(conf), version_base="1.3"):
        theirs = OmegaConf.to_object(hydra.compose("config", overrides))
    assert {part: getattr(ours, part) for part in vars(theirs)} == vars(theirs)


def test_an_interpolation_ties_one_value_to_another_and_is_kept_in_the_overrides(home):
    run = compose(["model.hidden_size=${model.embedding_size}", "model.embedding_size=24"])
    assert run.model.hidden_size == 24
    assert compose(run.overrides) == run


def test_of_two_overrides_with_one_key_the_last_holds(home):
    run = compose(["model=gru", "seed=1", "model=bag", "+seed=2"])
    assert (run.architecture, run.seed, run.overrides) == ("bag", 2, ("model=bag", "seed=2"))


def test_an_experiment_may_set_anything_and_may_lie_in_a_folder(conf):
    write(
        conf / "experiment" / "night" / "big.yaml",
        "# @package _global_\ndefaults:\n  - override /model: bigru\n  - override /optimizer: sgd\n"
        "trainer: {max_epochs: 40}\nmodel: {hidden_size: 256}\n",
    )
    run = compose(["experiment=night/big", "model.hidden_size=16"])
    assert (run.architecture, run.optimizer.name, run.trainer.max_epochs) == ("bigru", "sgd", 40)
    assert (run.model.hidden_size, run.choices["experiment"]) == (16, "night/big")
    assert compose(run.overrides) == run


def test_no_experiment_may_be_said_in_so_many_words(home):
    assert flatten(compose(["experiment=null"])) == flatten(compose())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=lsmt", "model='lsmt' (command line): no such file in conf/model; there is bag, "),
        ("model=lsmt", "Did you mean 'lstm'?"),
        ("data=agnews", "Did you mean 'ag_news'?"),
        ("model=null", "model=None (command line): no such file in conf/model"),
        ("model={a:1}", "no such file in conf/model"),
        ("model=[gru,lstm]", "model=['gru', 'lstm'] (command line): no such file in conf/model"),
        ("model=../data/files", "no such file in conf/model"),
        ("model.hiden_size=3", "model.hiden_size=3 (command line): no such key"),
        ("model.hiden_size=3", "Did you mean 'model.hidden_size'?"),
        ("+model.hiden_size=3", "Did you mean 'model.hidden_size'?"),
        ("++model.hiden_size=3", "Did you mean 'model.hidden_size'?"),
        ("hidden_size=3", "Did you mean 'model.hidden_size'?"),
        ("mdl.hidden_size=3", "Did you mean 'model.hidden_size'?"),
        ("optmizer.lr=3", "Did you mean 'optimizer.lr'?"),
        ("optimizer.learning_rate=3", "Did you mean 'optimizer.lr'?"),
        ("data.libraries.0=numpy", "Did you mean 'data.libraries'?"),
        ("model.hidden_size=abc", "model.hidden_size='abc' (command line): must be a whole number"),
        ("model.hidden_size=1.5", "model.hidden_size=1.5 (command line): must be a whole number"),
        ("model.hidden_size=null", "must be a whole number"),
        ("model.num_layers=true", "model.num_layers=True (command line): must be a whole number"),
        ("model.bidirectional=maybe", "must be true or false"),
        ("optimizer.lr=quick", "optimizer.lr='quick' (command line): must be a number"),
        ("trainer.patience=soon", "must be a whole number, or null"),
        ("data.test_share=null", "must be a number (above 0 and below 1)"),
        ("data.libraries=numpy", "must be a list, as [a,b]"),
        ("data.label={a:1}", "must be text, or null"),
        ("model.hidden_size=-3", "model.hidden_size=-3 (command line): must be 1 or more"),
        ("optimizer.lr=0", "optimizer.lr=0.0 (command line): must be above 0"),
        ("optimizer.lr=nan", "optimizer.lr=nan (command line): must be a finite number"),
        ("optimizer.lr=-inf", "optimizer.lr=-inf (command line): must be a finite number"),
        ("optimizer.name=adamm", "optimizer.name='adamm' (command line) is not one of adam, adamw, sgd"),
        ("seed=-1", "seed=-1 (command line): must be from 0 to 4294967295"),
        ("seeds.order=-1", "seeds.order=-1 (command line): must be from 0 to 4294967295, or null"),
        ("seeds=1", "seeds=1 (command line): seeds is a section; set the keys in it, as seeds."),
        (
            "seeds.initial=1",
            "seeds.initial=1 (command line): no such key. Did you mean 'seeds.initialisation'?",
        ),
        ("~model", "'~model' (command line): every key has a value"),
        ("model.hidden_size=1,2", "one run takes one value; to try several add -m (a grid), or search"),
        ("model.hidden_size=range(1,3)", "one run takes one value"),
        ("model=gru,lstm", "model='gru,lstm' (command line): one run takes one value"),
        (
            "data.labels=person,animal",
            "data.labels='person,animal' (command line): no such key. Did you mean 'data.label'?",
        ),
        ("model.hidden_size", "must be key=value"),
        ("=3", "must be key=value"),
        ("hydra.run.dir=x", "'hydra.run.dir=x' (command line): settings of Hydra itself"),
        ("+hydra/launcher=joblib", "settings of Hydra itself"),
        ("model@other=gru", "'@' has no meaning here; write model=..."),
        ("model.hidden_size=[1", "model.hidden_size='[1' (command line): not readable; put quotes"),
        ("experiment=x", "experiment='x' (command line): no such file in conf/experiment"),
        ("tracking.run_name=${nope}", "tracking.run_name='${nope}' (command line): Interpolation key"),
        ("model.hidden_size=${model.hidden_size}", "Recursive interpolation"),
    ],
)
def test_a_mistake_is_refused_naming_the_key_the_value_the_place_and_what_is_right(home, override, message):
    assert message in refusal("seed=1", override)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell: gru\nhiden_size: 3\n", "model.hiden_size=3 (conf/model/my.yaml, line 2): no such key."),
        ("hidden_size: wide\n", "model.hidden_size='wide' (conf/model/my.yaml, line 1): must be a whole"),
        ("\n\nhidden_size: -1\n", "model.hidden_size=-1 (conf/model/my.yaml, line 3): must be 1 or more"),
        ("cell: [gru\n", "conf/model/my.yaml, line 2: not readable as YAML"),
        ("cell: gru\ncell: rnn\n", "conf/model/my.yaml, line 2: not readable as YAML: found duplicate key"),
        ("dropout: .nan\n", "model.dropout=nan (conf/model/my.yaml, line 1): must be a finite number"),
        ("cell:\n  name: gru\n", "model.cell.name='gru' (conf/model/my.yaml, line 2)"),
        ("- gru\n", "conf/model/my.yaml: not readable as YAML: not a list of `key: value`"),
        ("cell: !!python/name:os.system\n", "conf/model/my.yaml, line 1: not readable as YAML"),
        ("_target_: os.system\n", "model._target_='os.system' (conf/model/my.yaml, line 1): no such key"),
        ("defaults:\n  - /data: nope\n", "data='nope' (conf/model/my.yaml): no such file in conf/data"),
    ],
)
def test_a_mistake_in_a_file_is_refused_naming_the_file_and_the_line(conf, text, message):
    write(conf / "model" / "my.yaml", text)
    assert message in refusal("model=my")


def test_a_file_that_is_not_utf8_is_named(conf):
    (conf / "model" / "my.yaml").write_bytes(b"# caf\xe9\ncell: gru\n")
    assert refusal("model=my") == "conf/model/my.yaml: not readable as UTF-8 text; save it as UTF-8"


def test_an_empty_file_of_a_group_sets_nothing(conf):
    write(conf / "model" / "my.yaml", "")
    assert compose(["model=my"]).model == compose(["model=lstm"]).model


def test_an_experiment_without_its_first_line_is_told_of_it(conf):
    write(conf / "experiment" / "x.yaml", "model: {hidden_size: 3}\n")
    assert "conf/experiment/x.yaml: its first line must be '# @package _global_'" in refusal("experiment=x")


def test_an_experiment_that_names_a_missing_file_is_named(conf):
    write(conf / "experiment" / "x.yaml", "# @package _global_\ndefaults:\n  - override /model: nope\n")
    message = refusal("experiment=x")
    assert "model='nope' (conf/experiment/x.yaml): no such file in conf/model" in message


def test_a_folder_without_config_yaml_is_refused(tmp_path):
    with pytest.raises(UserError, match="no config.yaml in it"):
        compose(conf=tmp_path)


def test_a_changed_file_is_read_again(conf):
    write(conf / "model" / "my.yaml", "hidden_size: 3\n")
    before = compose(["model=my"]).model.hidden_size
    write(conf / "model" / "my.yaml", "hidden_size: 12\n")
    assert (before, compose(["model=my"]).model.hidden_size) == (3, 12)


def test_a_file_is_found_from_the_working_directory_then_from_the_root(home, tmp_path, monkeypatch):
    write(home / "own.csv", "text,label\n")
    write(tmp_path / "here.csv", "text,label\n")
    monkeypatch.chdir(tmp_path)
    run = compose(["data=files", "data.train=own.csv", "data.test=here.csv", "data.validation=nowhere.csv"])
    assert (run.data.train, run.data.test) == (str(home / "own.csv"), "here.csv")
    assert run.data.validation == "nowhere.csv"
    assert run.overrides[1] == "data.train=own.csv"


def test_every_value_says_where_it_came_from(conf):
    write(conf / "experiment" / "x.yaml", "# @package _global_\ntrainer:\n  max_epochs: 2\n")
    found = {s.key: str(s.origin) for s in origins(["model=bigru", "optimizer.lr=0.1", "experiment=x"])}
    assert found["model"] == found["optimizer.lr"] == "command line"
    assert found["model.bidirectional"] == "conf/model/bigru.yaml, line 3"
    assert found["trainer.max_epochs"] == "conf/experiment/x.yaml, line 3"
    assert found["model.hidden_size"] == "default"
    assert found["data"] == "conf/config.yaml"
    assert found["seed"].startswith("conf/config.yaml, line ")


def test_the_types_are_said_in_words():
    words = {key: right_type(key) for key in known_keys()}
    assert words["model.hidden_size"] == "a whole number"
    assert words["trainer.patience"] == "a whole number, or null"
    assert words["model.bidirectional"] == "true or false"


def test_threads_that_compose_at_once_do_not_mix(home):
    found: dict[int, int] = {}

    def work(size: int) -> None:
        for _ in range(5):
            found[size] = compose([f"model.hidden_size={size}"]).model.hidden_size

    threads = [threading.Thread(target=work, args=(size,)) for size in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {size: size for size in range(1, 9)}


def test_files_of_an_own_conf_without_config_yaml_are_found_before_the_packaged_ones(tmp_path, monkeypatch):
    packaged, own = tmp_path / "package", tmp_path / "home"
    shutil.copytree(CONF, packaged / "conf")
    write(own / "conf" / "model" / "mine.yaml", "cell: gru\nhidden_size: 3\n")
    write(own / "conf" / "optimizer" / "adam.yaml", "lr: 0.5\n")
    monkeypatch.setattr("rnnsweep.paths.PACKAGE", packaged)
    monkeypatch.setenv("RNNSWEEP_HOME", str(own))
    run = compose(["model=mine"])
    assert (run.model.hidden_size, run.optimizer.lr) == (3, 0.5)
    assert {"mine", "lstm"} <= set(architectures())


def test_a_copy_of_conf_composes_the_same_whatever_happens_to_the_files(conf, tmp_path):
    write(conf / "model" / "mine.yaml", "hidden_size: 3\n")
    before = compose(["model=mine"])
    copy_conf(tmp_path / "copy")
    (conf / "model" / "mine.yaml").unlink()
    assert compose(["model=mine"], conf=tmp_path / "copy") == before


@settings(deadline=None, max_examples=50)
@given(scalars | st.lists(scalars, max_size=4))
@example("A²")
def test_a_quoted_value_comes_back_as_it_was(value):
    (read,) = read_overrides([quote("data.text", value)])
    assert_same(OmegaConf.to_container(OmegaConf.create({"it": read.value}), resolve=True)["it"], value)
    assert read_overrides([read.text]) == [read]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(-(10**20), 10**20).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{0,3})?(e[+-]?[0-9]{0,2})?", fullmatch=True)
)
@example("-0")
@example("007")
@example("1_000")
@example("1.")
@example(".5")
@example("1e5")
@example("1E5")
def test_a_number_is_read_as_hydra_reads_it(number):
    expected = OverridesParser.create().parse_override(f"optimizer.lr={number}").value()
    short = overrides._number(f"optimizer.lr={number}", "here")
    assert short is None or (short.value == expected and type(short.value) is type(expected))
    if re.fullmatch(r"-?[1-9][0-9]*(\.[0-9]+)?", number):
        assert short is not None


choices = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(architectures(CONF)),
        "optimizer": st.sampled_from(["adam", "adamw", "sgd"]),
        "model.hidden_size": st.integers(1, 512),
        "optimizer.lr": st.floats(1e-8, 10),
        "model.bidirectional": st.booleans(),
        "trainer.patience": st.none() | st.integers(1, 9),
        "tracking.run_name": st.none() | st.text(max_size=8),
        "data.libraries": st.lists(st.text(alphabet="ab ,'[]", min_size=1), max_size=3),
        "seed": st.integers(0, 2**32 - 1),
        "seeds.order": st.none() | st.integers(0, 2**32 - 1),
    },
)


@settings(deadline=None, max_examples=20)
@given(choices, st.randoms())
def test_the_overrides_of_a_run_compose_the_same_run_again(values, random):
    overrides = [quote(key, value) for key, value in values.items()]
    random.shuffle(overrides)
    run = compose(overrides, conf=CONF)
    again = compose(run.overrides, conf=CONF)
    assert (flatten(again), again.overrides) == (flatten(run), run.overrides)
    assert {key: flatten(run)[key] for key in values} == values


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet="\\'\"${}[](),=: ~@#%\n\tab0-", max_size=12))
def test_text_of_the_grammars_own_signs_comes_back_as_it_was(value):
    assert compose([quote("tracking.run_name", value)], conf=CONF).tracking.run_name == value


@settings(deadline=None, max_examples=25)
@given(finite.filter(lambda x: x > 0))
def test_a_number_comes_back_to_the_last_digit(value):
    assert compose([quote("optimizer.lr", value)], conf=CONF).optimizer.lr == value


def assert_same(found: object, value: object) -> None:
    assert found == value
    assert type(found) is type(value) or isinstance(value, list)
    if isinstance(value, float):
        assert math.copysign(1, found) == math.copysign(1, value)


@pytest.mark.parametrize("passed", [{"model": "gru"}, "model=gru", [("model", "gru")]])
def test_overrides_that_are_no_list_of_texts_are_refused_with_one_that_is(passed):
    with pytest.raises(UserError) as refused:
        rnnsweep.train(passed)
    assert str(refused.value) == f"{passed!r}: must be a list of texts, as ['model=gru', 'optimizer.lr=0.01']"


def test_of_two_values_of_a_setting_the_last_one_holds():
    assert compose(["seed=0", "model=gru", "seed=1"]).seed == 1
