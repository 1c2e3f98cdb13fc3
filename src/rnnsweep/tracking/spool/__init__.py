"""A run's record: an append-only file on its way to the store."""
