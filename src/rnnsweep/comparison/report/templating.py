"""Pages of HTML: filled from this package's templates, and written whole."""

import base64
import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rnnsweep import files


def fill(template: str, **values: Any) -> str:
    """Return a template of this package with the values in it."""
    environment = Environment(
        loader=PackageLoader("rnnsweep.comparison.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    folder = resources.files("rnnsweep.comparison.report").joinpath("templates")
    script = folder.joinpath("report.js").read_text(encoding="utf-8")
    trusted = {"script": Markup(script), "script_hash": Markup(hash_of(script))}
    return environment.get_template(template).render(**trusted, **values)


def hash_of(inline: str) -> str:
    """Return how a Content-Security-Policy names the one inline script that may run in a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def write_whole(path: Path, page: str) -> Path:
    """Write a page and give its path. An older one is replaced as a whole or not at all.

    Raises:
        OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(path, page, mode=0o644)
    return path
