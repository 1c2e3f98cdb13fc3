"""Runs and curves read back from the store."""
