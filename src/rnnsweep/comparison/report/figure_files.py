"""Figures and tables as files: SVG and PDF to print, CSV of what is behind each, Markdown and LaTeX."""

from collections.abc import Iterable
from pathlib import Path

from rnnsweep.comparison.figures.charts import css
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.report import tables
from rnnsweep.comparison.report.page import confusion_csv, figures, runs_csv
from rnnsweep.comparison.verdicts.records import Comparison
from rnnsweep.errors import UserError
from rnnsweep.palette import colour

INK, SOFT, LINE = "#1d1f24", "#565c66", "#d9dce2"
_FIXED = f"""
text {{ font: 13px sans-serif; fill: {INK}; }}
.tick, .axis, .word {{ fill: {SOFT}; font-size: 12px; }}
.grid {{ stroke: {LINE}; }}
.zero {{ stroke: {SOFT}; }}
.linear {{ stroke: {SOFT}; stroke-dasharray: 3 2; }}
.margin {{ fill: {SOFT}; opacity: .18; }}
.tie {{ fill: {INK}; }}
"""
# class -> what it looks like in the colour of its architecture or verdict; as the report's style sheet has it
_COLOURED = {
    "interval": "fill: {c}; opacity: .45;",
    "dot": "fill: {c};",
    "solid": "fill: {c};",
    "ring": "fill: none; stroke: {c}; stroke-width: 1.6;",
    "line": "fill: none; stroke: {c}; stroke-width: 2; stroke-linejoin: round;",
    "band": "fill: {c}; opacity: .12;",
    "box": "fill: none; stroke: {c}; stroke-width: 1.4;",
    "whisker": "stroke: {c}; stroke-width: 1.8;",
    "trials": "fill: none; stroke: {c}; stroke-width: 4; stroke-linecap: round; opacity: .4;",
}
_VERDICTS = {
    "better": "#17693a",
    "worse": "#a32a2a",
    "equivalent": "#34518f",
    "not-separable": SOFT,
    "needs-more": SOFT,
}


def write_figures(comparison: Comparison, folder: Path) -> list[Path]:
    """Write each figure as SVG and PDF with its CSV, and the tables as Markdown and LaTeX; give the paths.

    PDF takes CairoSVG (the extra `figures`); where that is missing, SVG alone is written.

    Raises:
        UserError: the folder cannot be written to.
    """
    names = [*(s.architecture for s in comparison.standings), *comparison.importances]
    files = {name: text for figure in figures(comparison) for name, text in _texts(figure, names).items()}
    files |= _tables(comparison)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_write(folder / name, text) for name, text in files.items() if text]
        return [*written, *_print(written)]
    except OSError as error:
        words = error.strerror or str(error)
        raise UserError(f"--figures {folder}: {words}; name a folder that can be written to") from error


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _texts(figure: Figure, names: Iterable[str]) -> dict[str, str]:
    return {f"{figure.name}.svg": standalone(figure.svg, names), f"{figure.name}.csv": figure.csv}


def _tables(comparison: Comparison) -> dict[str, str]:
    return {
        "standings.md": tables.standings_markdown(comparison),
        "standings.tex": tables.standings_latex(comparison),
        "verdicts.md": tables.verdicts_markdown(comparison),
        "verdicts.tex": tables.verdicts_latex(comparison),
        "runs.csv": runs_csv(comparison.runs),
        "confusion.csv": confusion_csv(comparison.mistakes),
    }


def standalone(svg: str, architectures: Iterable[str]) -> str:
    """Put the colours, which a figure takes from its page, into the SVG itself, on white paper."""
    hues = {css(name): colour(name) for name in architectures}
    rules = [_FIXED]
    for name, look in _COLOURED.items():
        rules.append(f".{name} {{ {look.format(c=SOFT)} }}")
        rules += [
            f".{owner} .{name}, .{owner}.{name} {{ {look.format(c=hue)} }}"
            for owner, hue in {**hues, **_VERDICTS}.items()
        ]
    rules += [f".{verdict} .word {{ fill: {hue}; }}" for verdict, hue in _VERDICTS.items()]
    rules.append(".thin { stroke-width: 1; }")
    head, _, body = svg.partition(">")
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f"{head}><style>{chr(10).join(rules)}</style>{paper}{body}"


def _print(written: Iterable[Path]) -> list[Path]:
    """Print each SVG among the files as a PDF beside it."""
    try:
        from cairosvg import svg2pdf
    except (ImportError, OSError):  # the package, or the library that it draws with
        return []
    pages = []
    for path in (path for path in written if path.suffix == ".svg"):
        pages.append(path.with_suffix(".pdf"))
        svg2pdf(bytestring=path.read_bytes(), write_to=str(pages[-1]))
    return pages
