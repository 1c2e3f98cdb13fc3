"""What is in a corpus, and the remarks on it."""
