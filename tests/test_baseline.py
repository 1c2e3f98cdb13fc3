"""The linear baseline on rows whose answer is known."""

import random

import pytest

from rnnsweep.baseline import count_terms, fit_baseline, make_vectoriser, vectors_of_split
from rnnsweep.config import compose
from rnnsweep.config.overrides import quote
from rnnsweep.data import prepare
from rnnsweep.errors import UserError


def write_rows(path, *, telling: bool):
    draw = random.Random(0)
    lines = ["text,label"]
    for number in range(300):
        label = ("fruit", "metal")[number % 2]
        word = (
            draw.choice({"fruit": ["apple", "plum"], "metal": ["iron", "zinc"]}[label]) if telling else "word"
        )
        lines.append(f"{word} w{draw.randrange(30)} n{number},{label}")
    path.write_text("\n".join(lines) + "\n")
    return compose(["data=files", quote("data.train", str(path))])


def test_words_that_tell_the_label_are_enough(tmp_path):
    found = fit_baseline(write_rows(tmp_path / "rows.csv", telling=True))
    assert (found.validation, found.test, found.test_values["macro_f1"]) == (1.0, 1.0, 1.0)
    assert found.test_values["loss"] < 0.3
    assert found.parameters > 30


def test_words_that_tell_nothing_score_like_a_coin(tmp_path):
    found = fit_baseline(write_rows(tmp_path / "rows.csv", telling=False))
    assert 0.2 < found.test < 0.8


def test_a_fit_that_is_read_from_the_cache_has_no_seconds(tmp_path):
    """Those of the run that filled the cache are not of this one: a sweep printed them as its own."""
    run = write_rows(tmp_path / "rows.csv", telling=True)
    fitted, again = (fit_baseline(run, cache=tmp_path / "cache") for _ in range(2))
    assert fitted.seconds > 0
    assert fitted.samples_per_second > 0
    assert (again.seconds, again.samples_per_second) == (None, None)
    assert (again.plain()["seconds"], again.summary()["time/seconds"]) == (None, None)
    assert (again.test_values, again.parameters) == (fitted.test_values, fitted.parameters)
    assert fit_baseline(run, cache=tmp_path / "another").seconds > 0


def test_a_missing_corpus_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"gone.csv"):
        fit_baseline(compose(["data=files", quote("data.train", str(tmp_path / "gone.csv"))]))


def test_the_objective_chooses_the_penalty_and_weights_help_rare_classes(tmp_path):
    lines = [
        f"{'iron' if n % 20 == 0 and n % 3 else 'apple'} w{n % 30},{'rare' if n % 20 == 0 else 'often'}"
        for n in range(600)
    ]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    settings = ["data=files", quote("data.train", str(path)), "objective=balanced_accuracy"]
    plain, weighted = (
        fit_baseline(compose([*settings, *more])) for more in ([], ["task.class_weights=balanced"])
    )
    assert plain.score.name == "balanced_accuracy"
    assert plain.plain()["validation"] == plain.validation_values["balanced_accuracy"]
    assert weighted.test_values["balanced_accuracy"] >= plain.test_values["balanced_accuracy"]


def test_ridge_is_the_baseline_of_numbers_and_its_errors_are_in_their_unit(tmp_path):
    draw = random.Random(2)
    worth = {"apple": 100.0, "plum": 140.0, "iron": -60.0}
    lines = []
    for number in range(400):
        words = [draw.choice(list(worth)) for _ in range(3)]
        lines.append(f"{' '.join(words)} n{number},{sum(worth[word] for word in words):.1f}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,price", *lines]) + "\n")
    settings = ["task=regression", "data=files", "data.label=price", quote("data.train", str(path))]
    fitted = fit_baseline(compose(settings))
    assert fitted.score.name == "rmse"
    assert fitted.test_values["r2"] > 0.9
    assert 0 < fitted.test_values["mae"] <= fitted.test < 60
    assert fitted.plain()["direction"] == "lower"


