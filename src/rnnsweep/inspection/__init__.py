"""Look inside a trained network while it reads a text."""
