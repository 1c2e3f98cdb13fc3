"""Imported last by the fork server: does what each trial's first step would do anew."""

from rnnsweep.compiled import load_tables

load_tables()
