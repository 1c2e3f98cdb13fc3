"""CMA-ES whose state a journal of somebody else cannot turn into code.

Optuna keeps the optimiser's state as a pickle among the attributes of trials, and so in the journal that a
person may receive; its `CmaEsSampler._restore_optimizer` loads it with `pickle.loads`. Here an unpickler
makes objects of the classes that the state consists of, and of no other. A test names the private parts of
Optuna that this module uses: `_restore_optimizer`, `_concat_optimizer_attrs`, `_attr_key_optimizer`.
"""

import io
import pickle
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import optuna
from optuna.samplers import CmaEsSampler

from rnnsweep.errors import UserError

_OPTIMISERS = {("cmaes._cma", "CMA"), ("cmaes._cmawm", "CMAwM"), ("cmaes._sepcma", "SepCMA")}
_NUMPY = {("numpy", "ndarray"), ("numpy", "dtype")} | {
    (f"numpy.{core}.multiarray", name) for core in ("_core", "core") for name in ("_reconstruct", "scalar")
}
ADMITTED = _OPTIMISERS | _NUMPY


class OptimiserUnpickler(pickle.Unpickler):
    """Unpickles the state of an optimiser of CMA-ES and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Find one of the admitted classes.

        Raises:
            UserError: any other.
        """
        if (module, name) not in ADMITTED:
            raise UserError(f"{module}.{name} is no part of CMA-ES and is not loaded")
        return getattr(import_module(module.replace("numpy.core", "numpy._core")), name)


class SafeCmaEsSampler(CmaEsSampler):
    """Optuna's CMA-ES, which resumes from a state of its own kind alone."""

    def _restore_optimizer(self, completed_trials: "Sequence[optuna.trial.FrozenTrial]") -> Any:
        for trial in reversed(completed_trials):
            prefix = self._attr_key_optimizer
            parts = {key: text for key, text in trial.system_attrs.items() if key.startswith(prefix)}
            if parts:
                return self._load(parts, trial.number)
        return None

    def _load(self, parts: dict[str, str], number: int) -> Any:
        try:
            state = bytes.fromhex(self._concat_optimizer_attrs(parts))
            optimiser = OptimiserUnpickler(io.BytesIO(state)).load()
        except Exception as error:  # a broken pickle raises almost anything
            why = str(error) if isinstance(error, UserError) else type(error).__name__
            raise UserError(
                f"journal.log: the state of CMA-ES after trial {number} cannot be read: {why};"
                " start the sweep under another `name:`, or take another sampler"
            ) from error
        kind = type(optimiser)
        if (kind.__module__, kind.__name__) not in _OPTIMISERS:
            raise UserError(f"journal.log: trial {number} holds a {kind.__name__}, not the state of CMA-ES")
        return optimiser
