"""How fast a series returns to its mean: the half-life of an autoregression of first order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.core.events import F64Array

CRITICAL_5_PERCENT: Final = -2.86
"""Dickey and Fuller's critical value with a constant, many samples (MacKinnon 2010, table 2)."""

_FEWEST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLife:
    """An autoregression of first order, and what it means for a trade.

    Parameters
    ----------
    n
        Steps it was estimated from.
    persistence
        b of x(t+1) = a + b x(t) + noise.
    persistence_error
        Its standard error.
    half_life_s
        Seconds in which half of a deviation is gone; inf where none of it goes, 0 where the sign
        alternates.
    mean, deviation
        Of the process in the long run; nan where it has none.
    t_unit_root
        Dickey and Fuller's statistic: below `CRITICAL_5_PERCENT` a random walk is unlikely.
    """

    n: int
    persistence: float
    persistence_error: float
    half_life_s: float
    mean: float
    deviation: float
    t_unit_root: float

    @property
    def reverts(self) -> bool:
        """Tell whether a random walk can be ruled out at 5 %."""
        return self.t_unit_root < CRITICAL_5_PERCENT


def half_life(values: F64Array, step_ns: int) -> HalfLife:
    r"""Fit :math:`x_{t+1} = a + b x_t + \varepsilon` by least squares.

    The half-life is :math:`-\ln 2 / \ln b` steps: an Ornstein–Uhlenbeck process sampled evenly is
    this autoregression with :math:`b = e^{-\theta \Delta}`. In short samples b is too low by about
    :math:`(1 + 3b) / n` (Kendall 1954), which is not corrected.

    Parameters
    ----------
    values
        Shape ``(n,)``, evenly spaced.
    step_ns
        Time between two of them.

    Raises
    ------
    DataError
        Where there are fewer than twenty, some are not finite, or all are the same.

    References
    ----------
    Chan, E. (2013). Algorithmic Trading, chapter 2.
    Dickey, D. and Fuller, W. (1979). Distribution of the estimators for autoregressive time series.

    Examples
    --------
    A deviation that halves at every step of a second:

    >>> noise = np.tile([1.0, -1.0], 50)
    >>> x = np.zeros(101)
    >>> for t in range(100):
    ...     x[t + 1] = 0.5 * x[t] + 0.0 * noise[t] + (8.0 if t == 10 else 0.0)
    >>> round(half_life(x[11:40], 1_000_000_000).half_life_s, 9)
    1.0
    """
    before, after = values[:-1], values[1:]
    if before.size < _FEWEST or not np.isfinite(values).all() or np.ptp(before) == 0.0:
        raise DataError(
            f"a half-life needs {_FEWEST + 1} finite values that move, got {values.size}",
            remedy="sample more often or longer, and drop times without a quote",
        )
    centred = before - before.mean()
    b = float(centred @ after / (centred @ centred))
    a = float(after.mean() - b * before.mean())
    residual = after - a - b * before
    variance = float(residual @ residual / (before.size - 2))
    error = math.sqrt(variance / float(centred @ centred))
    reverts = abs(b) < 1.0
    life_s = 0.0
    if b >= 1.0:
        life_s = math.inf
    elif b > 0.0:
        life_s = -math.log(2.0) / math.log(b) * step_ns / NS_PER_S
    return HalfLife(
        n=before.size,
        persistence=b,
        persistence_error=error,
        half_life_s=life_s,
        mean=a / (1.0 - b) if reverts else math.nan,
        deviation=math.sqrt(variance / (1.0 - b * b)) if reverts else math.nan,
        t_unit_root=(b - 1.0) / error if error > 0.0 else -math.inf,
    )
