"""Pages of HTML: filled from this package's templates, and written whole."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rnnsweep import files


def fill(template: str, **values: Any) -> str:
    """Give a template of this package with the values in it."""
    environment = Environment(
        loader=PackageLoader("rnnsweep.comparison.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def write_whole(path: Path, page: str) -> Path:
    """Write a page and give its path. An older one is replaced as a whole or not at all.

    Raises:
        OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(path, page, mode=0o644)
    return path
