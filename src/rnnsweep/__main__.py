"""``python -m rnnsweep``: the command line.

Python puts the working directory first in `sys.path` before any of our code runs. Only ``rnnsweep`` and
``python -P -m rnnsweep`` never import from there.
"""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory; what is imported from now on cannot come from there
    from rnnsweep.cli import main

    sys.exit(main())
