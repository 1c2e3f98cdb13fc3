"""Compare what is installed, and what pyproject.toml permits, with the list of known vulnerabilities."""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

HERE = Path(__file__).parent


def lower_bounds(pyproject: Path) -> dict[str, Version]:
    """Return the lowest version of each dependency, of extras and groups too, that may be installed."""
    content = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    project = content["project"]
    lines = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    lines += [line for group in content["dependency-groups"].values() for line in group]
    bounds: dict[str, Version] = {}
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        lowest = [
            Version(part.version) for part in requirement.specifier if part.operator in (">=", "==", "~=")
        ]
        found = max(lowest, default=Version("0"))
        bounds[name] = min(found, bounds.get(name, found))
    return bounds


def faults(advisories: list[dict[str, str]], bounds: dict[str, Version]) -> list[str]:
    """Return one line for each vulnerable version that is installed or that the bounds permit."""
    lines = []
    for one in advisories:
        name, fixed = canonicalize_name(one["package"]), Version(one["fixed"])
        why = f"{one['id']}, {one['what']}; fixed in {fixed}"
        try:
            installed = Version(version(name))
        except PackageNotFoundError:
            installed = fixed
        if installed < fixed:
            lines.append(f"{name} {installed} is installed: {why}")
        if bounds.get(name, fixed) < fixed:
            lines.append(f"pyproject.toml permits {name} {bounds[name]}: {why}")
    return lines


def main() -> int:
    """Print the faults, or the date of the list; 1 where there are faults."""
    known = yaml.safe_load((HERE / "advisories.yaml").read_text(encoding="utf-8"))
    found = faults(known["advisories"], lower_bounds(HERE.parent / "pyproject.toml"))
    print("\n".join(found) or f"{len(known['advisories'])} advisories of {known['date']}: none applies")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
