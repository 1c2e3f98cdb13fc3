"""Optimizer steps of all members at once: dense weights, embeddings, and rows that a step skips."""
