"""How a trained network does on a part of its corpus.

Shapes: N rows, B rows of a batch, K outputs for each.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedPart, prepare
from rnnsweep.tasks import Task
from rnnsweep.training.initial import fit_task, own_threads_and_random_numbers, restore
from rnnsweep.training.loader import judged_batches
from rnnsweep.training.metrics import Tally

_LOW_PRECISION = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


@dataclass(frozen=True)
class Evaluation:
    """Scores of a part, and for each row its target and what the network answers."""

    values: Mapping[str, float]  # natural values: every score of the task, and the loss
    classes: list[dict[str, Any]]  # scores of each class, where there are classes
    targets_N: NDArray[Any]
    answers: Mapping[str, NDArray[Any]]  # predictions_N and, for classes, confidence_N


def evaluate(run: RunConfig, checkpoint_path: Path, *, part: str = "test") -> Evaluation:
    """Evaluate a checkpoint's weights on a part of the run's corpus: train, validation or test.

    Raises:
        UserError: no such checkpoint, not one of ours, or of another network.
    """
    corpus = prepare(run.data)
    network = restore(run, corpus, checkpoint_path)
    rows = corpus.test() if part == "test" else getattr(corpus, part)
    with own_threads_and_random_numbers(run):
        return evaluate_network(network.to(_device(run)), rows, run, fit_task(run, corpus))


def _device(run: RunConfig) -> torch.device:
    """Take the GPU where there is one; a run of a machine with a GPU can be scored on one without."""
    on_gpu = run.trainer.accelerator != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if on_gpu else "cpu")


@torch.inference_mode()
def evaluate_network(network: nn.Module, part: EncodedPart, run: RunConfig, task: Task) -> Evaluation:
    """Return what a network says of a part, on its device and in the precision of its training.

    Args:
        network: in evaluation mode.
        part: rows to score.
        run: its configuration.
        task: as made for the corpus.
    """
    precision, device = run.trainer.precision, next(network.parameters()).device
    tally = Tally(run.spec, task, device=device)
    answers: dict[str, NDArray[Any]] = {}
    network = network.double() if precision == "64-true" else network
    for rows_B, batch in judged_batches(part, run.data):
        with _autocast(precision, device):
            outputs_BK: Tensor = network(batch.tokens_BT.to(device), batch.lengths_B)
        targets_B = batch.targets_B.to(device)
        tally.add(outputs_BK, targets_B, task.loss(outputs_BK, targets_B))
        for name, values_B in task.answers(outputs_BK).items():
            answers.setdefault(name, np.zeros(len(part), dtype=values_B.dtype))[rows_B] = values_B
    counts = {name: count.cpu() for name, count in tally.counts.items()}
    return Evaluation(tally.result(), task.by_class(counts), np.asarray(part.targets_N), answers)


def _autocast(precision: str, device: torch.device) -> "torch.autocast | nullcontext[None]":
    if precision in _LOW_PRECISION:
        return torch.autocast(device.type, dtype=_LOW_PRECISION[precision])
    return nullcontext()
