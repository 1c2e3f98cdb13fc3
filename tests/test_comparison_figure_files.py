"""Figures and tables as files."""

import csv
import re
import xml.etree.ElementTree as ElementTree

import pytest
from sweep_records import SHARES, make_curves, make_runs

from rnnsweep.comparison import compare_records
from rnnsweep.comparison.figures.drawing import css
from rnnsweep.comparison.report.figure_files import write_figures
from rnnsweep.comparison.report.page import charts, figures
from rnnsweep.drawing.palette import colour
from rnnsweep.errors import UserError
from rnnsweep.tasks import score_named


@pytest.fixture(scope="module")
def comparison():
    runs = make_runs()
    return compare_records(runs, make_curves(runs), sweep="demo", importances=SHARES)


def test_each_figure_is_an_svg_with_its_numbers_and_a_page_to_print(comparison, tmp_path):
    names = {path.name for path in write_figures(comparison, tmp_path / "out")}
    figures = {name.removesuffix(".svg") for name in names if name.endswith(".svg")}
    assert {"pairs", "replicates", "curves", "trials", "parameters", "importance", "marginals"} <= figures
    assert {f"{name}.{kind}" for name in figures for kind in ("csv", "pdf")} <= names
    assert {"standings.tex", "verdicts.md", "runs.csv"} <= names
    assert all((tmp_path / "out" / f"{name}.pdf").read_bytes().startswith(b"%PDF-") for name in figures)


def mean_curve(runs, curves):
    found = compare_records(runs, curves, sweep="demo")
    figure = next(one for one in figures(found) if one.name == "curves")
    return [dict(zip(figure.columns, row, strict=True)) for row in figure.rows if row[0] == "gru"]


def test_validations_at_slightly_other_fractions_of_an_epoch_are_one_point_of_the_mean_curve():
    runs = make_runs(replicates=4)
    curves = make_curves(runs, validations=8)
    odd = curves["run_id"].isin(sorted(curves["run_id"].unique())[::2]) & (curves["epoch"] % 1 != 0)
    drawn = mean_curve(runs, curves.assign(epoch=curves["epoch"].where(~odd, curves["epoch"] - 0.004)))
    straight = mean_curve(runs, curves)
    assert [one["runs"] for one in drawn] == [4] * 8
    assert [one["mean"] for one in drawn] == [one["mean"] for one in straight]
    assert all(0 <= a["epoch"] - b["epoch"] <= 0.004 for a, b in zip(straight, drawn, strict=True))


def test_trainings_of_unequal_numbers_of_validations_meet_at_the_end_of_each_epoch():
    runs = make_runs(replicates=4)
    curves = make_curves(runs, validations=8)
    short = curves["run_id"].isin(sorted(curves["run_id"].unique())[::2]) & (curves["epoch"] % 1 == 0.75)
    drawn = mean_curve(runs, curves[~short])
    assert {one["epoch"]: one["runs"] for one in drawn if one["epoch"] % 1 == 0} == {1.0: 4, 2.0: 4}


def test_a_replicate_that_was_interrupted_is_in_no_mean_curve():
    runs = make_runs(replicates=4)
    curves = make_curves(runs, validations=8)
    broken = runs[(runs["role"] == "replicate") & (runs["architecture"] == "gru")]["run_id"].iloc[0]
    runs.loc[runs["run_id"] == broken, "state"] = "interrupted"
    drawn = mean_curve(runs, curves[(curves["run_id"] != broken) | (curves["epoch"] <= 1)])
    assert [one["runs"] for one in drawn] == [3] * 8


def test_a_curve_of_one_epoch_is_a_dot_with_a_bar():
    runs = make_runs(replicates=3)
    dots = {}
    for points in (1, 2):
        found = compare_records(runs, make_curves(runs, validations=points), sweep="demo")
        figure = next(one for one in figures(found) if one.name == "curves")
        dots[points] = re.findall(
            r'<path transform="translate\([^"]*\)" d="M[^"]*A[^"]*"[^>]*data-a="(\w+)"', figure.svg
        )
    assert dots == {1: sorted(figure.architectures), 2: []}


def test_pairs_without_intervals_are_drawn_by_their_differences():
    runs = make_runs()
    first = runs[runs["role"] == "replicate"].groupby("architecture").head(2).index
    few = runs[(runs["role"] != "replicate") | runs.index.isin(first)]
    found = compare_records(few, sweep="demo")
    assert {verdict.low for verdict in found.verdicts if verdict.difference is not None} == {None}
    drawn = {one.name: one for one in figures(found)}
    assert len(drawn["pairs"].rows) == len(found.verdicts)


def test_an_svg_carries_its_colours_and_stands_alone(comparison, tmp_path):
    write_figures(comparison, tmp_path)
    text = (tmp_path / "replicates.svg").read_text()
    ElementTree.fromstring(text)
    assert "var(" not in text
    assert colour("bilstm") in text


def test_the_csv_has_the_numbers_of_the_figure(comparison, tmp_path):
    write_figures(comparison, tmp_path)
    with (tmp_path / "replicates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 41
    assert float(rows[0]["test"]) == pytest.approx(comparison.standings[0].replicates[0].test, abs=1e-6)


def test_each_chart_is_altairs_own_with_its_colours_for_a_notebook(comparison):
    drawn = charts(comparison)
    assert {"pairs", "replicates", "curves", "trials", "parameters", "marginals"} <= set(drawn)
    for chart in drawn.values():
        chart.to_dict(validate=True)
        text = chart.to_json()
        assert "var(--" not in text
    assert colour("bilstm") in drawn["replicates"].to_json()


def test_names_that_differ_in_a_sign_have_colours_of_their_own():
    names = ["dropout_0.5", "dropout_0-5", "dropout_0 5", "dropout-0.5", "dropout_05", "größe"]
    assert len({css(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[\w-]+", css(name)) for name in names)


def test_a_folder_that_is_a_file_is_refused(comparison, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="--figures .*out: File exists; name a folder that can be written to"):
        write_figures(comparison, tmp_path / "out")


def test_of_a_score_of_which_less_is_better_natural_values_are_drawn_and_better_ones_stand_above():
    runs = make_runs(trials=12)
    runs[["validation", "test"]] = 1 - runs[["validation", "test"]].astype(float)
    curves = make_curves(runs).assign(key="validation/rmse", value=lambda table: 1 - table["value"])
    score = score_named("regression", "rmse")
    drawn = {one.name: one for one in figures(compare_records(runs, curves, sweep="demo", score=score))}
    assert {"pairs", "replicates", "parameters", "curves", "trials"} <= set(drawn)
    assert min(row[2] for row in drawn["replicates"].rows) > 0
    worst, best = drawn["trials"].rows[0][3], drawn["trials"].rows[0][7]
    assert 0 < best < worst
    for name, axis in (("replicates", "x"), ("curves", "y"), ("parameters", "y")):
        scales = [
            layer["encoding"].get(axis, {}).get("scale", {}) for layer in drawn[name].chart.to_dict()["layer"]
        ]
        assert True in [scale.get("reverse") for scale in scales]
        assert score.title in drawn[name].svg
