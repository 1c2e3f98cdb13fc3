"""No recurrence at all: the pooled embeddings, as a control."""

from rnnsweep.networks.cells.spec import CellSpec

CELL = CellSpec(equations=None, gates=(), parameters=lambda inputs, units, biases: 0)