@pytest.mark.parametrize("many", [False, True], ids=["few rows", "many rows"])
@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_splits_of_one_corpus_share_their_counts_and_weigh_them_as_scikit_learn_does(
    tmp_path, monkeypatch, tokens, many
):
    if many:
        monkeypatch.setattr("rnnsweep.baseline.MANY_ROWS", 100)
    path = tmp_path / "rows.csv"
    write_rows(path, telling=True)
    for split in (0, 1):
        run = compose(
            [
                "data=files",
                quote("data.train", str(path)),
                f"data.split_seed={split}",
                f"data.tokens={tokens}",
            ]
        )
        corpus = prepare(run.data)
        words, train_NV, validation_NV = vectors_of_split(corpus, count_terms(corpus, tmp_path / "cache"))
        plain = make_vectoriser(corpus.tokeniser, min_df=2 if many else 1)
        expected = plain.fit_transform(corpus.texts("train")), plain.transform(corpus.texts("validation"))
        assert list(words.get_feature_names_out()) == list(plain.get_feature_names_out())
        for ours, theirs in zip((train_NV, validation_NV), expected, strict=True):
            assert (ours.shape, ours.nnz) == (theirs.shape, theirs.nnz)
            assert abs(ours - theirs).max() < 1e-14
        others = corpus.texts("test")
        assert abs(words.transform(others) - plain.transform(others)).max() < 1e-14
    assert len([each for each in (tmp_path / "cache" / "counts").iterdir() if each.is_dir()]) == 1


def test_of_characters_the_baseline_knows_where_a_text_ends(tmp_path):
    """The label is the last character; others of its kind are in every text."""
    draw = random.Random(3)
    texts = ["".join(draw.choices("ab", k=draw.randint(12, 20))) for _ in range(600)]
    lines = [f"{text},{text[-1]}" for text in texts]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    settings = ["data=files", quote("data.train", str(tmp_path / "rows.csv")), "data.tokens=characters"]
    assert fit_baseline(compose(settings)).test == 1.0


def test_of_few_rows_words_that_are_in_one_text_alone_count_too(tmp_path, monkeypatch):
    draw = random.Random(6)
    ends = {"noun": ["ness", "tion", "ment"], "verb": ["ise", "ate", "ify"]}
    lines = []
    for number in range(400):
        label = draw.choice(list(ends))
        common = draw.random() < 0.5
        word = f"{label}s" if common else f"w{number}"
        lines.append(f"{word} {draw.choice(ends[label])} x{number},{label}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    run = compose(["data=files", quote("data.train", str(path))])
    corpus = prepare(run.data, tmp_path / "cache")
    counted = count_terms(corpus, tmp_path / "cache")
    every, _, _ = vectors_of_split(corpus, counted, pairs=False)
    monkeypatch.setattr("rnnsweep.baseline.MANY_ROWS", 100)
    twice, _, _ = vectors_of_split(corpus, counted, pairs=False)
    once = set(every.get_feature_names_out()) - set(twice.get_feature_names_out())
    assert sum(term.startswith("x") for term in once) == len(corpus.rows("train"))
    assert set(twice.get_feature_names_out()) == {"nouns", "verbs", *ends["noun"], *ends["verb"]}


def test_texts_without_a_token_are_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{'.' * (n + 1)},{'ab'[n % 2]}\n" for n in range(40)))
    settings = ["data=files", quote("data.train", str(path)), "data.tokens=keras"]  # which drops such marks
    with pytest.raises(UserError, match="no text of the training part has a token"):
        fit_baseline(compose(settings))


def test_the_baseline_reads_marks_as_the_networks_do(tmp_path):
    draw = random.Random(0)
    lines = [
        f"{' '.join(f'w{draw.randrange(50)}' for _ in range(6))} {'?!'[n % 2]},{n % 2}" for n in range(400)
    ]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    assert fit_baseline(compose(["data=files", quote("data.train", str(path))])).test == 1.0


def test_tokens_alone_are_taken_where_pairs_of_them_tell_less(tmp_path):
    """Rows are few and every pair is rare: weights on pairs only learn the training texts by heart."""
    draw = random.Random(4)
    good, bad = [f"good{n}" for n in range(6)], [f"bad{n}" for n in range(6)]
    other = [f"w{n}" for n in range(12)]
    lines = []
    for _ in range(700):
        stars = draw.randrange(5)
        words = [draw.choice(good if draw.random() < 0.1 + 0.2 * stars else bad) for _ in range(6)]
        words += draw.choices(other, k=16)
        draw.shuffle(words)
        lines.append(f"{' '.join(words)},{'abcde'[stars]}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    run = compose(["data=files", quote("data.train", str(path))])
    fitted = fit_baseline(run, cache=tmp_path / "cache")
    corpus = prepare(run.data, tmp_path / "cache")
    alone, _, _ = vectors_of_split(corpus, count_terms(corpus, tmp_path / "cache"), pairs=False)
    assert all(" " not in term for term in alone.get_feature_names_out())
    assert fitted.parameters == 5 * (len(alone.get_feature_names_out()) + 1)
