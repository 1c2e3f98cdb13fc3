"""Texts are cut into tokens once for all splits of their rows."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings, strategies as st

from rnnsweep.data import DataConfig, prepare, tokens
from rnnsweep.data.cut_once import count_once
from rnnsweep.data.rows import TextRows

TEXTS = st.lists(st.text("ab é,", max_size=6), min_size=4, max_size=12)


def read(counted, part):
    """The tokens of each row of a part, as words, and how many each had before it was cut."""
    ends = tokens.offsets(counted.lengths[part])
    words = [counted.words[n] for n in counted.ids[part].tolist()]
    return [words[a:b] for a, b in zip(ends, ends[1:], strict=False)], counted.whole[part].tolist()


@settings(max_examples=40, deadline=None)
@given(texts=TEXTS, order=st.permutations(range(12)), kind=st.sampled_from(["words", "characters"]))
def test_the_tokens_of_each_split_are_those_that_cutting_its_parts_gives(
    tmp_path_factory, texts, order, kind
):
    cache = tmp_path_factory.mktemp("cache")
    none = np.zeros(len(texts), np.int64)
    rows = TextRows("made", ("x",), tuple(texts), none, none.view(np.uint64), none, ())
    tokeniser = tokens.Tokeniser(kind, max_length=3, rules=2)
    order = [n for n in order if n < len(texts)]
    for turn in range(2):
        chosen = {"train": np.array(order[turn:-1]), "test": np.array([*order[:turn], order[-1]])}
        kept = count_once(rows, chosen, tokeniser, digest="d", cache=cache)
        parts = {part: [texts[n] for n in numbers.tolist()] for part, numbers in chosen.items()}
        fresh = tokens.count(parts, tokeniser)
        assert all(read(kept, part) == read(fresh, part) for part in chosen)
        assert set(kept.words) == set(fresh.words)
    assert len(list((cache / "cut").glob("*/seal.json"))) == 1


def test_a_second_split_reads_what_the_first_one_cut_and_a_change_of_the_text_does_not(tmp_path, monkeypatch):
    file = tmp_path / "rows.csv"

    def written(word: str) -> DataConfig:
        lines = [f"{word} number {n} of {n % 7},{'ab'[n % 2]}" for n in range(60)]
        file.write_text("text,label\n" + "\n".join(lines) + "\n")
        return DataConfig(corpus="files", train=str(file))

    first = prepare(written("row"), tmp_path)
    fresh = prepare(replace(first.config, split_seed=1), tmp_path / "other")
    counted = []
    monkeypatch.setattr(
        "rnnsweep.data.cut_once.count", lambda *given: counted.append(given) or tokens.count(*given)
    )
    second = prepare(replace(first.config, split_seed=1), tmp_path)
    assert not counted
    assert second.vocabulary == fresh.vocabulary
    for part in ("train", "validation"):
        np.testing.assert_array_equal(getattr(second, part).ids, getattr(fresh, part).ids)
        np.testing.assert_array_equal(getattr(second, part).offsets_N1, getattr(fresh, part).offsets_N1)
    assert second.facts == fresh.facts
    assert "line" in prepare(written("line"), tmp_path).vocabulary
    assert len(counted) == 1
