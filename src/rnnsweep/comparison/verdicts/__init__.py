"""Standings, verdicts, health of the search, and the answer in words."""
