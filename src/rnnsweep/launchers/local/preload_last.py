"""Imported last by the fork server: does what each trial's first step would do anew.

The collector of a trial then walks over what the trial makes, and the pages of all else stay the server's.
"""

import gc
from multiprocessing import popen_forkserver  # noqa: F401 - a trial's process reads its task with it

from rnnsweep.runtime.compiled import load_kept
from rnnsweep.runtime.process import ProcessIdentity

try:
    load_kept()
    ProcessIdentity.current()  # what it reads of the boot is kept
finally:  # a module that cannot be imported is left out, and trials would run without a collector
    gc.freeze()
    gc.enable()
