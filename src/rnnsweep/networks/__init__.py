"""Recurrent networks in plain PyTorch.

`build(config, vocabulary=, classes=)` makes one, `parameter_count(...)` counts its weights by formula.
PyTorch is imported when `build` is first asked for: reading a configuration stays quick.
"""

from typing import TYPE_CHECKING, Any

from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.size import parameter_count

if TYPE_CHECKING:
    from rnnsweep.networks.network import Network, build

__all__ = ["ModelConfig", "Network", "build", "parameter_count"]


def __getattr__(name: str) -> Any:
    if name in ("Network", "build"):
        from rnnsweep.networks import network

        return getattr(network, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
