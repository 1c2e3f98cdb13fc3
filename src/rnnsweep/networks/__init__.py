"""Recurrent networks in plain PyTorch.

`build(config, vocabulary=, classes=)` makes one, `parameter_count(...)` counts its weights by formula.
PyTorch is imported when `build` is first used: reading a configuration stays quick.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.networks.config import ModelConfig as ModelConfig
    from rnnsweep.networks.network import Network as Network, build as build
    from rnnsweep.networks.size import parameter_count as parameter_count

lazy_names(__name__)
