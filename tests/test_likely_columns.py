"""Which columns are taken for texts and labels where names do not tell, and what is said of the others."""

import json
import shlex

import pytest

from rnnsweep.cli import main

ACT = "another that may be meant: act (5 values): "


@pytest.fixture
def speeches(home):
    """Lines of plays: six speakers, five acts, and no column with the name of a text or a label."""
    speakers = ("Romeo", "Juliet", "Nurse", "Tybalt", "Paris", "Peter")
    lines = [f"{n},a speech of several words {n},{speakers[n % 6]},{1 + n % 5}" for n in range(120)]
    path = home / "speeches.csv"
    path.write_text("\n".join(["nr,speech,who,act", *lines]) + "\n")
    return path


@pytest.fixture
def refused(capsys):
    """A function that runs a command, which is refused, and returns the line that it prints."""

    def refuse(line: str) -> str:
        capsys.readouterr()
        assert main(shlex.split(line)) == 2
        return " ".join(capsys.readouterr().err.split())

    return refuse


def test_init_takes_words_of_few_values_before_small_numbers_and_names_the_other_columns(speeches, capsys):
    assert main(["init", "new", "--from", "speeches.csv"]) == 0
    shown = capsys.readouterr().err
    assert "texts: speech (found by its values; another column: --text)\n" in shown
    assert f"labels: who (found by its values; {ACT}--label act)\n" in shown


def test_data_and_train_name_the_columns_that_init_names(speeches, capsys, refused):
    assert main(["data", "data.train=speeches.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["guessed"], found["other_labels"]) == (["data.text=speech", "data.label=who"], {"act": 5})
    assert main(["data", "data.train=speeches.csv"]) == 0
    said = capsys.readouterr().err
    assert f"data.text=speech data.label=who (name them to train); {ACT}data.label=act\n" in said
    assert refused("train data.train=speeches.csv").endswith(
        f" By their values they may be data.text=speech data.label=who; {ACT}data.label=act"
    )


def test_a_setting_that_the_user_gave_is_never_replaced_by_a_hint(speeches, refused):
    message = refused("train data.train=speeches.csv data.label=who")
    assert "no column of texts found" in message
    assert message.endswith(". By its values it may be data.text=speech")
    message = refused("train data.train=speeches.csv data.text=speech")
    assert message.endswith(f". By its values it may be data.label=who; {ACT}data.label=act")
    message = refused("train data.train=speeches.csv data.label=whom")
    assert "data.label='whom': " in message
    assert message.endswith(" Did you mean 'who'?")


def test_a_label_that_is_not_there_is_never_taken_for_the_column_of_the_texts(speeches, refused):
    message = refused("init new --from speeches.csv --label speaker")
    assert "--label 'speaker': " in message
    assert message.endswith(f". By its values it may be --label who; {ACT}--label act")


def test_words_of_many_values_come_after_numbers_and_four_others_are_listed(home, refused):
    lines = [
        ",".join([f"a text of words {n}", f"w{n % 40}", *(str(n % k) for k in range(2, 7))])
        for n in range(120)
    ]
    (home / "rows.csv").write_text("\n".join(["note,name,a,b,c,d,e", *lines]) + "\n")
    assert refused("train data.train=rows.csv").endswith(
        "data.label=a; others that may be meant: b (3 values), c (4 values), d (5 values), e (6 values) ...:"
        " data.label=b"
    )


def test_a_label_whose_name_is_that_of_a_group_groups_no_rows(speeches, capsys):
    speeches.write_text(speeches.read_text().replace("who", "speaker", 1))
    assert main(["init", "new", "--from", "speeches.csv", "--label", "speaker"]) == 0
    assert "groups rows: " not in capsys.readouterr().err
    assert main(["init", "other", "--from", "speeches.csv", "--label", "act"]) == 0
    assert "column 'speaker' groups rows: " in capsys.readouterr().err
