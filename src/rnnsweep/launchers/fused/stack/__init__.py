"""Members stacked on one device: their steps as one function of fixed shapes, on a GPU one CUDA graph.

`stacks.Stacks` is the entry: which trainings may join a stack, and the steps of those in it. All tensors that
a step reads or writes keep their addresses; Python reads nothing during a step.
"""
