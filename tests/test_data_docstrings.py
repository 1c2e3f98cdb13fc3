"""Paragraphs of docstrings: read without running anything, masked, without repeats, split by file."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rnnsweep.data import prepare
from rnnsweep.data.config import DataConfig
from rnnsweep.data.corpora import read_corpus
from rnnsweep.data.groups import hash_names
from rnnsweep.data.rows import choose_rows
from rnnsweep.data.sources._paragraphs import MASK, SeenTexts, Wanted, mask_pattern, paragraphs, read_library
from rnnsweep.data.sources.docstrings import NAMES
from rnnsweep.errors import UserError

WORDS = [
    *("amber", "brook", "cedar", "delta", "ember", "fjord", "grove"),
    *("heath", "inlet", "juniper", "knoll", "lagoon", "meadow", "nettle", "orchid"),
]


def sentence(seed: str) -> str:
    """Ten words that no other seed has in this order."""
    draw = np.random.default_rng(int(hash_names([seed])[0]))
    return " ".join(draw.choice(WORDS, 10)) + "."


@pytest.fixture
def libraries(tmp_path, monkeypatch) -> list[str]:
    """Two installed libraries whose files raise when they are run."""
    for library in ("alphalib", "betalib"):
        for number in range(30):
            folder = tmp_path / "site" / library / f"part{number % 3}"
            folder.mkdir(parents=True, exist_ok=True)
            paragraphs_of_file = "\n\n".join(sentence(f"{library} {number} {n}") for n in range(4))
            (folder / f"module{number}.py").write_text(f'"""{paragraphs_of_file}"""\nraise SystemExit(3)\n')
        (tmp_path / "site" / library / "__init__.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return ["alphalib", "betalib"]


def corpus_of(libraries, tmp_path, **settings):
    return prepare(DataConfig(libraries=libraries, **settings), tmp_path / "cache")


def test_libraries_are_read_without_being_run(libraries, tmp_path):
    corpus = corpus_of(libraries, tmp_path)
    assert corpus.labels == ("alphalib", "betalib")
    assert sum(corpus.sizes.values()) == 2 * 30 * 4
    assert corpus.name == "docstrings"


def files_of_parts(config: DataConfig, cache: Path) -> list[set[int]]:
    rows = read_corpus(config, cache).rows()
    return [set(rows.groups_N[numbers].tolist()) for numbers in choose_rows(rows, config).values()]


@pytest.mark.parametrize("split_seed", [0, 1])
def test_no_source_file_is_in_two_parts(libraries, tmp_path, split_seed):
    config = DataConfig(libraries=libraries, split_seed=split_seed)
    train, validation, test = files_of_parts(config, tmp_path / "cache")
    assert len(train) + len(validation) + len(test) == 60
    assert len(train | validation | test) == 60
    assert len(test) == 6


def test_the_test_part_is_the_same_whatever_the_split_seed(libraries, tmp_path):
    corpora = [corpus_of(libraries, tmp_path, split_seed=seed) for seed in (0, 1)]
    assert corpora[0].texts("test") == corpora[1].texts("test")
    assert corpora[0].texts("validation") != corpora[1].texts("validation")


def test_a_sample_reads_files_only_until_it_is_full(libraries, tmp_path):
    config = DataConfig(libraries=libraries, sample=40, validation_share=0.2, test_share=0.2)
    rows = read_corpus(config, tmp_path / "cache").rows()
    assert 40 <= len(rows.texts) < 60
    corpus = prepare(config, tmp_path / "cache")
    assert sum(corpus.sizes.values()) == 40
    assert corpus_of(libraries, tmp_path / "again", **vars_of(config)).digest == corpus.digest


def vars_of(config: DataConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in ("sample", "validation_share", "test_share")}


def test_the_libraries_are_read_once(libraries, tmp_path, monkeypatch):
    first = corpus_of(libraries, tmp_path)
    monkeypatch.setattr("rnnsweep.data.sources.docstrings._read_apart", None)
    assert corpus_of(libraries, tmp_path, vocabulary=10).texts("train") == first.texts("train")


def test_a_file_gives_a_fortieth_of_the_sample_at_most_while_others_have_more(tmp_path):
    library = tmp_path / "lib"
    library.mkdir()
    for number in range(90):
        text = "\n\n".join(sentence(f"{number} {n}") for n in range(20))
        (library / f"m{number}.py").write_text(f'"""{text}"""')
    found = read_library(Wanted("lib", str(library), 80, ()))
    assert len(found) == 80
    assert max(np.unique([p.file for p in found], return_counts=True)[1]) == 2
    all_of_them = read_library(Wanted("lib", str(library), 1500, ()))
    assert len(all_of_them) == 1500


SOURCE = '''
"""Module text of exactly eight words, not seven.

