"""Where trials run: start one, hear from it, stop it."""
