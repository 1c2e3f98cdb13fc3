"""Runs recorded in MLflow and read back."""
