"""Calls that compare: sweeps, and scores of other tools."""
