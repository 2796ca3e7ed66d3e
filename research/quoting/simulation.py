r"""Avellaneda and Stoikov's own simulation, to hold their published figures against ours.

In steps of :math:`dt` the mid moves by :math:`\pm \sigma \sqrt{dt}`; an order at distance
:math:`\delta` is filled with probability :math:`A e^{-k \delta} dt`, one unit at a time.

References
----------
Avellaneda, M., & Stoikov, S. (2008), section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from framework.core.events import F64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedMarket:
    """The paper's parameters.

    Parameters
    ----------
    start, sigma
        First mid and its volatility per root unit of time.
    a, k
        Intensity of arrivals at the mid, and its decay with distance.
    horizon, step
        Length of a path and of its steps.
    """

    start: float = 100.0
    sigma: float = 2.0
    a: float = 140.0
    k: float = 1.5
    horizon: float = 1.0
    step: float = 0.005


def simulate(
    gamma: float,
    *,
    paths: int = 1_000,
    seed: int = 0,
    symmetric: bool = False,
    market: PublishedMarket | None = None,
) -> pl.DataFrame:
    """Run the strategy along paths; one row a path.

    Parameters
    ----------
    gamma
        Risk aversion.
    symmetric
        True for the paper's benchmark: the average spread, centred at the mid.

    Returns
    -------
    pl.DataFrame
        ``spread`` (mean along the path), ``pnl`` and final ``inventory``.
    """
    market = market or PublishedMarket()
    rng = np.random.default_rng(seed)
    steps = round(market.horizon / market.step)
    mid = np.full(paths, market.start)
    cash, inventory, spread = np.zeros(paths), np.zeros(paths), np.zeros(paths)
    for i in range(steps):
        left = market.horizon - i * market.step
        bid, ask = _offsets(inventory, gamma, left, symmetric, market)
        spread += bid + ask
        bought = rng.random(paths) < _probability(bid, market)
        sold = rng.random(paths) < _probability(ask, market)
        cash += sold * (mid + ask) - bought * (mid - bid)
        inventory += bought.astype(float) - sold
        mid += market.sigma * np.sqrt(market.step) * rng.choice([-1.0, 1.0], paths)
    return pl.DataFrame(
        {"spread": spread / steps, "pnl": cash + inventory * mid, "inventory": inventory}
    )


def _offsets(
    inventory: F64Array, gamma: float, left: float, symmetric: bool, market: PublishedMarket
) -> tuple[F64Array, F64Array]:
    """Distances from the mid; the paper's formulas written out, apart from the kernels."""
    variance = gamma * market.sigma**2
    half = 0.5 * variance * left + np.log(1.0 + gamma / market.k) / gamma
    if symmetric:
        flat = 0.25 * variance * market.horizon + np.log(1.0 + gamma / market.k) / gamma
        return np.full_like(inventory, flat), np.full_like(inventory, flat)
    shift = -inventory * variance * left
    return half - shift, half + shift


def _probability(distance: F64Array, market: PublishedMarket) -> F64Array:
    return market.a * np.exp(-market.k * distance) * market.step
