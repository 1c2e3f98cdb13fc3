"""Which columns are taken for texts and labels where names do not tell, and what is said of the others."""

import csv
import json
import random
import shlex

import pytest

from rnnsweep.cli import main
from rnnsweep.data import NoColumn, prepare
from rnnsweep.data.config import DataConfig

ACT = "another that may be meant, by a sample of up to 1,000 rows: act (5 values): "


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
        "data.label=a; others that may be meant, by a sample of up to 1,000 rows: b (3 values), c (4 values),"
        " d (5 values), e (6 values) ...:"
        " data.label=b"
    )


def test_a_comment_that_few_rows_have_is_not_named_as_another_label(home, capsys):
    lines = [f"a text of words {n},{n % 3},{f'comment {n}' if n % 9 == 0 else ''}" for n in range(180)]
    (home / "rows.csv").write_text("\n".join(["note,kind,comment", *lines]) + "\n")
    assert main(["init", "new", "--from", "rows.csv"]) == 0
    said = capsys.readouterr()
    assert "labels: kind (found by its values; another column: --label)" in said.out + said.err


def test_a_label_whose_name_is_that_of_a_group_groups_no_rows(speeches, capsys):
    speeches.write_text(speeches.read_text().replace("who", "speaker", 1))
    assert main(["init", "new", "--from", "speeches.csv", "--label", "speaker"]) == 0
    assert "groups rows: " not in capsys.readouterr().err
    assert main(["init", "other", "--from", "speeches.csv", "--label", "act"]) == 0
    assert "column 'speaker' groups rows: " in capsys.readouterr().err


LIBRARY = ("a", "small", "library", "which", "reads", "old", "tables", "and", "draws", "maps", "of", "rivers")
PARK = ("мы", "идём", "сегодня", "гулять", "парк", "очень", "хорошо")
SECTIONS = ("admin", "games", "net", "python")
TEAMS = [
    (f"Team of {first} {last}", f"{last}{n}") for n, first in enumerate("ABCDEFGH") for last in ("Ro", "Li")
]


def sentence(n, words=9):
    return " ".join(random.Random(n).choices(LIBRARY, k=words))


