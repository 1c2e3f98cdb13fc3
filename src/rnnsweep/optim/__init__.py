"""The optimizer: dense weights by PyTorch or compiled loops, embedding rows lazily, the schedule."""
