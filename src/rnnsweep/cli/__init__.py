"""The command line: parse, call `rnnsweep.api`, print. Heavy imports wait until a command needs them."""

from rnnsweep.cli.entry import main

__all__ = ["main"]
