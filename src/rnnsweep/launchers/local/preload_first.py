"""Imported first by the fork server: while it imports, nothing is garbage."""

import gc

gc.disable()
