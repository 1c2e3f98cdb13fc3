"""From Vega-Altair's charts to SVG: in the colours of its page, light or dark, or on white paper.

A chart names its colours as CSS variables, which Vega hands through. A page defines them; a file gets the
colours themselves. Every mark has a `tooltip`: what shows when the pointer rests on it. It begins with the
architectures that the mark belongs to, as ``gru: ...`` or ``gru − lstm: ...``, by which a page hides it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import vl_convert

from rnnsweep.comparison.words import shorten
from rnnsweep.tasks import Score
from rnnsweep.tasks.score import LOWER

LETTER = 8.2  # pixels of a letter of a row's name, in the widest of the fonts that a browser may have
WIDTH = 560  # of the frame; names and numbers stand outside of it
ROW = 26  # height of an architecture's row
TITLED = 500  # dots that have a title each
NAMED, PAIRED = 17, 15  # characters of a name that there is room for, alone and in a pair
# between two names: their difference is drawn, or the advantage of the first; names hardly have such blanks
MINUS, VERSUS = " − ", "\N{NO-BREAK SPACE}vs\N{NO-BREAK SPACE}"
_BETWEEN = re.compile(f"{MINUS}|{VERSUS}")
PAPER = {  # what a page's style sheet says for paper, as its own variables
    "ink": "#1d1f24", "soft": "#565c66", "line": "#d9dce2",
    "good": "#17693a", "bad": "#a32a2a", "calm": "#34518f",
}  # fmt: skip
INK, SOFT, LINE = (f"var(--{name})" for name in ("ink", "soft", "line"))
_SVG = "http://www.w3.org/2000/svg"
_FONT = "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, sans-serif"
_LOOK: dict[str, Any] = {
    "background": "transparent",
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        **{
            "labelColor": SOFT,
            "titleColor": SOFT,
            "gridColor": LINE,
            "labelFontSize": 12,
            "titleFontSize": 12,
        },
        **{
            "titleFontWeight": "normal",
            "domain": False,
            "ticks": False,
            "labelPadding": 6,
            "titlePadding": 8,
        },
    },
    "axisY": {
        "titleAnchor": "end",
        "titleAngle": 0,
        "titleAlign": "left",
        "titleBaseline": "bottom",
        "titleY": -8,
    },
    "text": {"fill": INK, "fontSize": 12},
    "title": {"color": SOFT, "fontSize": 12, "fontWeight": "normal", "anchor": "start"},
    "header": {"labelColor": SOFT, "labelFontSize": 12},
}

ElementTree.register_namespace("", _SVG)


def css(architecture: str) -> str:
    """Return the name of the class and variable of an architecture's colour; no two have the same."""
    return "a-" + "".join(c if c.isalnum() or c == "_" else f"-{ord(c):x}-" for c in architecture)


def hues(names: Iterable[str]) -> alt.Color:
    """Return the encoding of the column `architecture` as each one's own colour."""
    domain = list(dict.fromkeys(names))
    scale = alt.Scale(domain=domain, range=[f"var(--{css(name)})" for name in domain])
    return alt.Color("architecture:N", scale=scale, legend=None)


def table(rows: Sequence[Sequence[Any]], *columns: str) -> pd.DataFrame:
    """Return a chart's data."""
    return pd.DataFrame(list(rows), columns=list(columns))


def _shortened(name: str, most: int) -> str:
    """Shorten a name, or each of two with what stands between them."""
    between = _BETWEEN.search(name)
    return (between[0] if between else "").join(shorten(part, most) for part in _BETWEEN.split(name))


def rows_of(names: Sequence[str], field: str = "architecture", *, most: int = NAMED, gap: float = 0) -> alt.Y:
    """Return the axis of rows, one for each name, shortened to `most` characters.

    Args:
        names: from above to below.
        field: the column of names.
        most: characters of a name that are shown.
        gap: between two rows, as a share of a row.
    """
    short = {name: _shortened(name, most) for name in names}
    axis = alt.Axis(
        title=None,
        grid=False,
        labelColor=INK,
        labelFontSize=13,
        labelLimit=400,
        minExtent=max(140, 10 + LETTER * max(map(len, short.values()))),
        labelExpr=f"{json.dumps(short)}[datum.label]",
    )
    return alt.Y(
        f"{field}:N", sort=list(names), axis=axis, scale=alt.Scale(paddingInner=gap, paddingOuter=gap)
    )


def values(
    field: str,
    title: str,
    *,
    of: Iterable[float] | None = None,
    domain: Sequence[float] | None = None,
    log: bool = False,
    reverse: bool = False,
    **axis: Any,
) -> dict[str, Any]:
    """Return the arguments of an axis of numbers.

    Args:
        field: the column.
        title: of the axis.
        of: the axis holds all of these, with room at both ends.
        domain: the ends themselves; without either they are those of the data.
        log: powers of ten are equally far apart.
        reverse: the smallest value is where the largest would.
        axis: further properties of Vega-Lite's axis.
    """
    domain = domain if of is None else around(of, log=log)
    ends = {} if domain is None else {"domain": list(domain)}
    shown = {"tickCount": 5, "labelOverlap": True, **({"format": "~s"} if log else {}), **axis}
    return {
        "shorthand": f"{field}:Q",
        "scale": alt.Scale(type="log" if log else "linear", zero=False, nice=False, reverse=reverse, **ends),
        "title": title,
        "axis": alt.Axis(**shown),
    }


