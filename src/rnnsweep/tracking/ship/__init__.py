"""Sending spools to the store."""
