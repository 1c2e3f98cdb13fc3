"""What a stack steps with: Triton's kernels on a GPU where they are measured to be faster, else products."""

from collections.abc import Callable

import torch
from torch import Tensor

from rnnsweep.fused.cells import run_direction
from rnnsweep.fused.stack.members import Draw, draw_factors
from rnnsweep.networks import ModelConfig


def cell_for(config: ModelConfig, device: torch.device) -> Callable[..., Tensor]:
    """Choose how one direction of one layer is run."""
    return run_direction


def draw_for(device: torch.device) -> Draw:
    """Choose how dropout is drawn."""
    return draw_factors
