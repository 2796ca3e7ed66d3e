r"""The intensity :math:`A e^{-k \delta}` of orders that reach :math:`\delta` from the mid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.core.events import F64Array, I64Array

_LEAST: Final = 10  # orders that must have reached a distance for it to count


@dataclass(frozen=True, slots=True)
class Intensity:
    """Arrivals at the mid, and how they fall off with distance.

    Attributes
    ----------
    a, k
        Per second and side; per tick.
    a_error, k_error
        Standard errors, orders taken to be independent.
    distance_ticks, rate
        Distances that were fitted and the rates observed there, a second and side.
    """

    a: float
    k: float
    a_error: float
    k_error: float
    distance_ticks: F64Array
    rate: F64Array

    def at(self, distance_ticks: F64Array) -> F64Array:
        """Rate of orders that reach a distance, a second and side."""
        return self.a * np.exp(-self.k * distance_ticks)


def reach_counts(reach_ticks: F64Array, distance_ticks: F64Array) -> I64Array:
    """Count the orders that reached each distance or further.

    >>> reach_counts(np.array([0.5, 0.5, 1.5]), np.array([0.5, 1.0, 2.0])).tolist()
    [3, 1, 0]
    """
    ordered = np.sort(reach_ticks)
    return np.asarray(ordered.size - np.searchsorted(ordered, distance_ticks, "left"), np.int64)


def fit_intensity(
    orders: pl.DataFrame,
    seconds: float,
    *,
    first_ticks: float = 0.5,
    last_ticks: float = 10.0,
    step_ticks: float = 0.5,
) -> Intensity:
    r"""Fit :math:`\lambda(\delta) = A e^{-k \delta}` to market orders, as `arrivals` lists them.

    A quote at distance :math:`\delta` that nobody stands before is filled by what reaches at least
    as far. Counts :math:`N(\delta)` are therefore cumulative. The number that end between two
    distances is Poisson, which makes the share :math:`e^{-k \Delta}` that goes on binomial: the
    likelihood gives k from all shares at once, and A from the count at the first distance.

    Parameters
    ----------
    seconds
        Span in which they arrived.
    first_ticks, last_ticks, step_ticks
        Distances looked at; those that fewer than ten orders reached are left out.

    Raises
    ------
    DataError
        Where too few orders reach far enough to tell.

    References
    ----------
    Guéant, O. (2016). The financial mathematics of market liquidity, chapter 10. Avellaneda and
    Stoikov (2008), section 2.5.
    """
    distances = np.arange(first_ticks, last_ticks + step_ticks / 2, step_ticks)
    counts = reach_counts(orders["reach_ticks"].to_numpy(), distances)
    distances, counts = distances[counts >= _LEAST], counts[counts >= _LEAST]
    if distances.size < 2 or counts[0] == counts[-1]:
        raise DataError(
            "intensity needs market orders that reach two distances or more",
            remedy="take a longer period, or distances nearer to the mid",
        )
    tried, went_on = int(counts[:-1].sum()), int(counts[1:].sum())
    share = went_on / tried
    k = -math.log(share) / step_ticks
    k_error = math.sqrt((1.0 - share) / (share * tried)) / step_ticks
    rate = counts / (2.0 * seconds)  # either side
    a = float(rate[0]) * math.exp(k * distances[0])
    relative = math.hypot(1.0 / math.sqrt(counts[0]), distances[0] * k_error)
    return Intensity(a, k, a * relative, k_error, distances, rate)
