"""Processes of ours import Lightning without what no training uses."""

import subprocess
import sys

import pytest

SHOWN = "import sys; print([name for name in ('matplotlib', 'scipy.signal', 'PIL') if name in sys.modules])"
SPARE = "from rnnsweep.spared_imports import spare_imports; spare_imports(); "


def printed(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.slow
def test_lightning_is_imported_without_plots_and_signal_processing():
    assert printed(SPARE + "import pytorch_lightning; " + SHOWN) == "[]"


def test_other_packages_are_answered_as_ever(monkeypatch):
    from lightning_utilities.core import imports

    from rnnsweep.spared_imports import _answer_no

    for owner, name in ((imports.RequirementCache, "__bool__"), (imports, "package_available")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back afterwards
    _answer_no()
    assert imports.package_available("numpy")
    assert not imports.package_available("matplotlib")
    assert not imports.package_available("no_such_package")
    assert imports.RequirementCache("numpy")
    assert not imports.RequirementCache("scipy")
