"""Look inside a network while it reads one text: gates, states, classes after each token, saliency.

Names are loaded when first used: PyTorch and matplotlib are not imported with the package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.inspection.page import write_page
    from rnnsweep.inspection.picture import draw
    from rnnsweep.inspection.reading import Inspection, LayerView, read

_HOMES = {
    "Inspection": "reading",
    "LayerView": "reading",
    "read": "reading",
    "draw": "picture",
    "write_page": "page",
}
__all__ = ["Inspection", "LayerView", "draw", "read", "write_page"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
