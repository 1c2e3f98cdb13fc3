"""A `conf/` or a sweep file from somebody else: small texts stay small, copies take YAML alone."""

import time

import pytest

from rnnsweep.config import compose, copy_conf
from rnnsweep.errors import UserError
from rnnsweep.safety.yaml_files import refuse_bomb
from rnnsweep.sweepfile import read_sweep

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.fixture
def conf(tmp_path):
    from test_config import CONF

    return copy_conf(tmp_path / "conf", conf=CONF)


def test_a_file_whose_aliases_explode_is_refused_at_once(conf, tmp_path):
    began = time.monotonic()
    (conf / "model" / "bomb.yaml").write_text(BOMB)
    with pytest.raises(UserError, match=r"bomb\.yaml: its aliases .* expand to more than 100,000 values"):
        compose(["model=bomb"], conf=conf)
    sweep = tmp_path / "bomb.yaml"
    sweep.write_text("# Does it explode?\nname: x\n" + BOMB)
    with pytest.raises(UserError, match="expand to more than"):
        read_sweep(sweep)
    assert time.monotonic() - began < 5


def test_an_alias_that_holds_itself_is_refused():
    with pytest.raises(UserError, match="expand to more than"):
        refuse_bomb("a: &a [*a]\n", "x.yaml")


@pytest.mark.parametrize("text", ["a: &a 1\nb: *a\n", "a: 3 * 4\n", "- *\n", "a: [", "a: '*x'\n", ""])
def test_ordinary_texts_and_aliases_pass(text):
    refuse_bomb(text, "x.yaml")


def test_a_copy_of_conf_takes_yaml_alone(conf, tmp_path):
    (conf / "id_rsa").write_text("secret")
    (conf / "model" / "run.py").write_text("evil")
    copied = copy_conf(tmp_path / "copy", conf=conf)
    assert {path.suffix for path in copied.rglob("*") if path.is_file()} == {".yaml"}
    assert (copied / "model" / "lstm.yaml").is_file()


def test_a_copy_of_conf_follows_no_link_out_of_it(conf, tmp_path):
    (tmp_path / "secret").write_text("hunter2")
    (conf / "model" / "mine.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match=r"mine\.yaml: is a link out of"):
        copy_conf(tmp_path / "copy", conf=conf)
    (conf / "model" / "mine.yaml").unlink()
    (conf / "model" / "again.yaml").symlink_to("lstm.yaml")  # within conf/
    assert not (copy_conf(tmp_path / "copy", conf=conf) / "model" / "again.yaml").is_symlink()
