"""A lesson on recurrent networks, row by row: `python -m examples.lesson` in a clone of rnnsweep."""
