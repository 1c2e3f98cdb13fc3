"""Calls that compare: sweeps, corpora, scores of other tools."""
