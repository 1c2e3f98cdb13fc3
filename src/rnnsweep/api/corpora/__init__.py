"""Calls that describe corpora: what is in one, and which of its words a file of vectors has."""
