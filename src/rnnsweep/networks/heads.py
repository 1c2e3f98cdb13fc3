"""What a network's body shows, and how its head makes outputs of it: one answer a row, or one a step.

Shapes: T time steps, B rows, H outputs of the body a step (both directions side by side), P numbers that the
head reads, K outputs of the head.
"""

from collections.abc import Callable

from torch import Tensor

from rnnsweep.errors import UserError
from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.fast.layers import Shows
from rnnsweep.networks.pooling import pool

ROW, STEP = "row", "step"
POOLED_BY_LAYERS: dict[str, Shows] = {"last": "last", "mean": "mean"}


def refuse_misfit(config: ModelConfig, level: str) -> None:
    """Refuse settings that mean nothing where every step has an answer.

    Raises:
        UserError: naming the key.
    """
    if level == STEP and config.join == "backward_only":
        raise UserError("model.join='backward_only': must be both, as task.level=step pools nothing")


def shows(config: ModelConfig, level: str) -> Shows:
    """Return what the head needs of the recurrent layers: every output, or what they pool themselves."""
    return "every" if level == STEP else POOLED_BY_LAYERS.get(config.pooling, "every")


def read_row(shown: Tensor, lengths_B: Tensor, config: ModelConfig) -> Tensor:
    """Return what the head reads of each row: pooled_BP of outputs_TBH, or of a pooled_BH."""
    pooled_BP = shown if shown.dim() == 2 else _pool(shown, lengths_B, config)
    if config.join == "backward_only":
        pooled_BP = pooled_BP[:, pooled_BP.shape[1] // 2 :]
    return pooled_BP


def read_steps(shown: Tensor, lengths_B: Tensor, config: ModelConfig) -> Tensor:
    """Return what the head reads of each step, outputs_BTH; those at or after a row's length mean nothing."""
    return shown.transpose(0, 1)


READERS: dict[str, Callable[[Tensor, Tensor, ModelConfig], Tensor]] = {ROW: read_row, STEP: read_steps}


def _pool(outputs_TBH: Tensor, lengths_B: Tensor, config: ModelConfig) -> Tensor:
    ragged = bool((lengths_B != outputs_TBH.shape[0]).any())
    return pool(
        outputs_TBH,
        lengths_B.to(outputs_TBH.device),  # up to here they were read on the CPU
        pooling=config.pooling,
        bidirectional=config.bidirectional and config.cell != "bag",
        ragged=ragged,
    )
