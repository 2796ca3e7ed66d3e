"""Losses of forecasts, one a row, so that they can be tested and not only averaged."""

from __future__ import annotations

import numpy as np

from framework.core.events import F64Array
from research.volatility.forecast import LEVELS


def qlike(outcome: F64Array, mean: F64Array) -> F64Array:
    """Return ``y/f − ln(y/f) − 1``: robust to noise in the outcome, 0 where the forecast is right.

    References
    ----------
    Patton, A. (2011), "Volatility Forecast Comparison Using Imperfect Volatility Proxies",
    Journal of Econometrics 160(1).

    Examples
    --------
    >>> qlike(np.array([1.0, 2.0]), np.array([1.0, 1.0])).round(4).tolist()  # 2 − ln 2 − 1
    [0.0, 0.3069]
    """
    ratio = outcome / mean
    return np.asarray(ratio - np.log(ratio) - 1.0, np.float64)


def squared(outcome: F64Array, mean: F64Array) -> F64Array:
    """Return the squared error, bps⁴."""
    return np.asarray((outcome - mean) ** 2, np.float64)


def pinball(outcome: F64Array, quantiles: F64Array) -> F64Array:
    """Return the mean quantile loss over `LEVELS`, shape ``(n,)``.

    References
    ----------
    Koenker, R. and Bassett, G. (1978), "Regression Quantiles", Econometrica 46(1).

    Examples
    --------
    >>> pinball(np.array([1.0]), np.ones((1, 10))).tolist()
    [0.0]
    """
    off = outcome[:, None] - quantiles
    return np.asarray(np.mean(np.maximum(LEVELS * off, (LEVELS - 1.0) * off), axis=1), np.float64)


def crps(outcome: F64Array, quantiles: F64Array) -> F64Array:
    """Return the continuous ranked probability score, by the middles of ten quantile steps.

    References
    ----------
    Gneiting, T. and Ranjan, R. (2011), "Comparing Density Forecasts Using Threshold- and
    Quantile-Weighted Scoring Rules", Journal of Business & Economic Statistics 29(3), equation 15.

    Examples
    --------
    >>> crps(np.array([2.0]), np.ones((1, 10))).round(6).tolist()  # a point forecast: |2 − 1|
    [1.0]
    """
    return 2.0 * pinball(outcome, quantiles)
