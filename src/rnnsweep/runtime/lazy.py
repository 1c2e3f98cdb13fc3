"""Names of a package that are imported when they are first used (PEP 562): importing it stays quick."""

import ast
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any


def lazy_names(package: str, **computed: Callable[[], Any]) -> None:
    """Let a package import the names of its ``if TYPE_CHECKING:`` block when they are first used.

    The block is the one list of these names, so that types are checked wherever they are used. Sets the
    package's ``__getattr__``, ``__dir__`` and ``__all__``; an ``__all__`` of its own keeps its names.

    Args:
        package: the package's ``__name__``.
        computed: names that are no imports, each with what computes its value.
    """
    own: dict[str, Any] = vars(sys.modules[package])
    module_of = dict(_typed_imports(own["__loader__"].get_source(package)))
    names = sorted({*own.get("__all__", ()), *module_of, *computed})

    def get(name: str) -> Any:
        if name in computed:
            return computed[name]()
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module_of[name]), name)

    own.update(__getattr__=get, __dir__=lambda: list(names), __all__=names)


def _typed_imports(source: str) -> Iterator[tuple[str, str]]:
    """Yield each name that a type checker alone imports, and its module."""
    blocks = (one for one in ast.parse(source).body if isinstance(one, ast.If))
    for imported in (one for block in blocks for one in block.body):
        if isinstance(imported, ast.ImportFrom):
            yield from ((alias.name, str(imported.module)) for alias in imported.names)
