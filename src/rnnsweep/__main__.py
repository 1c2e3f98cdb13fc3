"""``python -m rnnsweep``: the command line."""

import sys

from rnnsweep.cli import main

if __name__ == "__main__":
    sys.exit(main())
