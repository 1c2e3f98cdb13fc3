"""Where rows come from: one module for each source, with `state` and `read` (`corpora.Source`).

A source is found by being there; a module whose name begins with ``_`` is no source but a part of some.
"""

from pkgutil import iter_modules


def source_names() -> tuple[str, ...]:
    """Return the names of all sources, without importing one."""
    return tuple(sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_")))
