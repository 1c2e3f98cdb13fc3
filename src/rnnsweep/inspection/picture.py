"""The inside of a network as a picture: tokens from left to right, units from top to bottom.

Shapes: T tokens, H units, C classes.
"""

import io
from collections.abc import Callable

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rnnsweep.drawing.fonts import NOTE, fonts_for
from rnnsweep.inspection.trace import Inspection, Numbers, shown_token

_SIGNED = {"state", "memory", "candidate"}  # around zero; gates go from 0 (shut) to 1 (open)


def draw(inspection: Inspection, *, title: str) -> bytes:
    """Draw classes, saliency and every gate and state of every layer; give the picture as PNG."""
    with fonts_for([*inspection.labels, *map(shown_token, inspection.tokens), title]) as write:
        return _draw(inspection, write, write(title))


def _draw(inspection: Inspection, write: Callable[[str], str], title: str) -> bytes:
    panels = _panels(inspection)
    tokens = len(inspection.tokens)
    heights = [2.2, 0.5, *(1.2 for _ in panels)]
    figure = Figure(figsize=(max(7.0, 0.34 * tokens + 2.5), sum(heights) + 1.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _classes(axes[0], inspection, write)
    _heat(axes[1], inspection.saliency_T[None], "saliency", low=0.0, high=1.0, shades="Greys")
    axes[1].set_yticks([])
    for axis, (name, values_TH) in zip(axes[2:], panels, strict=True):
        signed = name.rpartition(" ")[2] in _SIGNED
        reach = max(1.0, float(np.abs(values_TH).max())) if "memory" in name else 1.0
        shades = "RdBu_r" if signed else "viridis"
        _heat(axis, values_TH.T, name, low=-reach if signed else 0.0, high=reach, shades=shades)
    _name_tokens(axes[-1], inspection, write)
    figure.suptitle(title, fontsize=10)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _panels(inspection: Inspection) -> list[tuple[str, Numbers]]:
    panels: list[tuple[str, Numbers]] = []
    for layer in inspection.layers:
        panels += [(f"{layer.name}\n{name}", gate_TH) for name, gate_TH in layer.gates.items()]
        if layer.memory_TH is not None:
            panels.append((f"{layer.name}\nmemory", layer.memory_TH))
        panels.append((f"{layer.name}\nstate", layer.states_TH))
    return [(name.replace("\n", " "), values_TH) for name, values_TH in panels]


def _classes(axis: Axes, inspection: Inspection, write: Callable[[str], str]) -> None:
    steps = np.arange(len(inspection.tokens))
    for number, label in enumerate(inspection.labels):
        shade = colormaps["tab10"](number % 10)
        name = f" {write(label)}"  # Matplotlib leaves a name that begins with _ out
        axis.plot(steps, inspection.probabilities_TC[:, number], marker=".", label=name, color=shade)
    axis.set_ylim(-0.03, 1.03)
    axis.set_ylabel("probability after\neach token", fontsize=8)
    axis.legend(fontsize=7, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def _heat(axis: Axes, values_HT: Numbers, name: str, *, low: float, high: float, shades: str) -> None:
    image = axis.imshow(values_HT, aspect="auto", vmin=low, vmax=high, cmap=shades, interpolation="nearest")
    first, _, last = name.rpartition(" ")
    axis.set_ylabel(
        f"{first}\n{last}\n(units)" if first else name, fontsize=7, rotation=0, ha="right", va="center"
    )
    axis.tick_params(labelsize=6)
    axis.figure.colorbar(image, ax=axis, pad=0.01, fraction=0.03).ax.tick_params(labelsize=6)


def _name_tokens(axis: Axes, inspection: Inspection, write: Callable[[str], str]) -> None:
    tokens = [shown_token(token) for token in inspection.tokens]
    names = [write(token) for token in tokens]
    shown = [name if known else f"[{name}]" for name, known in zip(names, inspection.known, strict=True)]
    axis.set_xticks(range(len(names)), shown, rotation=60, ha="right", fontsize=8)
    numbered = any(write(each) != each for each in (*inspection.labels, *tokens))
    noted = f"; {NOTE}, classes first" if numbered else ""
    axis.set_xlabel(f"time: one step a token (in brackets: not in the vocabulary{noted})", fontsize=8)
