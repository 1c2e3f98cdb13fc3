"""The list of known vulnerabilities, and what is compared with it."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def advisories():
    spec = spec_from_file_location("advisories", ROOT / ".ci" / "advisories.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_known_vulnerability_is_installed_or_permitted():
    done = subprocess.run([sys.executable, ROOT / ".ci" / "advisories.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_change_is_checked():
    assert ".ci/advisories.py" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize(
    ("package", "least"),
    [("torch", "2.10"), ("filelock", "3.20.3"), ("requests", "2.32.4"), ("jinja2", "3.1.6")],
)
def test_the_bounds_begin_behind_the_last_hole(advisories, package, least):
    assert advisories.lower_bounds(ROOT / "pyproject.toml")[package] >= Version(least)


def test_a_vulnerable_version_is_named_whether_installed_or_permitted(advisories):
    known = [{"package": "PyYAML", "id": "CVE-1", "fixed": "999.0", "what": "a file runs code"}]
    installed, permitted = advisories.faults(known, {"pyyaml": Version("6.0")})
    assert installed.startswith("pyyaml 6.")
    assert permitted == "pyproject.toml permits pyyaml 6.0: CVE-1, a file runs code; fixed in 999.0"
    assert advisories.faults([known[0] | {"package": "no-such-package"}], {}) == []
