"""Compiled loops for recurrent layers on the CPU."""
