"""Lightning callbacks of a training: the best validation, and the end before the last epoch."""
