"""The backend of a stack's steps: Triton's kernels where they are faster on this GPU, else batched products.

The measure is taken once a shape, when a stack is made: some forward and backward passes of each.
"""

import logging
import time
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor

from rnnsweep.launchers.fused import cells
from rnnsweep.launchers.fused.stack.members import MemberDraw, draw_factors
from rnnsweep.networks import ModelConfig
from rnnsweep.networks.cells import find_cell

_LOG = logging.getLogger(__name__)
WIDEST = 128  # units: beyond, no program keeps a cell's state
_STEPS, _TURNS = 32, 5
Cell = Callable[..., Tensor]


class Shape(NamedTuple):
    """Of the passes that are measured."""

    cell: str
    members: int
    texts: int
    inputs: int
    units: int


def cell_for(
    config: ModelConfig, device: torch.device, dtype: torch.dtype, *, members: int, texts: int
) -> Cell:
    """Return the function that runs one direction of one layer.

    Args:
        config: of the network.
        device: that the members share.
        dtype: of the weights.
        members: of the stack.
        texts: of a member's batch.
    """
    if config.cell == "bag" or device.type != "cuda" or why_no_kernels(config, dtype) is not None:
        return cells.run_direction
    shape = Shape(config.cell, members, texts, config.embedding_size, config.hidden_size)
    return _measured(shape, device)


def draw_for(device: torch.device) -> MemberDraw:
    """Choose how dropout is drawn: both backends draw the same numbers."""
    if device.type != "cuda" or find_spec("triton") is None:
        return draw_factors
    from rnnsweep.launchers.fused.stack import launches

    return launches.draw_factors


def why_no_kernels(config: ModelConfig, dtype: torch.dtype) -> str | None:
    """Return why Triton's kernels cannot step a network; None where they can."""
    if find_spec("triton") is None:
        return "Triton is not installed (pip install 'rnnsweep[gpu]')"
    if dtype != torch.float32:
        return f"they are for single precision, not {dtype}"
    if config.hidden_size > WIDEST:
        return f"model.hidden_size={config.hidden_size} is above {WIDEST}"
    return None


@cache
def _measured(shape: Shape, device: torch.device) -> Cell:
    from rnnsweep.launchers.fused.stack import launches

    backends: dict[str, Cell] = {"products": cells.run_direction, "kernels": launches.run_direction}
    passes = _passes(shape, device)
    choice = fastest(
        {name: partial(passes, backend) for name, backend in backends.items()}, clock=partial(_now, device)
    )
    _LOG.info("fused %s of %d units: %s", shape.cell, shape.units, choice.text)
    return backends[choice.name]


class Fastest(NamedTuple):
    """Which backend is fastest, and the times of all."""

    name: str
    text: str


def fastest(backends: dict[str, Callable[[], None]], *, clock: Callable[[], float]) -> Fastest:
    """Measure backends in turns, after one turn to warm up; return the one with the lowest best time.

    A backend that fails, as for want of a GPU's shared memory, is out; the first one must not.
    """
    times: dict[str, list[float]] = {}
    failed: dict[str, Exception] = {}
    for _ in range(1 + _TURNS):
        for name, backend in backends.items():
            if name in failed:
                continue
            began = clock()
            try:
                backend()
            except Exception as error:
                if name == next(iter(backends)):
                    raise
                failed[name] = error
                continue
            times.setdefault(name, []).append(clock() - began)
    best = {name: min(taken[1:]) for name, taken in times.items() if name not in failed}
    timings = [f"{name} {seconds * 1e3:.2f} ms" for name, seconds in best.items()]
    timings += [f"{name} failed ({type(error).__name__})" for name, error in failed.items()]
    name = min(best, key=best.__getitem__)
    return Fastest(name, f"{name} ({', '.join(timings)})")


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _passes(shape: Shape, device: torch.device) -> Callable[[Cell], None]:
    """Make a function that runs a forward and a backward pass with made-up numbers."""
    cell, members, texts, inputs, units = shape
    gates = len(find_cell(cell).gates) * units
    sizes = ((_STEPS, texts, inputs), (gates, inputs), (gates, units), (gates,), (gates,))
    leaves = [torch.full((members, *size), 0.01, device=device, requires_grad=True) for size in sizes]
    ends_K = torch.full((members,), _STEPS, device=device)

    def once(backend: Cell) -> None:
        out = backend(cell, leaves[0], tuple(leaves[1:]), [_STEPS] * members, ends_K)
        torch.autograd.grad(out.sum(), leaves)

    return once
