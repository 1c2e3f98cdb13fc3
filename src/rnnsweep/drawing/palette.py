"""One colour for each architecture, the same in the MLflow UI, in the report and in the terminal."""

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
    "bag": "#5f7f95",
    "linear": "#808000",
}
_OTHERS = ("#a0522d", "#3d8fc0", "#8f4fa8", "#6b8e23", "#c05050", "#4f8f7f", "#a06080", "#7f7fbf")


def colour(architecture: str) -> str:
    """Return an architecture's colour as ``#rrggbb``; one that is not known gets a fixed one by its name."""
    if architecture in _KNOWN:
        return _KNOWN[architecture]
    digest = hashlib.sha256(architecture.encode()).digest()
    return _OTHERS[digest[0] % len(_OTHERS)]


def colours(architectures: Iterable[str]) -> dict[str, str]:
    """Return the colours of one report: two architectures share one only where there are not enough.

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