def scores(score: Score, field: str, title: str, *, of: Iterable[float], **axis: Any) -> dict[str, Any]:
    """Return the arguments of an axis of a score's natural values; the better ones stand right or above.

    Args:
        score: the score.
        field: the column of its natural values.
        title: words before the score's title.
        of: the axis holds all of these.
        axis: further properties of Vega-Lite's axis.
    """
    reverse = score.direction == LOWER
    return values(field, f"{title} {score.title}".strip(), of=of, reverse=reverse, **axis)


def around(known: Iterable[float], *, log: bool = False) -> tuple[float, float]:
    """Return the ends of an axis that holds all of some values with room at both."""
    every = [float(value) for value in known]
    low, high = min(every), max(every)
    if log:
        return low / 1.3, high * 1.3
    room = 0.06 * ((high - low) or abs(high) or 1)
    return low - room, high + room


def dotted(data: pd.DataFrame, x: alt.X, y: alt.Y, colours: alt.Color) -> alt.Chart:
    """Return small dots. Of many, each architecture's become one path, whose dots are lines of no length.

    Args:
        data: a row for each dot, with the columns of the axes, `architecture` and `tooltip`.
        x: horizontal axis.
        y: vertical axis.
        colours: of the architectures.
    """
    if len(data) <= TITLED:
        dots = alt.Chart(data).mark_circle(size=13, opacity=0.4, clip=True)
        return dots.encode(x=x, y=y, color=colours, description="tooltip:N")
    at = y.shorthand.partition(":")[0]
    gaps = data.assign(**{at: float("nan")})
    both = pd.concat([data, gaps]).sort_index(kind="stable").reset_index(drop=True)
    both = both.assign(place=both.index, tooltip=both["architecture"] + ": trials")
    path = {"invalid": "break-paths-show-domains", "strokeCap": "round", "strokeWidth": 4}
    return (
        alt.Chart(both)
        .mark_line(opacity=0.4, clip=True, **path)
        .encode(x=x, y=y, color=colours, order="place:Q", description="tooltip:N")
    )


def specification(chart: Any) -> str:
    """Return a chart as Vega-Lite's JSON."""
    with alt.data_transformers.disable_max_rows():
        return json.dumps({**chart.to_dict(validate=False), "config": _LOOK})


def paint(text: str, shades: Mapping[str, str]) -> str:
    """Return a text with colours in the place of the variables that a page would define."""
    known = {**PAPER, **{css(name): shade for name, shade in shades.items()}}
    return re.sub(r"var\(--([\w-]+)\)", lambda match: known[match[1]], text)


def draw(chart: Any, name: str, label: str) -> str:
    """Return a chart as SVG that takes its colours from its page, the same text for the same chart.

    Args:
        chart: of Altair.
        name: of the figure; its identifiers begin with it, as a page holds several.
        label: what it shows, for those who do not see it.
    """
    made = vl_convert.vegalite_to_svg(specification(chart), allowed_base_urls=[])
    root = ElementTree.fromstring(made)
    width = round(float(root.attrib["width"]))
    box = root.attrib["viewBox"]
    root.attrib.clear()
    _simplify(root)
    root.attrib |= {"viewBox": box, "role": "img", "aria-label": label, "style": f"max-width:{width}px"}
    return _renumbered(ElementTree.tostring(root, encoding="unicode"), name)


def _renumbered(svg: str, name: str) -> str:
    """Count identifiers of clips from 1: Vega continues counting from one chart to the next."""
    known = {old: f"{name}-{n}" for n, old in enumerate(dict.fromkeys(re.findall(r'id="(clip\d+)"', svg)), 1)}
    return re.sub(r"\bclip\d+\b", lambda match: known.get(match[0], match[0]), svg)


def _simplify(root: ElementTree.Element) -> None:
    """Leave out what only a running Vega needs; give marks a title and the names of their architectures."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.attrib.get("display") == "none" or child.attrib.get("class") == "background":
                parent.remove(child)
    for element in root.iter():
        tooltip = element.attrib.pop("aria-label", "") if element.tag != f"{{{_SVG}}}g" else ""
        for name in [
            n for n in element.attrib if n.startswith("aria-") or n in ("role", "class", "pointer-events")
        ]:
            del element.attrib[name]
        _own(element, tooltip or (element.text or "" if element.tag == f"{{{_SVG}}}text" else ""))
        if tooltip:
            element.insert(0, _title(tooltip))
        for name in {"transform", "d"} & set(element.attrib):
            element.attrib[name] = re.sub(r"-?\d+\.\d+", _rounded, element.attrib[name])


def _title(text: str) -> ElementTree.Element:
    title = ElementTree.Element(f"{{{_SVG}}}title")
    title.text = text
    return title


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")


def _own(element: ElementTree.Element, tooltip: str) -> None:
    owners = _BETWEEN.split(tooltip.partition(": ")[0].partition(",")[0])
    if tooltip and len(owners) <= 2:
        element.attrib |= dict(zip(("data-a", "data-b"), owners, strict=False))


def standalone(svg: str, shades: Mapping[str, str]) -> str:
    """Return a page's SVG with its colours in it, on white paper, for a file."""
    head, _, body = paint(svg, shades).partition(">")
    box = re.search(r'viewBox="([\d. -]+)"', head)
    width, height = box[1].split()[2:] if box else ("100%", "100%")
    size = f' width="{width}" height="{height}"'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f"{head}{size}>{paper}{body}".replace(_FONT, "sans-serif")


def to_pdf(svg: str) -> bytes:
    """Print a standalone SVG."""
    page: bytes = vl_convert.svg_to_pdf(svg)
    return page
