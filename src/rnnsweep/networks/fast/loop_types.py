"""The compiled loops, and the types that trainings of the default precision call them with.

In Numba's notation. The order is that of compiling: what takes longest first, what the default settings do
without last.
"""

from typing import NamedTuple

_CELLS, _MOVES, _ROWS = "rnnsweep.networks.fast.loops", "rnnsweep.optim.kernels", "rnnsweep.optim.row_loops"
_1, _2, _I, _D = "float32[::1]", "float32[:,::1]", "int64[::1]", "float64[::1]"
_KEPT = "boolean[:,::1]"
_BATCH, _READ, _GRAD = f"UniTuple({_I},2)", f"Tuple(({_2},{_I}))", f"Tuple(({_2},int64))"
_TABLE, _SUMS, _BETAS = f"UniTuple({_2},3)", f"Tuple((float64[:,::1],{_D}))", "UniTuple(float64,2)"
_RATE = "Tuple((int64,float64))"


class Loop(NamedTuple):
    """A compiled loop: its module, its types and the cell that needs it; None: every training may."""

    module: str
    types: tuple[str, ...]
    cell: str | None = None

    @property
    def signature(self) -> str:
        """Numba's notation of a call without a result of its own choice."""
        return f"({', '.join(self.types)},)"


LOOPS = {
    "lstm_backward": Loop(_CELLS, (_2, _2, _GRAD, _2, "int64", _BATCH, _READ), "lstm"),
    "lstm_forward": Loop(_CELLS, (_READ, _2, _1, "int64", _BATCH, _2, _2, _2), "lstm"),
    "gru_backward": Loop(_CELLS, (_2, _2, _2, _GRAD, _2, "int64", _BATCH, _READ), "gru"),
    "gru_forward": Loop(_CELLS, (_READ, _2, f"UniTuple({_1},2)", "int64", _BATCH, _2, _2, _2), "gru"),
    "rnn_backward": Loop(_CELLS, (_2, _GRAD, _2, "int64", _BATCH, _2, _READ), "rnn"),
    "rnn_forward": Loop(_CELLS, (_READ, _2, _1, "int64", _BATCH, _2), "rnn"),
    "read_adam_rows": Loop(_MOVES, (_I, _TABLE, f"UniTuple({_2},2)", _I, "int64", _SUMS, _BETAS, "float64")),
    "step_adam_rows": Loop(
        _MOVES, (f"Tuple(({_I},{_I},boolean[::1]))", _TABLE, f"UniTuple({_2},2)", _2, _D, "int64")
    ),
    "level_adam_rows": Loop(_MOVES, (_I, _TABLE, _I, "int64", _SUMS, _BETAS, "float64")),
    "look_up_dropped": Loop(_ROWS, (_2, _I, _I, "UniTuple(int64,3)", _RATE, f"Tuple(({_2},{_KEPT}))")),
    "add_kept_rows": Loop(_ROWS, (_I, _2, _KEPT, _RATE, _2)),
    "push_step": Loop(_MOVES, ("float64[:,::1]", _D, "float64[:,::1]", _D, "int64", "float64")),
    "adam": Loop(_MOVES, (_1, _1, _1, _1, _D)),
    "sum_of_squares": Loop(_MOVES, (_1,)),
    "find_distinct": Loop(_ROWS, (_I, _I, _I, _I)),
    "add_rows": Loop(_ROWS, (_I, _2, "int64", _2)),
    "write_rows": Loop(_MOVES, (_I, _2, _2)),
}
