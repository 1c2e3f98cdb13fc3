"""Several trials of one shape in one process."""
