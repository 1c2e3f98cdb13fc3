"""How many runs of one shape to fuse: what was measured, and what the memory holds."""

from rnnsweep.config import RunConfig
from rnnsweep.networks import parameter_count
from rnnsweep.networks.size import GATES

# Measured on one core, 64/32, batch 16, 8 members (`python -m benchmarks.fused`): beside the compiled time
# loops fusing is slower for every cell (rnn x0.95, gru x0.82, lstm x0.62); beside PyTorch's own, without
# Numba, the small cells that have no oneDNN kernel gain (gru x1.6, rnn x1.5). On a GPU `probe` measures.
_CELLS, _UNITS, _TEXTS = ("rnn", "gru"), 32, 16
AUTO = 8  # members; more gain little, and each waits for all
_EACH = 40_000_000  # bytes of a training's own objects, as its trainer and its records
_TABLES = 4  # of each weight: itself, two moments, the best so far or a gradient


def auto_members(run: RunConfig) -> int:
    """Choose how many runs of this shape are fused on the CPU: as many as were measured to pay."""
    from rnnsweep.compiled import AVAILABLE  # Numba is imported where the rule is asked for

    model = run.model
    small = model.hidden_size <= _UNITS and run.data.batch_size <= _TEXTS
    return AUTO if not AVAILABLE and model.cell in _CELLS and small else 1


def bytes_of_member(run: RunConfig) -> int:
    """Estimate from above what one more member takes: tables, moments, and what backward keeps of a batch."""
    model, data = run.model, run.data
    number = 8 if run.trainer.precision == "64-true" else 4  # bytes
    # 20 labels: the output layer is small beside the rest
    weights = parameter_count(model, vocabulary=data.vocabulary, classes=20)
    directions = 2 if model.bidirectional else 1
    gates = GATES.get(model.cell, 0)
    kept = 3 * model.embedding_size + model.num_layers * directions * model.hidden_size * (3 * gates + 4)
    return _EACH + number * (_TABLES * weights + data.batch_size * data.max_length * kept)


def members_that_fit(run: RunConfig, *, free: float) -> int:
    """Count the members that find room in so many free bytes; at least one."""
    return max(1, int(free // bytes_of_member(run)))
