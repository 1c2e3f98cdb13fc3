"""Figures and tables as files: SVG and PDF to print, CSV of what is behind each, Markdown and LaTeX."""

from pathlib import Path

from rnnsweep.comparison.evidence.records import Comparison
from rnnsweep.comparison.figures.drawing import to_pdf
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.report import tables
from rnnsweep.comparison.report.page import confusion_csv, figures, runs_csv
from rnnsweep.errors import UserError
from rnnsweep.tasks.answers import CONFUSION


def write_figures(comparison: Comparison, folder: Path) -> list[Path]:
    """Write each figure as SVG and PDF with its CSV, and the tables as Markdown and LaTeX; give the paths.

    Raises:
        UserError: the folder cannot be written to.
    """
    files = {name: content for figure in figures(comparison) for name, content in _files(figure).items()}
    files |= _tables(comparison)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, content) for name, content in files.items() if content]
    except OSError as error:
        words = error.strerror or str(error)
        raise UserError(f"--figures {folder}: {words}; name a folder that can be written to") from error


def _write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _files(figure: Figure) -> dict[str, str | bytes]:
    svg = figure.standalone
    return {f"{figure.name}.svg": svg, f"{figure.name}.pdf": to_pdf(svg), f"{figure.name}.csv": figure.csv}


def _tables(comparison: Comparison) -> dict[str, str | bytes]:
    return {
        "standings.md": tables.standings_markdown(comparison),
        "standings.tex": tables.standings_latex(comparison),
        "verdicts.md": tables.verdicts_markdown(comparison),
        "verdicts.tex": tables.verdicts_latex(comparison),
        "runs.csv": runs_csv(comparison.runs),
        f"{CONFUSION}.csv": confusion_csv(comparison.mistakes),
    }
