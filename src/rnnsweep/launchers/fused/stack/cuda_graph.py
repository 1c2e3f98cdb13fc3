"""One function of fixed shapes as one CUDA graph; on the CPU the function itself.

The function has no arguments and returns nothing: it reads and writes tensors that keep their addresses.
What a GPU replays is therefore what tests on the CPU run.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

_WARMING = 3  # calls before a capture: libraries make their workspaces, Triton compiles


class GraphedFunction:
    """Calls a function; on a GPU the first call captures it, and each call replays it.

    Args:
        function: what to capture.
        device: where its tensors lie.
        idle: a context in which a call leaves no trace, for warming up.
        pool: of memory, shared by graphs that run one after the other.
    """

    def __init__(
        self,
        function: Callable[[], None],
        *,
        device: torch.device,
        idle: Callable[[], AbstractContextManager[None]],
        pool: Any = None,
    ) -> None:
        self._function, self._device, self._idle, self._pool = function, device, idle, pool
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Run the function once."""
        if self._device.type != "cuda":
            self._function()
            return
        if self._graph is None:
            with self._idle():
                self._graph = self._graphs()
        self._graph.replay()

    def _graphs(self) -> torch.cuda.CUDAGraph:
        """Warm up on a stream beside, as a capture wants it, and capture."""
        here, beside = torch.cuda.current_stream(self._device), torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            for _ in range(_WARMING):
                self._function()
        here.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            self._function()
        return graph


def bucket(steps: int) -> int:
    """Round a number of time steps up, by an eighth at most beyond 64: so many graphs at most."""
    if steps <= 64:
        return -(-steps // 8) * 8
    size = 1 << (steps - 1).bit_length() - 4
    return -(-steps // size) * size
