"""Word vectors from files: whole ones are read, hostile and truncated ones refused."""

import json

import numpy as np
import pytest

from rnnsweep.cli import main
from rnnsweep.data.word_vectors.files import coverage, read_vectors
from rnnsweep.errors import UserError

WORDS = ("the", "Oil", "oil", "PARIS", "naïve")
TABLE = np.array([[n + 0.5, -n, 0.25, n / 8] for n in range(len(WORDS))], dtype=np.float32)
VOCABULARY = ("<padding>", "<unknown>", "oil", "the", "paris", "zebra", "naïve")


def glove(words=WORDS, table=TABLE):
    rows = zip(words, table, strict=True)
    return "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows).encode()


def word2vec_text():
    return f"{len(WORDS)} 4\n".encode() + glove()


def word2vec_binary(*, line_ends=True):
    end = b"\n" if line_ends else b""
    rows = [word.encode() + b" " + row.tobytes() + end for word, row in zip(WORDS, TABLE, strict=True)]
    return f"{len(WORDS)} 4\n".encode() + b"".join(rows)


FILES = {
    "glove": glove(),
    "glove without a last line end": glove().rstrip(b"\n"),
    "glove with Windows line ends": glove().replace(b"\n", b"\r\n"),
    "word2vec text": word2vec_text(),
    "word2vec binary": word2vec_binary(),
    "word2vec binary without line ends": word2vec_binary(line_ends=False),
}


def written(tmp_path, content):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file_gives_the_same_vectors(tmp_path, kind):
    vectors = read_vectors(written(tmp_path, FILES[kind]), VOCABULARY)
    assert vectors.found_V.tolist() == [0, 0, 1, 1, 2, 0, 1]
    assert vectors.width == 4
    np.testing.assert_array_equal(vectors.vectors_VE[[2, 3, 4, 6]], TABLE[[2, 0, 3, 4]])
    assert not vectors.vectors_VE[[0, 1, 5]].any()


def test_of_a_word_that_comes_twice_the_first_counts(tmp_path):
    path = written(tmp_path, glove() + b"the 9 9 9 9\nparis 8 8 8 8\nparis 9 9 9 9\n")
    vectors = read_vectors(path, VOCABULARY)
    assert vectors.vectors_VE[3].tolist() == TABLE[0].tolist()
    assert vectors.vectors_VE[4].tolist() == [8, 8, 8, 8]  # as written wins over other capitals


def test_an_entry_of_several_words_is_not_taken_for_its_first(tmp_path):
    path = written(tmp_path, glove() + b"zebra crossing 1 2 3 4\n")
    assert read_vectors(path, VOCABULARY).found_V[5] == 0


def test_the_coverage_counts_words_and_running_words(tmp_path):
    vectors = read_vectors(written(tmp_path, glove()), VOCABULARY)
    ids = np.array([2, 2, 3, 5, 1, 1, 4, 0, 0], np.int32)
    found = coverage(vectors, VOCABULARY, ids)
    assert (found.words, found.as_written, found.other_capitals, found.missing) == (5, 3, 1, ("zebra",))
    assert found.running == pytest.approx(4 / 7)
    assert ("found, share of the vocabulary", "80.0%") in found.table


HOSTILE = {
    "empty": (b"", "empty"),
    "no numbers": (b"hello\n", "line 1"),
    "no text at all": (bytes(range(256)) * 8, "line 1"),
    "a header that promises more than the file holds": (b"1000000000000 300\nthe 1 2 3\n", "bytes"),
    "a header of a width beyond reason": (b"1 99999999999\nthe 1 2 3\n", "widths go to"),
    "a header of no words": (b"0 5\n" + b"x" * 100, "0 words"),
    "text cut off in a line": (glove()[:-12], "numbers in place of 4"),
    "text cut off between lines": (word2vec_text()[: word2vec_text().rindex("naïve".encode())], "5 words"),
    "binary cut off": (word2vec_binary()[:-9], "bytes|ends, or is damaged, in word 5"),
    "binary with a word without an end": (b"2 4\n" + b"\x01" * 5000, "word 1 of 2"),
    "a line without numbers": (glove() + b"zebra\nthe 1 2 3 4\n", "entry 6"),
    "a line with too few numbers": (b"the 1 2 3 4\noil 1 2\nzebra 1 2 3 4\n", "'oil' has 2 numbers"),
    "letters for a number": (b"the 1 2 3 4\noil 1 2 x 4\nzebra 1 2 3 4\n", "'oil' is followed by"),
    "not a number": (b"the 1 2 3 4\noil 1 2 nan 4\n", "'oil' has a number that is not finite"),
    "an infinite number": (b"the 1 2 3 4\noil 1 2 1e99 4\nx 1 2 3 4\n", "'oil' has a number"),
    "gzip": (b"\x1f\x8b" + b"\x00" * 99, "unpack it first"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_not_whole_is_refused_with_its_name(tmp_path, name):
    content, expected = HOSTILE[name]
    path = written(tmp_path, content)
    with pytest.raises(UserError, match=expected) as caught:
        read_vectors(path, VOCABULARY)
    assert str(caught.value).startswith(f"data.vectors={str(path)!r}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError, match=r"data\.vectors=.*cannot be read"):
            read_vectors(path, VOCABULARY)


def test_any_truncation_is_refused_or_gives_whole_vectors(tmp_path):
    """A GloVe file has no count of its own: cut between two lines it is a shorter whole file."""
    for content in (glove(), word2vec_text(), word2vec_binary()):
        for size in range(1, len(content)):
            try:
                vectors = read_vectors(written(tmp_path, content[:size]), VOCABULARY)
            except UserError:
                continue
            if vectors.width != 4:  # cut within the first line: nothing tells it from a file of such lines
                assert content == glove()
                continue
            rows = [row for n, row in enumerate(vectors.vectors_VE) if vectors.found_V[n]]
            near = [np.abs(TABLE - row).max(1).min() for row in rows]
            assert max(near, default=0) < 1


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    lines = [f"{'the oil of paris' if n % 2 else 'a zebra'} {n},{n % 2}" for n in range(40)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    return path


def test_the_command_tells_how_much_of_a_corpus_a_file_speaks_of(home, tmp_path, rows, capsys):
    settings = ["data=files", f"data.train={rows}"]
    assert main(["vectors", str(written(tmp_path, glove())), *settings, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["width"], said["as_written"], said["other_capitals"]) == (4, 2, 1)
    assert "zebra" in said["missing"]
    assert 0 < said["running"] < 1
    assert main(["vectors", "own", *settings, "model.embedding_size=5"]) == 0
    shown = capsys.readouterr().out
    assert "numbers of a vector            5" in shown
    assert "found, share of running words" in shown


def test_own_vectors_come_from_near_words_so_a_word_that_is_alone_in_its_texts_has_none(home, rows, capsys):
    rows.write_text(rows.read_text() + "asimov,0\nasimov,1\noil,0\n" * 5)
    assert main(["vectors", "own", "data=files", f"data.train={rows}", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["missing"] == ["asimov"]
    assert said["as_written"] == said["words"] - 1


def test_the_command_refuses_a_file_that_is_none(home, tmp_path, rows, capsys):
    (tmp_path / "broken").write_bytes(b"hello\n")
    assert main(["vectors", str(tmp_path / "broken"), "data=files", f"data.train={rows}"]) == 2
    assert "line 1 is neither" in capsys.readouterr().err
