"""The weights of classes, and the cross-entropy with its gradient.

Shapes: B rows, C classes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnsweep.errors import UserError, nearest
from rnnsweep.tasks.task import Facts

if TYPE_CHECKING:
    from torch import Tensor

_SUM_OF_ALL = 2, -100  # PyTorch's numbers of reduction="sum" and of a target to leave out


def class_weights(setting: Any, facts: Facts) -> tuple[float, ...] | None:
    """Return the weight of each class: ``balanced`` is rows / (classes * the class's rows), as scikit-learn.

    Classes that a mapping does not name have weight 1.

    Raises:
        UserError: a mapping names a class that the corpus does not have.
    """
    if setting is None:
        return None
    import numpy as np

    if isinstance(setting, Mapping):
        weights = {str(name): float(weight) for name, weight in setting.items()}
        strangers = sorted(set(weights) - set(facts.labels))
        if strangers:
            raise UserError(
                f"task.class_weights.{strangers[0]}={weights[strangers[0]]:g}: the corpus has the labels "
                f"{', '.join(facts.labels[:8])}.{nearest(strangers[0], facts.labels)}"
            )
        return tuple(weights.get(label, 1.0) for label in facts.labels)
    rows_C = np.bincount(facts.targets_N, minlength=len(facts.labels))
    return tuple(float(w) for w in len(facts.targets_N) / (len(rows_C) * np.maximum(rows_C, 1)))


def loss_and_gradients(
    outputs_BC: "Tensor", targets_B: "Tensor", weight_C: "Tensor | None", weight: float
) -> "tuple[Tensor, Tensor]":
    """Return the cross-entropies, added up, and the gradients of their sum divided by `weight`.

    The operations are those that autograd calls: numbers are the same to the last digit.

    Args:
        outputs_BC: logits, in single or double precision.
        targets_B: the class of each row.
        weight_C: of each class; None: each has 1.
        weight: what the sum is divided by.

    Returns:
        the sum, and gradients_BC
    """
    import torch

    aten, rest, log_p_BC = torch.ops.aten, (weight_C, *_SUM_OF_ALL), outputs_BC.log_softmax(1)
    loss, total = aten.nll_loss_forward.default(log_p_BC, targets_B, *rest)
    of_loss = torch.ones_like(loss).div_(weight)
    of_log_p_BC = aten.nll_loss_backward.default(of_loss, log_p_BC, targets_B, *rest, total)
    return loss, aten._log_softmax_backward_data.default(of_log_p_BC, log_p_BC, 1, log_p_BC.dtype)
