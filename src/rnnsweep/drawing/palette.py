"""One colour for each architecture, the same in the MLflow UI, in the report and in the terminal.

What shows several architectures takes `colours` of all of them; `colour` is for what knows one name alone.
"""

import hashlib
from collections.abc import Iterable

# Dark enough for text-sized marks on white and light enough on black (WCAG 3:1 for graphics on both);
# neighbours differ in hue and in lightness, so that a print in grey still tells them apart.
_KNOWN = {
    "rnn": "#7a7a7a",
    "birnn": "#9c6b30",
    "gru": "#2a8a4a",
    "bigru": "#0f8f8f",
    "lstm": "#2f6fd0",
    "bilstm": "#7a5fd0",
    "stacked_lstm": "#c0428a",
    "stacked_bilstm": "#d0453a",
    "stacked_bigru": "#b8860b",
    "stacked_gru": "#2b93b8",
    "bag": "#5f7f95",
    "linear": "#808000",
}
_OTHERS = (  # twenty hues, dark then light
    "#c82f2f",
    "#ab4f28",
    "#8d6221",
    "#756c1b",
    "#60721b",
    "#49761c",
    "#2f7a1d",
    "#1d7b26",
    "#1d7a42",
    "#1c785d",
    "#1c7676",
    "#237294",
    "#2d69c2",
    "#505ed6",
    "#6e54d7",
    "#8c45d3",
    "#a82fc7",
    "#b62ba8",
    "#be2d84",
    "#c42e5b",
    "#cc7767",
    "#c27f48",
    "#a78b38",
    "#8e9331",
    "#769933",
    "#5a9e35",
    "#3ba236",
    "#36a151",
    "#35a070",
    "#359e8e",
    "#399aab",
    "#5593c6",
    "#758cd1",
    "#8985d6",
    "#9d7fd4",
    "#b176d1",
    "#c86acd",
    "#ce6bb5",
    "#cf6f9a",
    "#d07280",
)


def colour(architecture: str) -> str:
    """Return an architecture's colour as ``#rrggbb``; one that is not known gets a fixed one by its name."""
    if architecture in _KNOWN:
        return _KNOWN[architecture]
    digest = hashlib.sha256(architecture.encode()).digest()
    return _OTHERS[digest[0] % len(_OTHERS)]


def colours(architectures: Iterable[str]) -> dict[str, str]:
    """Return the colours of architectures that are shown together; two share one only where there are few.

    Each has its own as `colour` gives it; of several that are not known and would share one, the first by
    name keeps it and the others take the next that is free.
    """
    names = dict.fromkeys(architectures)
    chosen = {name: _KNOWN[name] for name in names if name in _KNOWN}
    others = sorted(name for name in names if name not in _KNOWN)
    for name in others:
        if colour(name) not in chosen.values():
            chosen[name] = colour(name)
    for name in others:
        free = [one for one in _OTHERS if one not in chosen.values()]
        chosen.setdefault(name, free[0] if free else colour(name))
    return {name: chosen[name] for name in names}
