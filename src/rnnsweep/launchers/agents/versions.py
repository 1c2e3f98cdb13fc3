"""What must be the same on the controller's machine and its nodes; compared when an agent arrives."""

import functools
import platform
from collections.abc import Mapping

from rnnsweep.errors import UserError
from rnnsweep.paths import PACKAGE
from rnnsweep.state.start import code_digest
from rnnsweep.tracking.machine.provenance import installed_version

SAME = "install the same on all nodes"  # the remedy
_DISTRIBUTIONS = ("torch", "numpy", "numba", "pytorch-lightning")  # they decide a score's last digit


@functools.cache
def versions_here() -> dict[str, str]:
    """Return the versions of this process, and the digest of the code of this package."""
    python = ".".join(platform.python_version_tuple()[:2])
    libraries = {name: installed_version(name) for name in _DISTRIBUTIONS}
    return {"Python": python, **libraries, "rnnsweep": code_digest(PACKAGE)[:12]}


def check_versions_of(where: str, node: str, there: Mapping[str, str]) -> None:
    """Refuse a node that has other versions.

    Args:
        where: the machine or its file, for the message.
        node: its name.
        there: what it has.

    Raises:
        UserError: with the node and both versions.
    """
    if (differs := difference(there)) is not None:
        raise UserError(f"{where}: node {node}: {differs}", remedy=SAME)


def difference(there: Mapping[str, str]) -> str | None:
    """Return what differs there, with both versions; None where nothing does."""
    here = versions_here()
    for name in sorted({*here, *there}, key=lambda name: name == "rnnsweep"):
        if here.get(name) != there.get(name):
            code = " (digest of its code)" if name == "rnnsweep" else ""
            return f"{name}{code} is {there.get(name, 'none')} there and {here.get(name, 'none')} here"
    return None
