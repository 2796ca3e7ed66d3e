"""Did orders cost what the table of costs would have said before they were sent?

Each order's expectation is the pre-trade estimate from other trading's rows: of its venue, regime
and liquidity where the table has those, then without the regime, then of its liquidity on any
venue; near its size and of its side as `estimate_cost` does it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.core.events import F64Array
from research.drift.finding import Finding, Limits
from research.drift.serial import error_of_mean
from research.tca import CostEstimate, estimate_cost
from research.tca.estimate import MIN_ORDERS

_ALIKE: Final = ("symbol", "venue", "regime", "liquidity", "side", "size_bucket")
_CHOICES: Final = (("venue", "regime", "liquidity"), ("venue", "liquidity"), ("liquidity",))
_OF: Final = ("symbol", "venue", "liquidity")
_FEWEST: Final = 10
_NORMAL_90: Final = 1.645


@dataclass(frozen=True)
class CostDrift:
    """Expected against realised cost.

    Attributes
    ----------
    orders
        One row an order: ``decided_ns``, ``symbol``, ``venue``, ``liquidity``, ``regime``,
        ``notional``, ``realised_bps`` and ``expected_bps`` (price paid against the mid at arrival,
        plus fees), ``error_bps`` of the expectation, ``cell`` of orders that share it.
    unmatched
        Orders of which the table of costs knows nothing alike.
    findings
        A test per symbol, venue and liquidity.
    """

    orders: pl.DataFrame
    unmatched: int
    findings: tuple[Finding, ...]


def cost_drift(costs: pl.DataFrame, own: pl.DataFrame, limits: Limits) -> CostDrift:
    """Hold what orders cost against what earlier ones make expect.

    The test is of the mean difference by notional, both errors counted: that of the orders, which
    remember one another, and that of the expectation.

    Parameters
    ----------
    costs
        Rows of the table of costs; those of `own` are left out.
    own
        Rows of the orders to be tested, as `research.tca.cost_rows` gives them.

    Raises
    ------
    DataError
        Where no order has a cost, or the table has none of other trading.
    """
    mine = own.filter(
        pl.col("arrival_bps").is_finite(), pl.col("fees_bps").is_finite(), pl.col("notional") > 0
    )
    others = costs.join(own, on=["run_key", "order_id"], how="anti")
    if mine.is_empty() or others.is_empty():
        raise DataError(
            "expected and realised cost need orders on both sides, found "
            f"{mine.height} filled orders and {others.height} others in the table",
            remedy="merge earlier runs or a desk's executions: crossbook tca RUN --merge",
        )
    cells = mine.partition_by(*_ALIKE, maintain_order=True)
    estimates = [_expected(others, cell) for cell in cells]
    matched = [
        cell.select(
            *("decided_ns", "symbol", "venue", "liquidity", "regime", "notional"),
            realised_bps=pl.col("arrival_bps") + pl.col("fees_bps"),
            expected_bps=pl.lit(estimate.expected_bps),
            error_bps=pl.lit(_error(estimate)),
            cell=pl.lit(number, pl.Int64),
        )
        for number, (cell, estimate) in enumerate(zip(cells, estimates, strict=True))
        if estimate is not None
    ]
    if not matched:
        return CostDrift(orders=pl.DataFrame(), unmatched=mine.height, findings=())
    orders = pl.concat(matched).sort("decided_ns", maintain_order=True)
    groups = orders.partition_by(*_OF, maintain_order=True)
    return CostDrift(
        orders=orders,
        unmatched=mine.height - orders.height,
        findings=tuple(_tested(group, limits.cost_bps) for group in groups),
    )


def _expected(costs: pl.DataFrame, cell: pl.DataFrame) -> CostEstimate | None:
    first = cell.row(0, named=True)
    for number, names in enumerate(_CHOICES):
        given: Mapping[str, str] = {name: str(first[name]) for name in names}
        try:
            found = estimate_cost(
                costs,
                symbol=str(first["symbol"]),
                side=int(first["side"]),
                quantity=float(np.median(cell["quantity"].to_numpy())),
                venue=given.get("venue"),
                regime=given.get("regime"),
                liquidity=given.get("liquidity"),
            )
        except DataError:
            continue
        if found.orders >= MIN_ORDERS or number == len(_CHOICES) - 1:
            return found
    return None


def _error(estimate: CostEstimate) -> float:
    low, high = estimate.error_bps
    return (high - low) / 2.0 / _NORMAL_90


def _tested(group: pl.DataFrame, limit: float) -> Finding:
    weight = group["notional"].to_numpy() / float(group["notional"].sum())
    realised, expected = group["realised_bps"].to_numpy(), group["expected_bps"].to_numpy()
    now, was = float(weight @ realised), float(weight @ expected)
    error = math.hypot(_weighted_error(realised - expected, weight), _shared_error(group, weight))
    return Finding(
        test="cost",
        of=_named(group.select(_OF).row(0)),
        was=was,
        now=now,
        effect=abs(now - was),
        limit=limit,
        p=_two_sided(now - was, error) if group.height >= _FEWEST else math.nan,
        n=group.height,
        low=now - 1.96 * error,
        high=now + 1.96 * error,
    )


def _weighted_error(values: F64Array, weight: F64Array) -> float:
    off = (values - float(weight @ values)) * weight * values.size
    return error_of_mean(off)


def _shared_error(group: pl.DataFrame, weight: F64Array) -> float:
    """Error of the expectations: one that several orders share does not average out."""
    cells = group.with_columns(weight=pl.Series(weight)).group_by("cell")
    parts = cells.agg(part=pl.col("weight").sum() * pl.col("error_bps").first())["part"]
    # Estimates of one venue rest on rows in common, so their errors add up as they are.
    return float(parts.sum())


def _two_sided(value: float, error: float) -> float:
    from scipy.stats import norm  # type: ignore[import-untyped]

    if math.isnan(error):
        return math.nan
    if error == 0.0:
        return float(value == 0.0)
    return float(2.0 * norm.sf(abs(value) / error))


def _named(parts: Sequence[object]) -> str:
    symbol, venue, liquidity = parts
    return f"{venue}:{symbol} {liquidity}"
