"""Several runs of one shape as one batched computation, in one process."""
