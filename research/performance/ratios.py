"""Reward per unit of risk of a series of profits.

A profit in currency stands for a return on a constant capital, which cancels in every ratio here:
none of them needs to know the capital. Not a number marks a ratio without a denominator, such as
the Sharpe ratio of a strategy that never traded.
"""

from __future__ import annotations

import math

import numpy as np

from framework.core.events import F64Array
from research.performance.drawdown import max_drawdown


def sharpe_ratio(profit: F64Array, bars_per_year: float = 1.0) -> float:
    """Divide the mean profit by its standard deviation, times the root of the bars of a year.

    Annualised under the assumption that bars are independent; see Lo for what holds otherwise.

    Parameters
    ----------
    profit
        Profit of each bar over the riskless rate, shape (n,).
    bars_per_year
        1 gives the ratio per bar.

    References
    ----------
    Sharpe, W. F. (1994), "The Sharpe Ratio", Journal of Portfolio Management 21(1).
    Lo, A. W. (2002), "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4).

    Examples
    --------
    Mean 2 and standard deviation 1; four bars a year double it:

    >>> sharpe_ratio(np.array([1.0, 2.0, 3.0]), bars_per_year=4.0)
    4.0
    """
    if profit.size < 2:
        return math.nan
    return _divided(profit.mean(), profit.std(ddof=1)) * math.sqrt(bars_per_year)


def sortino_ratio(profit: F64Array, bars_per_year: float = 1.0) -> float:
    """Divide the mean profit by the root mean square of the losses, annualised like Sharpe's.

    References
    ----------
    Sortino, F. A. and Price, L. N. (1994), "Performance Measurement in a Downside Risk Framework",
    Journal of Investing 3(3).

    Examples
    --------
    Mean 1 and losses of root mean square 1:

    >>> sortino_ratio(np.array([2.0, 2.0, 2.0, -2.0]))
    1.0
    """
    if profit.size == 0:
        return math.nan
    losses = np.minimum(profit, 0.0)
    return _divided(profit.mean(), math.sqrt((losses**2).mean())) * math.sqrt(bars_per_year)


def calmar_ratio(profit: F64Array, bars_per_year: float = 1.0) -> float:
    """Divide a year's mean profit by the deepest drawdown.

    References
    ----------
    Young, T. W. (1991), "Calmar Ratio: A Smoother Tool", Futures 20(1).

    Examples
    --------
    >>> calmar_ratio(np.array([2.0, -1.0, 2.0]), bars_per_year=3.0)
    3.0
    """
    if profit.size == 0:
        return math.nan
    return _divided(profit.mean() * bars_per_year, max_drawdown(np.cumsum(profit)))


def _divided(reward: float, risk: float) -> float:
    # A series of equal profits has a deviation of rounding errors, not of risk.
    if risk <= 1e-12 * abs(reward) or risk == 0.0:
        return math.nan
    return float(reward / risk)
