"""What each execution cost, to the last half tick · lot.

With :math:`s` the side, :math:`p` the price, :math:`q` the quantity and :math:`m` a mid, all whole
numbers of half ticks and lots:

- slippage against the mid at arrival, :math:`s (p - m_{arrival}) q`;
- effective half spread, :math:`s (p - m_{fill}) q`, against the mid that the execution met;
- realised half spread after a horizon, :math:`s (p - m_{after}) q`, what a maker on the other side
  would have kept;
- impact, :math:`s (m_{after} - m_{fill}) q`, so that effective = realised + impact;
- improvement, :math:`s (p_{touch} - p) q`, against the best price it could have taken on arrival.

A markout is minus the realised half spread in basis points of the price: negative where the market
moved against us.

References
----------
Huang, R. and Stoll, H. (1996), "Dealer versus auction markets: A paired comparison of execution
costs on NASDAQ and the NYSE", Journal of Financial Economics 41(3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.instrument import Instrument
from research.tca.identity import assert_equal
from research.tca.trading import check_room, fees, names, notional

HORIZONS_NS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "1ms": NS_PER_MS,
        "10ms": 10 * NS_PER_MS,
        "100ms": 100 * NS_PER_MS,
        "1s": NS_PER_S,
        "5s": 5 * NS_PER_S,
        "10s": 10 * NS_PER_S,
        "30s": 30 * NS_PER_S,
        "60s": 60 * NS_PER_S,
    }
)
"""Name and length of the usual horizons."""

BPS: Final = 10_000


def fill_costs(
    executions: pl.DataFrame,
    orders: pl.DataFrame,
    instruments: Sequence[Instrument],
    horizons: Sequence[str],
) -> pl.DataFrame:
    """Cost every execution and check the identities.

    Parameters
    ----------
    executions, orders
        As `research.tca.measure.Measured` has them.
    instruments
        What books and units are.
    horizons
        Names of the horizons measured.

    Raises
    ------
    DataError
        Where a cost would not fit into 64 bits.
    IdentityError
        Where effective is not realised plus impact.
    """
    known = orders.select(
        "order_id",
        "strategy",
        "order_type",
        "decided_ns",
        "arrival_hticks",
        "touch_hticks",
        "decision_hticks",
    )
    fills = executions.join(known, on="order_id", how="left", maintain_order="left")
    priced = ["px_hticks", "fill_hticks", "arrival_hticks"]
    check_room(fills, priced, pl.col("qty_lots"), "executions")
    costed = fills.with_columns(names(instruments)).with_columns(
        _cost("px_hticks", "arrival_hticks", "slippage_htl"),
        _cost("px_hticks", "fill_hticks", "effective_htl"),
        _cost("touch_hticks", "px_hticks", "improvement_htl"),
        *(_cost("px_hticks", f"after_{h}_hticks", f"realised_{h}_htl") for h in horizons),
        *(_cost(f"after_{h}_hticks", "fill_hticks", f"impact_{h}_htl") for h in horizons),
    )
    for h in horizons:
        parts = pl.col(f"realised_{h}_htl") + pl.col(f"impact_{h}_htl")
        assert_equal(costed, pl.col("effective_htl"), parts, f"effective = realised + impact, {h}")
    return costed.with_columns(
        notional(instruments, "px_hticks", pl.col("qty_lots")).alias("notional"),
        fees(instruments, "px_hticks").alias("fee"),
        bps("slippage_htl", "arrival_hticks", "qty_lots").alias("slippage_bps"),
        bps("effective_htl", "fill_hticks", "qty_lots").alias("effective_bps"),
        bps("improvement_htl", "touch_hticks", "qty_lots").alias("improvement_bps"),
        *(
            bps(f"realised_{h}_htl", "fill_hticks", "qty_lots").alias(f"realised_{h}_bps")
            for h in horizons
        ),
        *(
            bps(f"impact_{h}_htl", "fill_hticks", "qty_lots").alias(f"impact_{h}_bps")
            for h in horizons
        ),
        *(
            (0.0 - bps(f"realised_{h}_htl", "px_hticks", "qty_lots")).alias(f"markout_{h}_bps")
            for h in horizons
        ),
    ).with_columns((pl.col("fee") / pl.col("notional") * BPS).alias("fee_bps"))


def bps(cost_htl: str, price_hticks: str, lots: str) -> pl.Expr:
    """Give a cost in basis points of a price times a quantity."""
    whole = pl.col(price_hticks).cast(pl.Float64) * pl.col(lots)
    return pl.when(whole > 0).then(pl.col(cost_htl) * float(BPS) / whole)


def _cost(dear: str, cheap: str, name: str) -> pl.Expr:
    per_lot = pl.col("side").cast(pl.Int64) * (pl.col(dear) - pl.col(cheap))
    return (per_lot * pl.col("qty_lots")).alias(name)
