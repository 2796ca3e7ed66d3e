"""Range statistics: variance of bars from their open, high, low and close alone.

All take natural logarithms times any unit, shape ``(n_bars,)``, and give variance in its square.
"""

from __future__ import annotations

import math

import numpy as np

from framework.core.events import F64Array


def parkinson(high: F64Array, low: F64Array) -> F64Array:
    """Estimate variance by the squared range.

    References
    ----------
    Parkinson, M. (1980), "The Extreme Value Method for Estimating the Variance of the Rate of
    Return", Journal of Business 53(1).

    Examples
    --------
    >>> parkinson(np.array([2.0]), np.array([0.0])).round(4).tolist()  # 2² / (4 ln 2)
    [1.4427]
    """
    return (high - low) ** 2 / (4.0 * math.log(2.0))


def garman_klass(open_: F64Array, high: F64Array, low: F64Array, close: F64Array) -> F64Array:
    """Estimate variance by the range and the move from open to close.

    References
    ----------
    Garman, M. B. and Klass, M. J. (1980), "On the Estimation of Security Price Volatilities from
    Historical Data", Journal of Business 53(1), the practical estimator.

    Examples
    --------
    >>> one = np.ones(1)
    >>> garman_klass(0 * one, 2 * one, 0 * one, one).round(4).tolist()  # 2 − (2 ln 2 − 1)
    [1.6137]
    """
    return 0.5 * (high - low) ** 2 - (2.0 * math.log(2.0) - 1.0) * (close - open_) ** 2


def rogers_satchell(open_: F64Array, high: F64Array, low: F64Array, close: F64Array) -> F64Array:
    """Estimate variance by how far high and low lie from open and close; drift does not matter.

    References
    ----------
    Rogers, L. C. G. and Satchell, S. E. (1991), "Estimating Variance from High, Low and Closing
    Prices", Annals of Applied Probability 1(4).

    Examples
    --------
    >>> one = np.ones(1)
    >>> rogers_satchell(0 * one, 2 * one, -one, one).tolist()  # 2·1 + (−1)·(−2)
    [4.0]
    """
    upper = (high - close) * (high - open_)
    lower = (low - close) * (low - open_)
    return np.asarray(upper + lower, np.float64)
