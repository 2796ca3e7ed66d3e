r"""Spread and price impact told from trades: Roll's spread and Kyle's lambda.

References
----------
Roll, R. (1984), "A simple implicit measure of the effective bid-ask spread in an efficient market",
Journal of Finance 39(4). Kyle, A. (1985), "Continuous auctions and insider trading", Econometrica
53(6). White, H. (1980), "A heteroskedasticity-consistent covariance matrix estimator",
Econometrica 48(4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.core.events import F64Array


def roll_spread(prices: F64Array) -> float | None:
    r"""Estimate the spread that the bounce of prices implies: :math:`2\sqrt{-\gamma_1}`.

    Parameters
    ----------
    prices : shape (n,)
        Trade prices in order.

    Returns
    -------
    float or None
        In the unit of the prices; None where successive changes do not tend to reverse, so that
        there is no bounce to measure.

    Examples
    --------
    Buyers and sellers arrive at random, a tick above and below a mid of 100:

    >>> sides = np.random.default_rng(1).choice([-1.0, 1.0], 100_000)
    >>> round(roll_spread(100.0 + sides), 1)
    2.0
    >>> roll_spread(np.arange(10.0)) is None
    True
    """
    changes = np.diff(prices)
    if changes.size < 3:
        return None
    moved = changes - changes.mean()
    covariance = float(np.mean(moved[1:] * moved[:-1]))
    return 2.0 * float(np.sqrt(-covariance)) if covariance < 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambda:
    """Price impact of signed volume.

    Parameters
    ----------
    slope
        Change of price per unit of net bought volume.
    error
        Its standard error, robust to heteroskedasticity (White's HC1).
    r_squared
        Share of the price changes' variance that net volume explains.
    intervals
        Observations.
    """

    slope: float
    error: float
    r_squared: float
    intervals: int


def kyle_lambda(net_volume: F64Array, price_change: F64Array) -> Lambda | None:
    r"""Regress price changes on net bought volume: :math:`\Delta p_t = a + \lambda v_t + e_t`.

    Parameters
    ----------
    net_volume, price_change : shape (n,)
        Bought less sold volume, and change of the mid, of each interval.

    Returns
    -------
    Lambda or None
        None where there are fewer than three intervals, or the volume never changes.

    Examples
    --------
    >>> volume = np.array([1.0, -2.0, 0.0, 3.0])
    >>> found = kyle_lambda(volume, 0.5 * volume + 0.1)
    >>> round(found.slope, 9), round(found.r_squared, 9), found.intervals
    (0.5, 1.0, 4)
    """
    n = net_volume.size
    if n < 3 or np.ptp(net_volume) == 0:
        return None
    design = np.column_stack([np.ones(n), net_volume])
    solved, *_ = np.linalg.lstsq(design, price_change, rcond=None)
    left = price_change - design @ solved
    bread = np.linalg.inv(design.T @ design)
    meat = (design * (left**2)[:, None]).T @ design
    covariance = bread @ meat @ bread * n / (n - 2)
    total = float(np.sum((price_change - price_change.mean()) ** 2))
    return Lambda(
        slope=float(solved[1]),
        error=float(np.sqrt(max(covariance[1, 1], 0.0))),
        r_squared=1.0 - float(np.sum(left**2)) / total if total > 0 else 0.0,
        intervals=n,
    )
