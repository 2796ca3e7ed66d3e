"""Bars remember: how many of them say as much as one that stands for itself."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from framework.core.errors import CrossbookError
from framework.core.events import F64Array

_WINDOW: Final = 5.0  # memories summed over, Sokal's rule
_FEWEST: Final = 10


def memory(values: F64Array) -> float:
    r"""Return :math:`1 + 2 \sum_k \rho_k`, rows that count as one independent one; at least 1.

    The sum ends where it has gone over five times its own result, Sokal's window. Ranks are taken
    in place of values, since distributions are compared and not means.

    Parameters
    ----------
    values : shape (n,)
        In order of time.

    Raises
    ------
    CrossbookError
        Where statsmodels is not installed.

    References
    ----------
    Sokal, A. (1997), "Monte Carlo Methods in Statistical Mechanics", in Functional Integration.

    Examples
    --------
    >>> memory(np.random.default_rng(1).random(10_000)) < 1.2
    True
    >>> 7 < memory(np.repeat(np.random.default_rng(1).random(1_000), 8)) < 9
    True
    """
    if values.size < _FEWEST or np.ptp(values) == 0:
        return 1.0
    _statsmodels()
    from scipy.stats import rankdata  # type: ignore[import-untyped]
    from statsmodels.tsa.stattools import acf  # type: ignore[import-untyped]

    lags = min(values.size - 1, 20_000)
    correlated = np.asarray(acf(rankdata(values), nlags=lags, fft=True), np.float64)
    sums = 2.0 * np.cumsum(correlated) - 1.0
    is_past = np.arange(sums.size) >= _WINDOW * sums
    cut = int(np.argmax(is_past)) if is_past.any() else sums.size - 1
    return max(float(sums[cut]), 1.0)


def error_of_mean(values: F64Array) -> float:
    """Return the standard error of a mean over rows that remember.

    Newey and West's, over the cube root of the number of rows; nan where there are fewer than ten.

    Parameters
    ----------
    values : shape (n,)
        In order of time.

    Raises
    ------
    CrossbookError
        Where statsmodels is not installed.

    References
    ----------
    Newey, W. and West, K. (1987), "A Simple, Positive Semi-Definite, Heteroskedasticity and
    Autocorrelation Consistent Covariance Matrix", Econometrica 55(3).

    Examples
    --------
    >>> draws = np.random.default_rng(1).standard_normal(10_000)
    >>> round(error_of_mean(draws), 3)  # 1 / √10,000
    0.01
    """
    if values.size < _FEWEST:
        return math.nan
    _statsmodels()
    from statsmodels.regression.linear_model import OLS  # type: ignore[import-untyped]

    lags = math.ceil(values.size ** (1 / 3))
    fitted = OLS(values, np.ones(values.size)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}
    )
    return float(fitted.bse[0])


def _statsmodels() -> None:
    try:
        import statsmodels  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise CrossbookError(
            "tests of drift need the package statsmodels, which is not installed",
            remedy="pip install 'crossbook[volatility]'",
        ) from error
