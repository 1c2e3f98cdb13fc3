"""Standings, verdicts, and the answer in words."""
