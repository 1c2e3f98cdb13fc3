"""A corpus prepared once: ids, texts and digests that belong together."""

import json
import subprocess
import sys
from pathlib import Path
from unittest import mock
from uuid import uuid4

import numpy as np
import pytest
from benchmarks._batches import batches
from hypothesis import HealthCheck, given, settings, strategies as st

from rnnsweep.data import corpora, prepare, read_texts
from rnnsweep.data.config import DataConfig
from rnnsweep.data.rows import TextRows
from rnnsweep.errors import UserError

COLOURS = ("red", "green", "blue")


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "colours.jsonl"
    rows = [
        {"text": f"{COLOURS[n % 3]} thing w{n}" + " x" * (n % 7), "label": COLOURS[n % 3]} for n in range(120)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def make(source, tmp_path):
    return lambda **settings: prepare(
        DataConfig(corpus="files", train=str(source), **settings), tmp_path / "cache"
    )


def words_of(corpus, part, row) -> str:
    ids = part.ids[part.offsets_N1[row] : part.offsets_N1[row + 1]]
    return " ".join(corpus.vocabulary[n] for n in ids)


def test_ids_texts_and_targets_belong_together(make):
    corpus = make()
    for name, part in (("train", corpus.train), ("validation", corpus.validation), ("test", corpus.test())):
        texts = corpus.texts(name)
        assert len(texts) == len(part) == corpus.sizes[name]
        for row, text in enumerate(texts):
            assert corpus.labels[part.targets_N[row]] == text.split()[0]
            assert len(text.split()) == part.lengths_N[row]
            if name == "train":
                assert words_of(corpus, part, row) == text


def test_words_that_training_does_not_have_are_unknown(make):
    corpus = make()
    assert words_of(corpus, corpus.test(), 0).split()[2] == "<unknown>"
    assert not set(corpus.vocabulary) & {text.split()[2] for text in corpus.texts("test")}


def test_texts_of_ones_own_are_encoded_like_the_corpus(make):
    corpus = make()
    again = corpus.encode(corpus.texts("train"))
    assert again.ids.tolist() == corpus.train.ids.tolist()
    assert again.offsets_N1.tolist() == corpus.train.offsets_N1.tolist()
    assert set(again.targets_N.tolist()) == {-100}
    assert corpus.encode(["", "never seen"]).ids.tolist() == [1, 1, 1]
    assert len(corpus.encode([])) == 0


def test_padding_can_be_taken_for_unknown_to_show_the_mistake(make):
    corpus = make(pad_is_unknown=True)
    assert corpus.encode(["never seen red"]).ids.tolist()[:2] == [0, 0]
    assert (corpus.test().ids == 0).sum() == len(corpus.test())
    assert (make().test().ids == 0).sum() == 0


def test_the_baseline_reads_the_same_rows(make, source, tmp_path):
    corpus = make()
    settings = DataConfig(corpus="files", train=str(source))
    texts, targets_N = read_texts(settings, "validation", tmp_path / "cache")
    assert texts == corpus.texts("validation")
    assert targets_N.tolist() == corpus.validation.targets_N.tolist()


def test_an_unknown_part_is_refused(make):
    with pytest.raises(UserError, match=r"part='valid' is not one of .*Did you mean 'validation'\?"):
        make().texts("valid")


def test_settings_of_tokens_make_their_own_ids_over_one_corpus(make, tmp_path):
    corpora = [make(), make(max_length=2), make(tokens="characters"), make(vocabulary=5), make(split_seed=1)]
    assert len({corpus.folder for corpus in corpora}) == 5
    assert len({corpus.digest for corpus in corpora}) == 1
    assert len(list((tmp_path / "cache" / "corpora").glob("*/rows.parquet"))) == 1
    assert corpora[1].train.lengths_N.max() == 2
    assert len(corpora[3].vocabulary) == 5
    assert make(batch_size=7).folder == corpora[0].folder


def test_the_training_rows_alone_decide_the_vocabulary(make):
    fitted = make(fit_rows=1)
    assert set(fitted.vocabulary[2:]) == set(fitted.texts("train")[0].split())


@pytest.mark.parametrize("name", ["train.ids.npy", "vocabulary.json", "meta.json", "test.offsets.npy"])
def test_a_damaged_cache_is_noticed_and_made_again(make, name):
    corpus = make()
    before = corpus.train.ids.tolist()
    path = corpus.folder / name
    path.write_bytes(path.read_bytes()[:-3])
    again = make()
    assert again.train.ids.tolist() == before
    assert again.vocabulary == corpus.vocabulary


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.integers(0, 9)), at_once=st.integers(1, 12))
def test_texts_of_some_rows_are_those_rows_however_the_file_groups_them(asked, at_once, tmp_path):
    texts = [f"text {number}" for number in range(10)]
    rows = TextRows(
        "ten", ("a",), texts, np.zeros(10, np.int64), np.zeros(10, np.uint64), np.zeros(10, np.int8), ()
    )
    folder = tmp_path / uuid4().hex
    folder.mkdir()
    with mock.patch.object(corpora, "AT_ONCE", at_once):
        corpora._write(rows, folder)
    assert corpora.Corpus(folder).texts(np.array(asked, np.int64)) == [texts[number] for number in asked]


