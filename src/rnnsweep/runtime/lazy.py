"""Names of a package that are imported when they are first used (PEP 562): importing it stays quick."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], list[str]]:
    """Return a package's ``__getattr__`` and its ``__all__``.

    Args:
        package: the package's ``__name__``.
        modules: for each module, relative to the package or absolute, its public names, separated by blanks.
    """
    module_of = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module_of[name], package), name)

    return get, sorted(module_of)
