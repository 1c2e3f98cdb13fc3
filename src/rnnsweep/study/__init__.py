"""Search: ask, prune, tell, resume."""
