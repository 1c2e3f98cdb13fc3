"""What a trained network says of a part of its corpus.

Shapes: N texts, B texts of a batch, C classes.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedPart, prepare
from rnnsweep.networks import build
from rnnsweep.training import checkpoint
from rnnsweep.training.loader import judged_batches
from rnnsweep.training.metrics import Tally
from rnnsweep.training.module import summed_loss

_LOW_PRECISION = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


@dataclass(frozen=True)
class Evaluation:
    """Scores of a part, and for each text the target, the prediction and how sure the network was of it."""

    accuracy: float
    macro_f1: float
    loss: float
    targets_N: NDArray[np.int64]
    predictions_N: NDArray[np.int64]
    confidence_N: NDArray[np.float64]  # probability of the prediction


def evaluate(run: RunConfig, checkpoint_path: Path, *, part: str = "test") -> Evaluation:
    """Evaluate a checkpoint's weights on a part of the run's corpus: train, validation or test.

    Raises:
        UserError: no such checkpoint, not one of ours, or of another network.
    """
    corpus = prepare(run.data)
    network = build(run.model, vocabulary=len(corpus.vocabulary), classes=len(corpus.labels))
    checkpoint.load_weights(network, checkpoint.read(checkpoint_path), checkpoint_path)
    rows = corpus.test() if part == "test" else getattr(corpus, part)
    threads = torch.get_num_threads()
    torch.set_num_threads(run.trainer.threads or threads)
    try:
        return judge(network.eval().to(_device(run)), rows, run, classes=len(corpus.labels))
    finally:
        torch.set_num_threads(threads)


def _device(run: RunConfig) -> torch.device:
    """Take the GPU where there is one; a run of a machine with a GPU can be scored on one without."""
    on_gpu = run.trainer.accelerator != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if on_gpu else "cpu")


@torch.inference_mode()
def judge(network: nn.Module, part: EncodedPart, run: RunConfig, *, classes: int) -> Evaluation:
    """Run a network over a part where its weights are, in the precision that it was trained in."""
    precision, device = run.trainer.precision, next(network.parameters()).device
    tally = Tally(classes, device=device)
    predictions_N = np.zeros(len(part), dtype=np.int64)
    confidence_N = np.zeros(len(part))
    network = network.double() if precision == "64-true" else network
    for rows_B, batch in judged_batches(part, run.data):
        with _autocast(precision, device):
            logits_BC: Tensor = network(batch.tokens_BT.to(device), batch.lengths_B)
        targets_B = batch.targets_B.to(device)
        tally.add(logits_BC, targets_B, summed_loss(logits_BC, targets_B))
        best = logits_BC.double().softmax(1).cpu().max(1)
        predictions_N[rows_B], confidence_N[rows_B] = best.indices.numpy(), best.values.numpy()
    targets_N = np.asarray(part.targets_N, dtype=np.int64)
    result = tally.result()
    return Evaluation(result.accuracy, result.macro_f1, result.loss, targets_N, predictions_N, confidence_N)


def _autocast(precision: str, device: torch.device) -> "torch.autocast | nullcontext[None]":
    if precision in _LOW_PRECISION:
        return torch.autocast(device.type, dtype=_LOW_PRECISION[precision])
    return nullcontext()
