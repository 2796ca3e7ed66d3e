"""Range statistics: variance of a bar from its open, high, low and close alone.

All take natural logarithms times any unit and give variance in its square.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from framework._jit import kernel
from framework.core.events import F64Array

_FOUR_LN_2: Final = 4.0 * math.log(2.0)


@kernel
def parkinson(high: float, low: float) -> float:
    """Estimate variance by the squared range.

    References
    ----------
    Parkinson, M. (1980), "The Extreme Value Method for Estimating the Variance of the Rate of
    Return", Journal of Business 53(1).

    Examples
    --------
    >>> round(parkinson(2.0, 0.0), 4)  # 2² / (4 ln 2)
    1.4427
    """
    return (high - low) ** 2 / _FOUR_LN_2


@kernel
def garman_klass(open_: float, high: float, low: float, close: float) -> float:
    """Estimate variance by the range and the move from open to close.

    References
    ----------
    Garman, M. B. and Klass, M. J. (1980), "On the Estimation of Security Price Volatilities from
    Historical Data", Journal of Business 53(1), the practical estimator.

    Examples
    --------
    >>> round(garman_klass(0.0, 2.0, 0.0, 1.0), 4)  # 2 − (2 ln 2 − 1)
    1.6137
    """
    return 0.5 * (high - low) ** 2 - (0.5 * _FOUR_LN_2 - 1.0) * (close - open_) ** 2


@kernel
def rogers_satchell(open_: float, high: float, low: float, close: float) -> float:
    """Estimate variance by how far high and low lie from open and close; drift does not matter.

    References
    ----------
    Rogers, L. C. G. and Satchell, S. E. (1991), "Estimating Variance from High, Low and Closing
    Prices", Annals of Applied Probability 1(4).

    Examples
    --------
    >>> rogers_satchell(0.0, 2.0, -1.0, 1.0)  # 2·1 + (−1)·(−2)
    4.0
    """
    return (high - close) * (high - open_) + (low - close) * (low - open_)


@kernel
def parkinson_over(high: F64Array, low: F64Array) -> F64Array:
    """Compute `parkinson` of every bar."""
    out = np.empty(high.size)
    for i in range(out.size):
        out[i] = parkinson(high[i], low[i])
    return out


@kernel
def garman_klass_over(open_: F64Array, high: F64Array, low: F64Array, close: F64Array) -> F64Array:
    """Compute `garman_klass` of every bar."""
    out = np.empty(high.size)
    for i in range(out.size):
        out[i] = garman_klass(open_[i], high[i], low[i], close[i])
    return out


@kernel
def rogers_satchell_over(
    open_: F64Array, high: F64Array, low: F64Array, close: F64Array
) -> F64Array:
    """Compute `rogers_satchell` of every bar."""
    out = np.empty(high.size)
    for i in range(out.size):
        out[i] = rogers_satchell(open_[i], high[i], low[i], close[i])
    return out
