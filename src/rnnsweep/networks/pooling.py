"""From the outputs of all time steps to one vector a text, over the real steps only.

Shapes: T time steps, B texts, H outputs a step (both directions side by side).
"""

import torch
from torch import Tensor


def pool(
    outputs_TBH: Tensor, lengths_B: Tensor, *, pooling: str, bidirectional: bool, ragged: bool
) -> Tensor:
    """Pool over time; what is at or after a text's length is never read.

    Args:
        outputs_TBH: of every step.
        lengths_B: tokens of each text.
        pooling: "last" takes each direction's last state: the forward one at length - 1, the backward one at
            0; "mean_max" puts the mean and the largest side by side (Howard and Ruder 2018); or "mean",
            "max".
        bidirectional: the second half of H is of the backward direction.
        ragged: some text is shorter than T.

    Returns:
        pooled_BH, or of twice the width for "mean_max"
    """
    if pooling == "last":
        return _last(outputs_TBH, lengths_B, bidirectional=bidirectional, ragged=ragged)
    if pooling == "max":
        return _max(outputs_TBH, lengths_B, ragged)
    if pooling == "mean":
        return _mean(outputs_TBH, lengths_B, ragged)
    halves = (_mean(outputs_TBH, lengths_B, ragged), _max(outputs_TBH, lengths_B, ragged))
    return torch.cat(halves, dim=1)


def _max(outputs_TBH: Tensor, lengths_B: Tensor, ragged: bool) -> Tensor:
    return _masked(outputs_TBH, lengths_B, float("-inf"), ragged).amax(0)


def _mean(outputs_TBH: Tensor, lengths_B: Tensor, ragged: bool) -> Tensor:
    total_BH = _masked(outputs_TBH, lengths_B, 0.0, ragged).sum(0)
    return total_BH / lengths_B.to(total_BH).unsqueeze(1)


def _last(outputs_TBH: Tensor, lengths_B: Tensor, *, bidirectional: bool, ragged: bool) -> Tensor:
    if not ragged and not bidirectional:
        return outputs_TBH[-1]
    _, texts, width = outputs_TBH.shape
    steps_1BH = lengths_B.new_zeros(1, texts, width)
    forward_B1 = (lengths_B - 1).unsqueeze(1)
    steps_1BH[:, :, : width // 2 if bidirectional else width] = forward_B1
    return outputs_TBH.gather(0, steps_1BH)[0]  # backward, one array of zeros instead of one for each slice


def _masked(outputs_TBH: Tensor, lengths_B: Tensor, value: float, ragged: bool) -> Tensor:
    if not ragged:
        return outputs_TBH
    steps_T1 = torch.arange(outputs_TBH.shape[0], device=outputs_TBH.device).unsqueeze(1)
    return outputs_TBH.masked_fill((steps_T1 >= lengths_B).unsqueeze(2), value)