Too short.
"""
class Thing:
    """A class that says what it is for
    on two lines.

    >>> Thing() is an example, so it is no prose at all

    Parameters
    ----------
    size : int
        How large the thing is to be, in metres.
    """
    if size:
        try:
            def nested(self):
                """A function in blocks is found in them as anywhere."""
        finally:
            pass
    async def go(self):
        "A string of quotes is a docstring as well, here."
        not_a_docstring = "This is a string that documents nothing at all."
'''


def test_paragraphs_of_prose_are_found_in_docstrings_alone():
    assert list(paragraphs(SOURCE.encode())) == [
        "Module text of exactly eight words, not seven.",
        "A class that says what it is for on two lines.",
        "A function in blocks is found in them as anywhere.",
        "A string of quotes is a docstring as well, here.",
    ]


def test_paragraphs_of_more_than_eighty_words_are_left_out():
    assert [len(p.split()) for n in (7, 8, 80, 81) for p in paragraphs(f'"""{"word " * n}"""'.encode())] == [
        8,
        80,
    ]


@pytest.mark.parametrize("source", [b'"""text', b'"""\xff\xfe"""', b"\0'''", b'print "old" """x"""'])
def test_a_file_that_does_not_parse_is_left_out(source):
    assert list(paragraphs(source)) == []


def test_files_of_tests_and_of_other_peoples_code_are_left_out(tmp_path):
    for folder in ("lib/tests", "lib/_vendor/other", "lib/core"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "m.py").write_text(f'"""{sentence(folder)}"""')
    assert [p.file for p in read_library(Wanted("lib", str(tmp_path / "lib"), None, ()))] == ["lib/core/m.py"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("import numpy as np", f"import {MASK} as {MASK}"),
        ("PyTorch and TorchScript", f"{MASK} and {MASK}"),
        ("scikit-learn's API", f"{MASK}'s API"),
        ("an nx_graph, __torch_function__", f"an {MASK}_graph, __{MASK}_function__"),
        ("np.array(spam), pd.NA", f"{MASK}.array(spam), {MASK}.NA"),
        ("an input of expansion updates", "an input of expansion updates"),
    ],
)
def test_names_of_libraries_and_their_aliases_are_masked(text, masked):
    names = {name for library, aliases in NAMES.items() for name in (library, *aliases)}
    assert mask_pattern(names).sub(MASK, text) == masked


def test_no_name_of_a_library_is_left_in_the_corpus(libraries, tmp_path):
    for library, other in (("alphalib", "betalib"), ("betalib", "alphalib")):
        module = tmp_path / "site" / library / "names.py"
        module.write_text(f'"""This module of {library} calls {other.upper()} and numpy as np in all."""')
    texts = [
        text
        for part in ("train", "validation", "test")
        for text in corpus_of(libraries, tmp_path).texts(part)
    ]
    assert sum(MASK in text for text in texts) >= 1
    assert not any(re.search(r"(?i)alphalib|betalib|numpy|\bnp\b", text) for text in texts)


@given(st.lists(st.sampled_from(WORDS), min_size=8, max_size=40), st.data())
@settings(deadline=None)
def test_a_text_with_one_word_changed_is_not_new(words, data):
    seen = SeenTexts()
    assert seen.is_new(" ".join(words))
    assert not seen.is_new(" ".join(words).upper() + " 123!")
    if len(set(zip(words, words[1:], words[2:], words[3:], strict=False))) >= 16:
        words[data.draw(st.integers(0, len(words) - 1))] = "changed"
        assert not seen.is_new(" ".join(words))


def test_other_texts_are_new_and_tiny_ones_never():
    seen = SeenTexts()
    assert [seen.is_new(sentence(str(n))) for n in range(50)] == [True] * 50
    assert not seen.is_new("only three words")


def test_what_two_libraries_share_is_kept_once(libraries, tmp_path):
    for library in libraries:
        text = "A sentence that both of these libraries have copied from a third."
        (tmp_path / "site" / library / "copied.py").write_text(f'"""{text}"""')
    texts = [
        text
        for part in ("train", "validation", "test")
        for text in corpus_of(libraries, tmp_path).texts(part)
    ]
    assert len([text for text in texts if text.startswith("A sentence that both")]) == 1


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["json"], r"data.libraries=\['json'\]: two or more libraries are needed"),
        (["json", "nosuchlib"], "data.libraries: 'nosuchlib' is not installed"),
        (
            ["json", "os.path"],
            "data.libraries: 'os.path' is not installed; name libraries as they are imported",
        ),
        (["json", "sys"], "data.libraries: 'sys' has no Python source to read"),
        (["json", "this"], r"data.libraries: '\w+' has \d+ paragraphs of 8 to 80 words; 20 are needed"),
    ],
)
def test_libraries_that_cannot_be_read_are_refused(tmp_path, named, message):
    with pytest.raises(UserError, match=message):
        corpus_of(named, tmp_path)


@pytest.fixture(scope="module")
def nine(cache):
    """The default corpus as the first sweep reads it."""
    config = DataConfig(sample=14_400, max_length=80)
    return config, prepare(config, cache)


@pytest.mark.slow
def test_the_default_corpus_is_balanced_and_masked_and_has_no_file_in_two_parts(nine, cache):
    config, corpus = nine
    assert sum(corpus.sizes.values()) == 14_400
    parts = (corpus.train, corpus.validation, corpus.test())
    totals = sum(np.bincount(part.targets_N, minlength=9) for part in parts)
    assert totals.tolist() == [1600] * 9
    files = files_of_parts(config, cache)
    assert sum(map(len, files)) == len(set.union(*files))
    names = re.compile(
        r"(?i)\b(numpy|np|pandas|pd|scipy|torch|sympy|sqlalchemy|networkx|nx|matplotlib|plt)\b"
    )
    assert not any(names.search(text) for part in corpus.sizes for text in corpus.texts(part))


@pytest.mark.slow
def test_a_linear_model_finds_the_default_corpus_neither_trivial_nor_noise(nine):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    _, corpus = nine
    vectorizer = TfidfVectorizer(sublinear_tf=True)
    model = LogisticRegression(max_iter=300)
    model.fit(vectorizer.fit_transform(corpus.texts("train")), corpus.train.targets_N)
    assert 0.55 < model.score(vectorizer.transform(corpus.texts("test")), corpus.test().targets_N) < 0.8
