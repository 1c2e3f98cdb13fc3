"""Optuna's random sampler without the cost of a generator of random numbers for each trial."""

import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class SeededRandomSampler(BaseSampler):
    """Draws the values that Optuna's `RandomSampler` draws from the same seed.

    A study makes a sampler for each of its trials, and NumPy needs a tenth of a millisecond for a new
    `RandomState`: all samplers of a thread share one.

    Args:
        seed: of the first value.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.state: Any = None  # of the generator, where another sampler has taken it over meanwhile

    def infer_relative_search_space(self, study: "Study", trial: "FrozenTrial") -> dict[str, Any]:
        """See `BaseSampler`: no value depends on another."""
        return {}

    def sample_relative(self, study: "Study", trial: "FrozenTrial", search_space: Any) -> dict[str, Any]:
        """See `BaseSampler`: no value depends on another."""
        return {}

    def sample_independent(
        self, study: "Study", trial: "FrozenTrial", param_name: str, param_distribution: "BaseDistribution"
    ) -> Any:
        """See `BaseSampler`."""
        generator = _SHARED.of(self)
        match param_distribution:
            case FloatDistribution():
                return _draw_float(generator, param_distribution)
            case IntDistribution():
                return _draw_int(generator, param_distribution)
            case CategoricalDistribution(choices=choices):
                return choices[int(generator.random_sample(len(choices)).argmax())]
            case other:
                raise AssertionError(other)


class _Shared(threading.local):
    """The generator of a thread, and the sampler whose values it yields now."""

    def __init__(self) -> None:
        self._generator = np.random.RandomState(0)
        self._user: Any = lambda: None

    def of(self, sampler: SeededRandomSampler) -> np.random.RandomState:
        """Return the generator in the state in which the sampler left it."""
        user = self._user()
        if user is sampler:
            return self._generator
        if user is not None:
            user.state = self._generator.get_state()
        if sampler.state is None:
            self._generator.seed(sampler.seed)
        else:
            self._generator.set_state(sampler.state)
        self._user = weakref.ref(sampler)
        return self._generator


_SHARED = _Shared()


def _draw_float(generator: np.random.RandomState, within: FloatDistribution) -> float:
    low, high, step = within.low, within.high, within.step
    if within.log:
        value = math.exp(generator.uniform(math.log(low), math.log(high)))
        return value if within.single() else min(max(value, low), _before(high))
    if step is not None:
        value = generator.uniform(low - 0.5 * step, high + 0.5 * step)
        return min(max(round((value - low) / step) * step + low, low), high)
    value = generator.uniform(low, high)
    return value if within.single() else min(value, _before(high))


def _before(high: float) -> float:
    """Return the largest number below the end of a range, which is no part of it."""
    return math.nextafter(high, high - 1)


def _draw_int(generator: np.random.RandomState, within: IntDistribution) -> int:
    low, high, step = within.low, within.high, within.step
    half = 0.5 * step
    if within.log:
        value = round(math.exp(generator.uniform(math.log(low - half), math.log(high + half))))
    else:
        drawn = generator.uniform(low - half, high + half)
        value = math.floor((drawn - low) / step + 0.5) * step + low
    return min(max(value, low), high)
