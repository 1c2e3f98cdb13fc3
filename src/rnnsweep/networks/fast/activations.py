"""The curves of the gates, for `loops`: compiled with them, eight or sixteen numbers at a time."""

import math
from typing import Any

import numpy as np

from rnnsweep.runtime.compiled import in_single_precision


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent in double precision."""
    return math.tanh(x)


@in_single_precision(tanh)
def _tanh_of_single(x: Any) -> Any:
    """Divide two polynomials: within 4 units of the last place, and eight at a time.

    Coefficients of Eigen's ptanh (a minimax fit on the interval beyond which single precision gives 1).
    """
    most = np.float32(7.90531110763549805)
    x = most if x > most else x
    x = -most if x < -most else x
    y = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * y + np.float32(2.00018790482477e-13)
    p = p * y + np.float32(-8.60467152213735e-11)
    p = p * y + np.float32(5.12229709037114e-08)
    p = p * y + np.float32(1.48572235717979e-05)
    p = p * y + np.float32(6.37261928875436e-04)
    p = p * y + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = q * y + np.float32(1.18534705686654e-04)
    q = q * y + np.float32(2.26843463243900e-03)
    q = q * y + np.float32(4.89352518554385e-03)
    return p * x / q


def sigmoid(x: Any) -> Any:
    """Return the logistic function in double precision."""
    return 0.5 * math.tanh(0.5 * x) + 0.5


@in_single_precision(sigmoid)
def _sigmoid_of_single(x: Any) -> Any:
    half = np.float32(0.5)
    return half * tanh(half * x) + half
