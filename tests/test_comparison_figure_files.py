"""Figures and tables as files."""

import csv
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from sweep_records import make_curves, make_runs

from rnnsweep.comparison import compare_records, write_figures
from rnnsweep.errors import UserError
from rnnsweep.palette import colour


@pytest.fixture(scope="module")
def comparison():
    runs = make_runs()
    return compare_records(runs, make_curves(runs), sweep="demo")


def test_each_figure_is_an_svg_with_its_numbers_and_a_page_to_print(comparison, tmp_path):
    try:
        pytest.importorskip("cairosvg")
    except OSError as error:
        pytest.skip(f"the library that cairosvg draws with is missing: {error}")
    names = {path.name for path in write_figures(comparison, tmp_path / "out")}
    figures = {name.removesuffix(".svg") for name in names if name.endswith(".svg")}
    assert {"pairs", "replicates", "curves", "trials", "parameters", "importance", "marginals"} <= figures
    assert {f"{name}.{kind}" for name in figures for kind in ("csv", "pdf")} <= names
    assert {"standings.tex", "verdicts.md", "runs.csv"} <= names
    assert all((tmp_path / "out" / f"{name}.pdf").read_bytes().startswith(b"%PDF-") for name in figures)


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


def test_without_the_library_that_prints_there_are_svgs_and_no_pages(comparison, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    kinds = {path.suffix for path in write_figures(comparison, tmp_path)}
    assert ".svg" in kinds
    assert ".pdf" not in kinds


def test_a_folder_that_is_a_file_is_refused(comparison, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="--figures .*out: File exists; name a folder that can be written to"):
        write_figures(comparison, tmp_path / "out")
