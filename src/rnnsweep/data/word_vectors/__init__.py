"""Word vectors: those of files, and those counted from a corpus."""
