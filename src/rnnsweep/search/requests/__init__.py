"""Trials that are proposed to the search: by people and by earlier sweeps."""
