"""Which settings mattered and how: Optuna's importances of a study, and the marginals of a forest."""

from dataclasses import replace

import numpy as np
import optuna
import pytest
from sweep_records import SHARES, make_runs

from rnnsweep.comparison import compare_records
from rnnsweep.comparison.evidence.protocol import describe_sweep
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.statistics.marginals import forest_marginals
from rnnsweep.search.importance import study_importances
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tasks import score_named


def asked(tmp_path, sampler="random"):
    path = tmp_path / "which.yaml"
    rate, dropout = "{type: float, low: 0.001, high: 0.1, log: true}", "{type: float, low: 0.0, high: 0.5}"
    space = f"{{optimizer.lr: {rate}, model.dropout: {dropout}}}"
    path.write_text(
        f"# Which?\nname: which\narchitectures: [gru, lstm]\ntrials: 30\nspace: {space}\nsampler: {sampler}\n"
    )
    return read_sweep(path)


def search(folder, trials, *, name="which/gru", level=0.0, objectives=1):
    """A study in which the learning rate is all that counts."""
    backend = optuna.storages.journal.JournalFileBackend(str(SweepFolder(folder).journal))
    storage = optuna.storages.JournalStorage(backend)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(
        storage=storage, study_name=name, directions=["maximize", "minimize"][:objectives], sampler=sampler
    )
    for _ in range(trials):
        trial = study.ask()
        rate = trial.suggest_float("optimizer.lr", 1e-3, 1e-1, log=True)
        dropout = trial.suggest_float("model.dropout", 0.0, 0.5)
        study.tell(trial, [level - ((np.log10(rate) + 2) ** 2), dropout][:objectives])


@pytest.mark.parametrize(("sampler", "method"), [("random", "functional ANOVA"), ("tpe", "PED-ANOVA")])
def test_what_alone_counts_gets_nearly_the_whole_share_by_the_method_that_fits_the_sampler(
    tmp_path, sampler, method
):
    search(tmp_path, 30)
    shares, named = study_importances(SweepFolder(tmp_path), asked(tmp_path, sampler))
    assert named == f"Optuna's {method}"
    assert list(shares) == ["gru"]
    assert shares["gru"]["optimizer.lr"] > 0.8
    assert sum(shares["gru"].values()) == pytest.approx(1)


def test_too_few_trials_say_nothing(tmp_path):
    search(tmp_path, 7)
    assert study_importances(SweepFolder(tmp_path), asked(tmp_path))[0] == {}


def test_trials_too_few_for_each_architecture_are_taken_together_whatever_its_level(tmp_path):
    found = []
    for level in (0, 100):
        folder = tmp_path / str(level)
        folder.mkdir()
        search(folder, 7)
        search(folder, 7, name="which/lstm", level=level)
        found.append(study_importances(SweepFolder(folder), asked(tmp_path))[0])
    assert list(found[0]) == ["all together"]
    assert sum(found[0]["all together"].values()) == pytest.approx(1)
    assert found[1]["all together"] == pytest.approx(found[0]["all together"], abs=0.1)


def test_of_several_objectives_the_first_counts(tmp_path):
    search(tmp_path, 30, objectives=2)
    shares, _ = study_importances(SweepFolder(tmp_path), asked(tmp_path))
    assert shares["gru"]["optimizer.lr"] > 0.8


def test_a_sweep_without_a_journal_says_nothing(tmp_path):
    assert study_importances(SweepFolder(tmp_path), asked(tmp_path)) == ({}, "")


def test_the_marginal_peaks_where_the_scores_do():
    runs = make_runs({"gru": 0.8}, trials=80)  # made to be best at a rate of 10 ** -2.3
    found = forest_marginals(runs, {"gru": {"optimizer.lr": 0.9, "model.hidden_size": 0.1}})
    assert [m.parameter for m in found] == ["optimizer.lr", "model.hidden_size"]
    peak = found[0].values[int(np.argmax(found[0].scores))]
    assert -2.9 < np.log10(peak) < -1.7
    assert np.ptp(found[0].scores) > 3 * np.ptp(found[1].scores)


def test_choices_keep_their_names():
    runs = make_runs({"gru": 0.8}, trials=40)
    runs["model.pooling"] = np.where(np.arange(len(runs)) % 2, "max", "mean")
    (found,) = forest_marginals(runs, {"gru": {"model.pooling": 1.0}})
    assert (found.values, found.numeric) == (("max", "mean"), False)


def test_the_report_draws_importances_with_their_marginals():
    runs = make_runs(trials=30)
    runs["model.pooling"] = np.where(np.arange(len(runs)) % 2, "max", "mean")
    page = render_report(compare_records(runs, sweep="demo", importances=SHARES))
    assert page.index('id="figure-importance"') < page.index('id="figure-marginals"')
    assert "marginals.csv" in page


@pytest.mark.parametrize(
    ("trials", "said"),
    [(30, None), (12, " They are of 12 complete trials: with so few, only large differences of bars")],
)
def test_the_report_says_of_how_few_trials_importances_are(trials, said):
    runs = make_runs(trials=trials, pruning=False)
    runs.loc[runs["role"] == "trial", "state"] = "complete"
    page = render_report(compare_records(runs, sweep="demo", importances=SHARES))
    assert said in page if said else "with so few" not in page


def test_the_report_names_searches_without_importances():
    page = render_report(compare_records(make_runs(pruning=False), sweep="demo", importances=SHARES))
    assert "Left out, with" not in page
    some = dict(list(SHARES.items())[:1])
    page = render_report(compare_records(make_runs(pruning=False), sweep="demo", importances=some))
    others = [name for name in SHARES if name not in some]
    assert others
    assert all(f"{name} (" in page.partition("Left out, with too few complete trials")[2] for name in others)


@pytest.mark.parametrize(
    ("trials", "said"), [(30, "the filled one the best tenth"), (9, "the thick line at its end")]
)
def test_the_report_explains_the_box_of_the_best_trials_as_it_is_drawn(trials, said):
    page = render_report(compare_records(make_runs(trials=trials, pruning=False), sweep="demo"))
    other = {"the filled one the best tenth", "the thick line at its end"} - {said}
    assert said in page
    assert not any(words in page for words in other)


def test_the_protocol_has_what_each_architecture_searches_beside_the_common_space(tmp_path):
    path = tmp_path / "which.yaml"
    path.write_text(
        "# Which?\nname: which\narchitectures: [gru, bag]\ntrials: 3\nspace:\n"
        "  optimizer.lr: {type: float, low: 1e-3, high: 1e-2, log: true}\n"
        "  model.dropout: {type: float, low: 0, high: 0.5, step: 0.1}\n"
        "  model.hidden_size: {type: int, low: 16, high: 64}\n"
        "per_architecture:\n  bag:\n    model.embedding_size: {type: int, low: 32, high: 128}\n"
    )
    asked = replace(read_sweep(path), idle={"bag": frozenset({"model.hidden_size"})})
    facts = describe_sweep(make_runs(), asked, score=score_named())
    assert facts["search space"] == (
        "optimizer.lr 0.001 to 0.01, logarithmic; model.dropout 0 to 0.5 in steps of 0.1;"
        " model.hidden_size 16 to 64"
    )
    assert facts["search space of bag"] == "model.embedding_size 32 to 128; without model.hidden_size"
    assert "search space of gru" not in facts
