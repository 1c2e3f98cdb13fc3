"""What importing PyTorch and Lightning brings along and no training of ours uses: over half of the time.

Lightning imports torchmetrics, which imports Matplotlib's pyplot (for the `plot` methods of its metrics) and
SciPy's signal processing (for metrics of sound). Both are optional there: torchmetrics asks
lightning-utilities (`RequirementCache`, `package_available`) whether they are installed. In our own processes
the answer is "no".

Lightning also imports PyTorch's compiler (``torch._dynamo``, with SymPy and ONNX's exporter behind it), to
ask of each module whether it is a compiled one, and an optimiser imports it to be left alone by it. Until
somebody compiles, a stand-in answers both; whatever else is asked of it loads the compiler.

PyTorch itself imports what its operators give on tensors without numbers (``torch._meta_registrations``, with
its decompositions behind it): a fifth of the time. Exporting and compiling need it, and load it.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, cast

SPARED = ("PIL", "matplotlib", "scipy")
COMPILER = "torch._dynamo"
SHAPES = "torch._meta_registrations"
DECOMPOSITIONS = "torch._decomp"  # imported by whoever needs the shapes


class _BeforeTorchmetrics:
    """A finder that finds nothing; it is asked before torchmetrics is imported."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer torchmetrics' questions from now on, once it is imported."""
        if name == "torchmetrics":
            sys.meta_path.remove(cls)
            _answer_no()
        return None


def _spec_of_loaded(name: str) -> ModuleSpec | None:
    """Return the spec of a module that is loaded by now; None where there is none."""
    loaded = sys.modules.get(name)
    if loaded is None:
        return None
    spec = ModuleSpec(name, _Handed(loaded))
    # of a module that came while its spec was looked for, Python takes the spec that the module has: with its
    # own, the module would be run a second time, into a second object
    vars(loaded)["__spec__"] = spec
    return spec


class _BeforeCompiler:
    """Finds the compiler's stand-in; a module within the compiler after the compiler is loaded."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the stand-in, or a module of the compiler's package."""
        if name == COMPILER:
            real = PathFinder.find_spec(name, path)
            if real is None:
                return None
            spec = ModuleSpec(name, _Handed(_StandIn(name)), is_package=True)
            spec.submodule_search_locations = real.submodule_search_locations
            return spec
        if not name.startswith(f"{COMPILER}."):
            return None
        _load_compiler()
        return _spec_of_loaded(name)


class _BeforeShapes:
    """Finds the stand-in of the shapes of operators; decompositions after the shapes are loaded."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the stand-in, or a module that needs what it stands for."""
        if name == SHAPES:
            return ModuleSpec(name, _Handed(_Shapes(name)))
        if name != DECOMPOSITIONS and not name.startswith(f"{DECOMPOSITIONS}."):
            return None
        _load_shapes()
        return _spec_of_loaded(name)


class _Shapes(ModuleType):
    """The shapes of operators, until somebody asks for one of them."""

    def __getattr__(self, name: str) -> Any:
        """Load them."""
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(_load_shapes(), name)


class _Handed(Loader):
    """Loads a module that exists."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._own = module, dict(vars(module))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Return a module that was loaded before to what it was, with its own spec."""
        if not isinstance(module, _StandIn | _Shapes):
            vars(module).update(self._own)


class _OfCompiled(type):
    """Makes `isinstance` ask the compiler, if that was loaded by now."""

    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules[COMPILER]
        return not isinstance(compiler, _StandIn) and isinstance(instance, compiler.OptimizedModule)


class _OptimizedModule(metaclass=_OfCompiled):
    """The type of compiled modules."""


class _StandIn(ModuleType):
    """The compiler, until somebody compiles."""

    OptimizedModule = _OptimizedModule

    @staticmethod
    def disable(fn: Any = None, *settings: Any, **named: Any) -> Any:
        """Return a function that the compiler leaves alone: the function, as nothing is compiled."""
        return fn if fn is not None else _load_compiler().disable(fn, *settings, **named)

    @staticmethod
    def graph_break(*settings: Any, **named: Any) -> None:
        """Do nothing: no graph is recorded."""

    def __getattr__(self, name: str) -> Any:
        """Load the compiler; who looks over all modules, as `inspect` does, asks for special names alone."""
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(_load_compiler(), name)


def _load_shapes() -> ModuleType:
    """Load the shapes of operators in the place of their stand-in."""
    if _BeforeShapes in sys.meta_path:
        sys.meta_path.remove(cast(Any, _BeforeShapes))
    if isinstance(sys.modules.get(SHAPES), _Shapes):
        del sys.modules[SHAPES]
    loaded = import_module(SHAPES)
    vars(sys.modules["torch"])["_meta_registrations"] = loaded
    return loaded


def _load_compiler() -> ModuleType:
    """Load PyTorch's compiler in the place of its stand-in."""
    _load_shapes()
    if _BeforeCompiler in sys.meta_path:
        sys.meta_path.remove(cast(Any, _BeforeCompiler))
    if isinstance(sys.modules.get(COMPILER), _StandIn):
        del sys.modules[COMPILER]
        vars(sys.modules["torch"]).pop("_dynamo", None)  # PyTorch finds it again in `sys.modules`
    return import_module(COMPILER)


def spare_imports() -> None:
    """Leave out what trainings can do without, before Lightning is imported, in our own process."""
    if "torchmetrics" not in sys.modules and _BeforeTorchmetrics not in sys.meta_path:
        sys.meta_path.insert(0, _BeforeTorchmetrics)
    if COMPILER not in sys.modules and _BeforeCompiler not in sys.meta_path:
        sys.meta_path.insert(0, _BeforeCompiler)
    if "torch" not in sys.modules and _BeforeShapes not in sys.meta_path:
        sys.meta_path.insert(0, _BeforeShapes)


def _answer_no() -> None:
    from lightning_utilities.core import imports

    met, available = imports.RequirementCache.__bool__, imports.package_available

    def is_met(asked: imports.RequirementCache) -> bool:
        return asked.requirement not in SPARED and met(asked)

    def is_available(package_name: str) -> bool:
        return package_name not in SPARED and available(package_name)

    imports.RequirementCache.__bool__ = is_met  # type: ignore[assignment]
    imports.package_available = is_available  # type: ignore[assignment]
