"""The Python process itself: what it imports, compiles and collects, and who it is."""
