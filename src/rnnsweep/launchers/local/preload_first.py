"""Imported first by the fork server: while it imports, nothing is garbage; what nobody uses is left out."""

import gc

from rnnsweep.runtime.spared_imports import spare_imports

gc.disable()
spare_imports()
