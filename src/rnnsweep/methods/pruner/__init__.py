"""Pruners: a file each, with a `PrunerSpec` called ``PRUNER``."""
