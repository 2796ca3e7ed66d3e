"""Realised measures: how much variance a stretch of prices held, and how much of it was noise.

All take logarithms of prices in order of time, shape ``(n_prices,)``, and give variance over the
whole stretch in the square of their unit: logarithms in basis points give bps².
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from framework.core.errors import DataError
from framework.core.events import F64Array

# E|Z| of a standard normal; the products of neighbours in bipower variation are scaled by it.
_MEAN_ABSOLUTE: Final = math.sqrt(2.0 / math.pi)
# Best for the Parzen kernel: Barndorff-Nielsen et al. (2009), section 2.2.
_PARZEN_CONSTANT: Final = 3.5134
# Sparse grids from which integrated variance is guessed, as many as the returns they leave.
_PILOT_RETURNS: Final = 20


def realised_variance(log_prices: F64Array) -> float:
    """Sum the squared returns.

    With independent noise of variance ω² on each of the n + 1 prices its mean is ``IV + 2nω²``.

    References
    ----------
    Andersen, T. G., Bollerslev, T., Diebold, F. X. and Labys, P. (2003), "Modeling and Forecasting
    Realized Volatility", Econometrica 71(2).

    Examples
    --------
    >>> realised_variance(np.array([0.0, 1.0, 3.0, 2.0]))
    6.0
    """
    returns = np.diff(_checked(log_prices, 1))
    return float(returns @ returns)


def subsampled_variance(log_prices: F64Array, step: int) -> float:
    """Average the realised variances of the `step` sparse grids, each scaled to the whole.

    Parameters
    ----------
    step
        Prices from one point of a grid to the next; 1 is `realised_variance`.

    References
    ----------
    Zhang, L., Mykland, P. A. and Aït-Sahalia, Y. (2005), "A Tale of Two Time Scales", Journal of
    the American Statistical Association 100(472), section 3.

    Examples
    --------
    >>> subsampled_variance(np.array([0.0, 1.0, 3.0, 2.0]), 2)  # (3² + 1²) / 2 · 3 / 2
    7.5
    """
    prices = _checked(log_prices, step)
    returns = prices[step:] - prices[:-step]
    return float(np.mean(returns**2) * (prices.size - 1) / step)


def bipower_variance(log_prices: F64Array) -> float:
    """Sum the products of neighbouring absolute returns: variance without jumps.

    References
    ----------
    Barndorff-Nielsen, O. E. and Shephard, N. (2004), "Power and Bipower Variation with Stochastic
    Volatility and Jumps", Journal of Financial Econometrics 2(1).

    Examples
    --------
    >>> round(bipower_variance(np.array([0.0, 1.0, 2.0, 3.0])), 6)  # π/2 · 2 · 3/2
    4.712389
    """
    returns = np.abs(np.diff(_checked(log_prices, 2)))
    products = float(returns[1:] @ returns[:-1])
    return products / _MEAN_ABSOLUTE**2 * returns.size / (returns.size - 1)


def two_scale_variance(log_prices: F64Array, step: int | None = None) -> float:
    """Take away from the sparse realised variance what the dense one says of noise.

    Parameters
    ----------
    step
        Prices of the slow scale; None takes the one that serves best by noise and variance.

    References
    ----------
    Zhang, Mykland and Aït-Sahalia (2005), equation 64 (adjusted for small samples); the step by
    equation 58.

    Examples
    --------
    >>> two_scale_variance(np.array([0.0, 1.0, 0.0, 1.0, 0.0]), 2)  # all noise
    0.0
    """
    prices = _checked(log_prices, 2 if step is None else step)
    n = prices.size - 1
    if step is None:
        noise, variance = _noise_variance(prices), _pilot(prices)
        ratio = 12.0 * noise**2 / max(variance**2, np.finfo(float).tiny)
        step = min(max(math.ceil((ratio * n * n) ** (1 / 3)), 2), max(n // 2, 2))
    returns = prices[step:] - prices[:-step]
    kept = (n - step + 1) / step
    slow = float(returns @ returns) / step
    if kept >= n:
        return slow
    return max((slow - kept / n * realised_variance(prices)) / (1.0 - kept / n), 0.0)


def realised_kernel(log_prices: F64Array, bandwidth: int | None = None) -> float:
    """Weigh the autocovariances of returns by Parzen's kernel, so that noise cancels.

    Parameters
    ----------
    bandwidth
        Lags that count; None takes the one that serves best by noise and variance.

    References
    ----------
    Barndorff-Nielsen, O. E., Hansen, P. R., Lunde, A. and Shephard, N. (2009), "Realized Kernels
    in Practice: Trades and Quotes", Econometrics Journal 12(3). Without their jittering of ends.

    Examples
    --------
    >>> realised_kernel(np.array([0.0, 1.0, 3.0, 2.0]), bandwidth=0)
    6.0
    """
    prices = _checked(log_prices, 2)
    returns = np.diff(prices)
    if bandwidth is None:
        noise, variance = _noise_variance(prices), _pilot(prices)
        ratio = noise / max(variance, np.finfo(float).tiny)
        bandwidth = math.ceil(_PARZEN_CONSTANT * ratio**0.4 * returns.size**0.6)
    bandwidth = min(bandwidth, returns.size - 1)
    total = float(returns @ returns)
    for lag in range(1, bandwidth + 1):
        total += 2.0 * _parzen(lag / (bandwidth + 1)) * float(returns[lag:] @ returns[:-lag])
    return max(total, 0.0)


def signature(log_prices: F64Array, steps: Sequence[int]) -> F64Array:
    """Subsample at several steps: where the plot flattens out, noise no longer counts.

    Returns
    -------
    shape ``(len(steps),)``, variance at each step

    Examples
    --------
    >>> signature(np.array([0.0, 1.0, 0.0, 1.0, 0.0]), [1, 2]).tolist()
    [4.0, 0.0]
    """
    return np.array([subsampled_variance(log_prices, step) for step in steps])


def _noise_variance(prices: F64Array) -> float:
    """Estimate the noise of one price: ω² ≈ RV / 2n when every price counts."""
    return realised_variance(prices) / (2.0 * (prices.size - 1))


def _pilot(prices: F64Array) -> float:
    return subsampled_variance(prices, max((prices.size - 1) // _PILOT_RETURNS, 1))


def _parzen(x: float) -> float:
    if x <= 0.5:
        return 1.0 - 6.0 * x * x + 6.0 * x**3
    return 2.0 * (1.0 - x) ** 3


def _checked(log_prices: F64Array, step: int) -> F64Array:
    if step < 1 or log_prices.ndim != 1 or log_prices.size <= step:
        raise DataError(
            f"a realised measure needs a step of 1 or more and more prices than that, got step "
            f"{step} and {log_prices.size} prices",
            remedy="measure a longer stretch, or take a smaller step",
        )
    if not np.isfinite(log_prices).all():
        row = int(np.flatnonzero(~np.isfinite(log_prices))[0])
        raise DataError(
            f"a realised measure needs finite logarithms of prices, row {row} is {log_prices[row]}",
            remedy="leave out instants without a quote",
        )
    return log_prices