def test_damaged_texts_are_noticed_and_read_again(make):
    corpus = make()
    before = corpus.texts("train")
    path = corpus.corpus / "rows.parquet"
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(bytes(content))
    assert make().texts("train") == before


def test_nothing_in_the_cache_is_a_pickle(make, tmp_path):
    make().texts("train")
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".npy", ".json", ".parquet", ".lock"}
    for path in files:
        if path.suffix == ".npy":
            assert np.load(path, allow_pickle=False).dtype.kind == "i"


BOTH = """
import json, sys
from pathlib import Path
from rnnsweep.data import prepare
from rnnsweep.data.config import DataConfig
corpus = prepare(DataConfig(corpus="files", train=sys.argv[1]), Path(sys.argv[2]))
print(json.dumps([corpus.digest, int(corpus.train.ids.sum()), corpus.texts("test")[0]]))
"""


def test_two_processes_that_build_at_once_read_the_same(source, tmp_path):
    command = [sys.executable, "-c", BOTH, str(source), str(tmp_path / "cache")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(set(answers)) == 1
    assert len(list((tmp_path / "cache" / "tokens").glob("*/seal.json"))) == 1
    assert list((tmp_path / "cache").rglob("*.part-*")) == []


def test_batches_of_a_corpus_are_tensors_over_its_mapped_ids(make):
    corpus = make()
    rows = sum(len(b.targets_B) for b in batches(corpus.train, batch_size=8, seed=0, epoch=0))
    assert rows == corpus.sizes["train"]
    assert isinstance(corpus.train.ids.base, np.memmap) or corpus.train.ids.nbytes < 4096


def test_settings_import_without_anything_heavy():
    code = (
        "import sys, rnnsweep.data, rnnsweep.data.config\n"
        "heavy = {'torch', 'pandas', 'pyarrow', 'numpy', 'sklearn', 'pooch', 'requests'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert callable(rnnsweep.data.prepare)\n"
        "assert 'torch' not in sys.modules\n"
        "assert callable(rnnsweep.data.batch_rows)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_the_package_does_not_have_is_an_attribute_error():
    import rnnsweep.data

    with pytest.raises(AttributeError, match="has no attribute 'batchs'"):
        rnnsweep.data.batchs  # noqa: B018


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"corpus": "newsgroups"}, "data.corpus='newsgroups' is not one of ag_news, docstrings, files"),
        ({"tokens": "word"}, r"data.tokens='word' is not one of .*Did you mean 'words'\?"),
        ({"vocabulary": 2}, "data.vocabulary=2: must be 3 or more"),
        ({"max_length": 0}, "data.max_length=0: must be 1 or more"),
        ({"batch_size": -1}, "data.batch_size=-1: must be 1 or more"),
        ({"sample": 0}, "data.sample=0: must be 1 or more, or null"),
        ({"limit": -5}, "data.limit=-5: must be 1 or more, or null"),
        ({"fit_rows": 0}, "data.fit_rows=0: must be 1 or more, or null"),
        ({"validation_share": 1.0}, "data.validation_share=1.0: must be above 0 and below 1"),
        ({"test_share": 0.0}, "data.test_share=0.0: must be above 0 and below 1"),
        ({"text": 3.5}, "data.text=3.5: must be a column, a list of columns, or null"),
        ({"text": []}, r"data.text=\[\]: must be a column, a list of columns, or null"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(UserError, match=message):
        DataConfig(**setting)
