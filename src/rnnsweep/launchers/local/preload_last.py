"""Imported last by the fork server: does what each trial's first step would do anew.

The collector of a trial then walks over what the trial makes, and the pages of all else stay the server's.
"""

import gc

from rnnsweep.runtime.compiled import load_kept, load_tables

try:
    load_tables()
    load_kept()
finally:  # a module that cannot be imported is left out, and trials would run without a collector
    gc.freeze()
    gc.enable()
