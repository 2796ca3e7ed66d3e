"""Silver schemas of what a desk did itself: its orders and executions, and what they cost."""

from __future__ import annotations

from typing import Final

import polars as pl

DESK_ORDER_SCHEMA: Final = pl.Schema(
    {
        "exchange": pl.String,
        "symbol": pl.String,
        "order_id": pl.String,
        "side": pl.Int8,
        "order_type": pl.String,
        "strategy": pl.String,
        "volume": pl.Float64,
        "decision_timestamp_ns": pl.Int64,
        "arrival_timestamp_ns": pl.Int64,
        "end_timestamp_ns": pl.Int64,
    }
)
"""Orders as an order management system tells them. ``side`` is +1 to buy, −1 to sell, ``volume``
what was wanted. The decision is when somebody chose to trade, the arrival when the venue had the
order (null: never), the end when it was filled, cancelled or refused (null: still open). All clocks
are the exchange's."""

DESK_EXECUTION_SCHEMA: Final = pl.Schema(
    {
        "exchange": pl.String,
        "symbol": pl.String,
        "execution_id": pl.String,
        "order_id": pl.String,
        "side": pl.Int8,
        "exchange_timestamp_ns": pl.Int64,
        "price": pl.Float64,
        "volume": pl.Float64,
        "liquidity": pl.String,
        "fee": pl.Float64,
    }
)
"""Executions as an execution management system tells them. ``liquidity`` is ``"maker"``,
``"taker"`` or null where the venue does not say; ``fee`` is in the instrument's currency, positive
is paid."""

COST_SCHEMA: Final = pl.Schema(
    {
        "run_key": pl.String,
        "source": pl.String,
        "regime": pl.String,
        "symbol": pl.String,
        "venue": pl.String,
        "strategy": pl.String,
        "order_id": pl.String,
        "side": pl.Int8,
        "order_type": pl.String,
        "liquidity": pl.String,
        "size_bucket": pl.String,
        "decided_ns": pl.Int64,
        "quantity": pl.Float64,
        "notional": pl.Float64,
        "volatility_bps": pl.Float64,
        "delay_bps": pl.Float64,
        "execution_bps": pl.Float64,
        "opportunity_bps": pl.Float64,
        "fees_bps": pl.Float64,
        "shortfall_bps": pl.Float64,
        "arrival_bps": pl.Float64,
        "impact_bps": pl.Float64,
        "beyond_touch_bps": pl.Float64,
        "is_within_touch": pl.Boolean,
    }
)
"""What filled orders cost, one row an order. ``run_key`` names the trading it belongs to: a
journal's hash, or one of a desk's rows. ``arrival_bps`` is the price paid against the mid at
arrival, ``impact_bps`` how far the mid had moved a second after its executions,
``beyond_touch_bps`` the price paid beyond the best price on arrival, and ``is_within_touch``
whether what was filled was displayed there (null where sizes are unknown)."""
