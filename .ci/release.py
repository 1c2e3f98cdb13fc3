"""Prints the changes of the version that a tag names, once tag, package and changelog agree.

``python .ci/release.py v0.1.0`` ends with status 1 and one line where they do not.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"^## (?P<version>\S+) \((?P<date>[^)]*)\)$", re.MULTILINE)


def notes(tag: str, *, root: Path = ROOT) -> str:
    """Return the part of CHANGELOG.md that speaks of the tag's version.

    Raises:
        ValueError: tag, pyproject.toml and CHANGELOG.md do not name the same version, or it has no date yet.
    """
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    if tag != f"v{version}":
        raise ValueError(f"tag {tag}: pyproject.toml has version {version}, so the tag must be v{version}")
    text = (root / "CHANGELOG.md").read_text()
    headings = list(HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] != version:
            continue
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", heading["date"]):
            raise ValueError(
                f"CHANGELOG.md: {version} ({heading['date']}): put the date of the release there"
            )
        return text[heading.end() : following.start() if following else None].strip()
    raise ValueError(f"CHANGELOG.md: has no heading '## {version} (date)'")


if __name__ == "__main__":
    try:
        print(notes(sys.argv[1]))
    except ValueError as error:
        sys.exit(f"error: {error}")
