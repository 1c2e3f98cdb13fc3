"""Members stacked on one device: their steps as one function of still shapes, on a GPU one CUDA graph.

`seats.Stacks` is the door: who may sit in a stack, and the steps of those that do. Everything that a step
reads or writes lies in tensors that stay where they are; nothing in a step is read by Python.
"""
