"""What importing Lightning brings along and no training of ours uses: a quarter of the time that it takes.

Lightning imports torchmetrics, which imports Matplotlib's pyplot (for the `plot` methods of its metrics) and
SciPy's signal processing (for metrics of sound). Both are optional there: torchmetrics asks
lightning-utilities (`RequirementCache`, `package_available`) whether they are installed. In our own processes
the answer is "no".
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

SPARED = ("PIL", "matplotlib", "scipy")


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


def spare_imports() -> None:
    """Leave out what torchmetrics can do without, before Lightning is imported, in our own process."""
    if "torchmetrics" not in sys.modules and _BeforeTorchmetrics not in sys.meta_path:
        sys.meta_path.insert(0, _BeforeTorchmetrics)


def _answer_no() -> None:
    from lightning_utilities.core import imports

    met, available = imports.RequirementCache.__bool__, imports.package_available

    def is_met(asked: imports.RequirementCache) -> bool:
        return asked.requirement not in SPARED and met(asked)

    def is_available(package_name: str) -> bool:
        return package_name not in SPARED and available(package_name)

    imports.RequirementCache.__bool__ = is_met  # type: ignore[assignment]
    imports.package_available = is_available  # type: ignore[assignment]
