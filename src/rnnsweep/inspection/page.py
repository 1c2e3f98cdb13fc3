"""The inside of a network as a page that needs nothing else: no network, no scripts.

Shapes: T tokens, C classes.
"""

import base64
from html import escape
from pathlib import Path

from rnnsweep.inspection.trace import Inspection, gate_names, shown_token

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
.text span { padding: .1em .15em; border-radius: .2em; color: #111; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15em .6em; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
td.best { font-weight: 700; }
.scroll { overflow-x: auto; }
.unknown { opacity: .6; font-style: italic; }
img { max-width: none; background: #fff; }
"""


# nothing is loaded and no script runs, whatever a text of somebody else holds; shades are attributes of style
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'; img-src data:\">"
)


def write_page(inspection: Inspection, path: Path, *, title: str, picture: bytes) -> Path:
    """Write the page: the text by saliency, the table of tokens, the picture of gates and states.

    Args:
        inspection: of one text.
        path: of the HTML file.
        title: of the page.
        picture: a PNG.

    Returns:
        The path.
    """
    image = base64.b64encode(picture).decode()
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8">{_POLICY}<title>{escape(title)}</title>',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f"<p>Answer: <b>{escape(inspection.answer)}</b>, probability {inspection.confidence:.3f}.</p>",
        "<h2>What the answer depends on</h2>",
        "<p>The darker a token, the more a small change of its vector would move the answer (norm of the "
        "gradient of the answer's log-probability; the largest is 1). It says what the answer is sensitive "
        "to, not what it was reached by.</p>",
        f'<p class="text">{" ".join(_tokens(inspection))}</p>',
        "<h2>Token by token</h2>",
        "<p>Classes: the probability of each class for the text up to and with the token. Gates: their mean "
        "over the units of the first layer, 0 shut, 1 open. In italics: not in the vocabulary.</p>",
        f'<div class="scroll"><table>{_head(inspection)}{"".join(_rows(inspection))}</table></div>',
        "<h2>Gates and states</h2>",
        "<p>One text (batch of 1); time runs from left to right, one column a token; one row a unit.</p>",
        f'<div class="scroll"><img alt="Classes, saliency, gates and states by token" '
        f'src="data:image/png;base64,{image}"></div>',
        "</body></html>",
    ]
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _tokens(inspection: Inspection) -> list[str]:
    pairs = zip(inspection.tokens, inspection.saliency_T, strict=True)
    return [
        f'<span style="background: rgb(255 {255 - 130 * value:.0f} {255 - 215 * value:.0f})" '
        f'title="{value:.2f}">{escape(shown_token(token))}</span>'
        for token, value in pairs
    ]


def _head(inspection: Inspection) -> str:
    names = [
        "token",
        "saliency",
        *inspection.labels,
        *(f"{gate} gate" for gate in gate_names(inspection.layers)),
    ]
    return "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"


def _rows(inspection: Inspection) -> list[str]:
    return [_row(inspection, step) for step in range(len(inspection.tokens))]


def _row(inspection: Inspection, step: int) -> str:
    shares_C = inspection.probabilities_TC[step]
    kind = "" if inspection.known[step] else ' class="unknown"'
    cells = [f"<td{kind}>{escape(shown_token(inspection.tokens[step]))}</td>"]
    cells.append(f"<td>{inspection.saliency_T[step]:.2f}</td>")
    best = int(shares_C.argmax())
    cells += [
        f"<td{' class=best' if number == best else ''}>{share:.2f}</td>"
        for number, share in enumerate(shares_C)
    ]
    for gate in gate_names(inspection.layers):
        cells.append(f"<td>{inspection.layers[0].gates[gate][step].mean():.2f}</td>")
    return "<tr>" + "".join(cells) + "</tr>"
