"""What an order is likely to cost, from what orders like it have cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import DataError

MIN_ORDERS: Final = 30
"""Orders an estimate rests on at least, where the table has them."""
_SIZE_FACTOR: Final = 4.0
_RESAMPLES: Final = 2_000
_SEED: Final = 1
_LEVELS: Final = (0.05, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """Expected cost of an order.

    Parameters
    ----------
    expected_bps
        Average cost, by notional, of the orders it rests on: price paid against the mid at arrival,
        plus fees.
    error_bps
        Interval of that average (5 to 95 %, resampled).
    range_bps
        Range of single orders (5 to 95 %).
    slippage_bps, fees_bps, delay_bps
        Averages of the parts; delay comes on top.
    orders, runs
        What it rests on.
    conditions
        What those orders share with the one asked about, as ``column=value``.
    """

    expected_bps: float
    error_bps: tuple[float, float]
    range_bps: tuple[float, float]
    slippage_bps: float
    fees_bps: float
    delay_bps: float
    orders: int
    runs: int
    conditions: tuple[str, ...]


def estimate_cost(
    costs: pl.DataFrame,
    *,
    symbol: str,
    side: int,
    quantity: float,
    venue: str | None = None,
    regime: str | None = None,
    liquidity: str | None = None,
    min_orders: int = MIN_ORDERS,
) -> CostEstimate:
    """Estimate the cost of an order from rows of the cost table.

    The symbol always counts, and so do a venue, regime or liquidity asked for. Orders between a
    quarter and four times the size, of the same side, are taken where there are enough of them;
    else the side is dropped, then the size.

    Raises
    ------
    DataError
        Where no order meets the conditions.
    """
    fixed = {"symbol": symbol, "venue": venue, "regime": regime, "liquidity": liquidity}
    asked = {name: value for name, value in fixed.items() if value is not None}
    rows = costs.filter(
        *(pl.col(name) == value for name, value in asked.items()),
        pl.col("arrival_bps").is_finite(),
        pl.col("fees_bps").is_finite(),
        pl.col("notional") > 0,
    )
    if rows.is_empty():
        told = ", ".join(f"{name}={value}" for name, value in asked.items())
        raise DataError(
            f"no order in the table of costs has {told}",
            remedy=_known(costs, asked),
        )
    conditions = [f"{name}={value}" for name, value in asked.items()]
    low, high = quantity / _SIZE_FACTOR, quantity * _SIZE_FACTOR
    alike = rows.filter(pl.col("quantity").is_between(low, high))
    for chosen, extra in (
        (alike.filter(pl.col("side") == side), (f"side={side:+d}", f"quantity={low:g}..{high:g}")),
        (alike, (f"quantity={low:g}..{high:g}",)),
        (rows, ()),
    ):
        if chosen.height >= min(min_orders, rows.height):
            return _estimate(chosen, (*conditions, *extra))
    raise AssertionError("the last choice has all rows")


def nearest_regime(costs: pl.DataFrame, symbol: str, volatility_bps: float) -> str:
    """Name the regime in which a symbol's orders met volatility most like the one given.

    Parameters
    ----------
    costs
        Rows of the cost table.
    volatility_bps
        Of one minute.

    Raises
    ------
    DataError
        Where no order of the symbol has a known volatility, or the one given is not positive.

    Examples
    --------
    >>> costs = pl.DataFrame({"symbol": ["S"] * 3, "regime": ["low", "high", "high"],
    ...                       "volatility_bps": [2.0, 10.0, 14.0]})
    >>> nearest_regime(costs, "S", 8.0)
    'high'
    """
    met = costs.filter(pl.col("symbol") == symbol, pl.col("volatility_bps") > 0)
    if met.is_empty() or volatility_bps <= 0:
        raise DataError(
            f"the regime of {symbol} now needs its volatility and that of past orders, found "
            f"{volatility_bps:g} bps now and {met.height} orders with one",
            remedy="name a regime with --regime, or leave it out",
        )
    typical = met.group_by("regime").agg(pl.col("volatility_bps").median())
    # Volatility is compared by ratio: from 2 to 4 is as far as from 10 to 20.
    away = (typical["volatility_bps"] / volatility_bps).log().abs()
    return str(typical.with_columns(away=away).sort("away", "regime")["regime"][0])


def _known(costs: pl.DataFrame, asked: dict[str, str]) -> str:
    told = [
        f"{name}: {', '.join(sorted(map(str, costs[name].drop_nulls().unique())))}"
        for name in asked
    ]
    return "it has " + "; ".join(told)


def _estimate(rows: pl.DataFrame, conditions: tuple[str, ...]) -> CostEstimate:
    cost = (rows["arrival_bps"] + rows["fees_bps"]).to_numpy()
    weight = rows["notional"].to_numpy()
    draws = (
        np.random.default_rng(_SEED).multinomial(
            rows.height, np.full(rows.height, 1.0 / rows.height), _RESAMPLES
        )
        if rows.height <= _RESAMPLES
        else None
    )
    if draws is None:
        mean = float(np.average(cost, weights=weight))
        spread = float(np.sqrt(np.sum((weight * (cost - mean)) ** 2)) / weight.sum())
        error = (mean - 1.645 * spread, mean + 1.645 * spread)
    else:
        means = (draws @ (weight * cost)) / (draws @ weight)
        error = (float(np.quantile(means, _LEVELS[0])), float(np.quantile(means, _LEVELS[1])))
    return CostEstimate(
        expected_bps=float(np.average(cost, weights=weight)),
        error_bps=error,
        range_bps=(float(np.quantile(cost, _LEVELS[0])), float(np.quantile(cost, _LEVELS[1]))),
        slippage_bps=_mean(rows, "arrival_bps", weight),
        fees_bps=_mean(rows, "fees_bps", weight),
        delay_bps=_mean(rows, "delay_bps", weight),
        orders=rows.height,
        runs=rows["run_key"].n_unique(),
        conditions=conditions,
    )


def _mean(rows: pl.DataFrame, column: str, weight: np.ndarray) -> float:
    return float(np.average(rows[column].fill_null(0.0).to_numpy(), weights=weight))