# the column of texts is the last but one, that of the labels the last
TABLES = {
    "packages with maintainers and homepages": lambda n: {
        "package": f"python3-long-name-of-a-package-{n}",
        "maintainer": "{} with many names <{}@lists.of.a.long.domain.example.org>".format(*TEAMS[n % 16]),
        "installed_kb": 70 * n,
        "homepage": f"https://projects.example.org/a/long/address/of/a/page/{n}.html",
        "summary": sentence(n),
        "section": SECTIONS[n % 4],
    },
    "people, all of them different": lambda n: {
        "who": f"Maximiliane-{n % 7} Wolkenstein Freifrau-{n} <m.wolkenstein.{n}@mail.example.org>",
        "remark": sentence(n, 6),
        "mood": SECTIONS[n % 4],
    },
    "long ids and hashes": lambda n: {
        "uuid": f"{n:08x}-7c1e-4b5a-9f00-00112233445566778899aabbccddeeff",
        "path": f"/usr/share/a long/path of words/with blanks/{n}/file.txt",
        "at": f"2026-11-{1 + n % 28:02} 12:00:00",
        "remark": sentence(n, 5),
        "mood": SECTIONS[n % 4],
    },
    "long names of products that repeat": lambda n: {
        "item": f"{sentence(n % 12, 14)}",
        "remark": sentence(n, 6),
        "mood": SECTIONS[n % 4],
    },
    "texts that repeat beside numbers": lambda n: {
        "id": n,
        "remark": sentence(n % 30, 7),
        "mood": SECTIONS[n % 4],
    },
    "short texts beside a longer one": lambda n: {
        "subject line": sentence(n, 3),
        "remark": sentence(n + 1, 20),
        "mood": SECTIONS[n % 4],
    },
    "Chinese, without blanks": lambda n: {
        "who": f"Zhang Wei {n} <zhang.wei.{n}@mail.example.cn>",
        "remark": "".join(random.Random(n).choices("我们今天去公园看花吃饭很好不错", k=18)) + "。",
        "mood": SECTIONS[n % 4],
    },
    "Russian": lambda n: {
        "who": f"Ivan Petrovich Sidorov {n} <ivan.petrovich.sidorov.{n}@mail.example.ru>",
        "remark": " ".join(random.Random(n).choices(PARK, k=6)),
        "mood": SECTIONS[n % 4],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_sentences_are_taken_for_the_texts_before_names_addresses_and_ids_in_any_order(name, tmp_path):
    rows = [TABLES[name](n) for n in range(240)]
    *_, text, label = rows[0]
    for order in range(6):
        names = list(rows[0])
        random.Random(order).shuffle(names)
        with (tmp_path / "rows.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(rows)
        with pytest.raises(NoColumn) as refused:
            prepare(DataConfig(corpus="files", train=str(tmp_path / "rows.csv")), tmp_path / "cache")
        assert refused.value.likely == {"data.text": text, "data.label": label}


def test_a_table_of_numbers_is_refused_and_its_classes_are_not_taken_for_texts(home, refused):
    lines = [f"{n / 7:.6f},{n / 11:.6f},{('walking up', 'sitting down')[n % 2]}" for n in range(60)]
    (home / "rows.csv").write_text("\n".join(["x,z,activity", *lines]) + "\n")
    assert "Its columns hold numbers: " in refused("train data.train=rows.csv")


def test_the_label_and_the_groups_of_a_table_that_is_sorted_by_them_are_found(home, capsys):
    sections = ("law", "history", "poetry")
    lines = [
        f"a verse of several words {n},{sections[n // 1200]},book{n // 60},{1 + n // 12 % 5}"
        for n in range(3600)
    ]
    (home / "verses.csv").write_text("\n".join(["passage,section,scroll,chapter", *lines]) + "\n")
    assert main(["init", "new", "--from", "verses.csv"]) == 0
    said = capsys.readouterr().err
    assert "labels: section (found by its values; others that may be meant" in said
    assert "columns whose values repeat may: 'scroll' (60 values): data.group=scroll keeps" in said


def test_groups_of_few_rows_are_found_where_they_are_neighbours(home, capsys):
    lines = [f"a note of several words {n},{n % 3},writer{n // 3}" for n in range(9000)]
    (home / "notes.csv").write_text("\n".join(["text,label,by", *lines]) + "\n")
    assert main(["init", "new", "--from", "notes.csv"]) == 0
    assert "'by' (3,000 values): data.group=by" in capsys.readouterr().err


def test_init_reads_characters_where_most_words_are_in_no_training_text(home, capsys):
    draw = random.Random(1)
    lines = [
        f"{''.join(draw.choices(letters, k=6))},{language}"
        for _ in range(300)
        for letters, language in (("abcdef", "one"), ("uvwxyz", "other"))
    ]
    (home / "names.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    assert main(["init", "new", "--from", "names.csv"]) == 0
    said = capsys.readouterr().err
    assert "% of the words of the validation and test rows are in no training text: the sweep reads" in said
    assert "characters (data.tokens=characters)" in said
    written = (home / "new" / "sweeps" / "names.yaml").read_text()
    assert "are in no training text\n  - data.tokens=characters\n" in written
    assert "data.max_length=8\n" in written


def test_init_reads_lists_of_tokens_as_they_are(home, capsys):
    rows = [{"text": [f"t{n}", f"u{n}"], "label": "ab"[n % 2]} for n in range(200)]
    (home / "lists.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["init", "new", "--from", "lists.jsonl"]) == 0
    assert "data.tokens" not in (home / "new" / "sweeps" / "lists.yaml").read_text()
    assert "the sweep reads" not in capsys.readouterr().err
